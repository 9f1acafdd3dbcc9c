/**
 * Services with the actions of the contract and an array for a memory: what the gateway's tests talk to, so that they
 * are about the gateway. What users, registry and audit really do is tested on the real ones.
 */
import { randomUUID } from "node:crypto";
import { Errors, type ServiceSchema } from "moleculer";
import type { ActionContext } from "../../mixins/moleculer/calls.ts";
import { params } from "../../mixins/moleculer/validation.ts";
import { type ActionName, actions } from "../../services/contracts/actions.ts";
import { Refusal, Unavailable } from "../../services/contracts/errors.ts";
import type { User } from "../../services/contracts/user.ts";

/** What the actions received last, by name. */
export interface Seen {
  params: unknown;
  meta: Record<string, unknown>;
  requestID: string | null;
}
export const seen = new Map<ActionName, Seen>();

const action = <N extends ActionName>(name: N, handler: (ctx: ActionContext<N>) => unknown) => ({
  params: params(actions[name].params),
  handler(ctx: ActionContext<N>) {
    const { requestID } = ctx as unknown as { requestID: string | null };
    seen.set(name, { params: structuredClone(ctx.params), meta: { ...ctx.meta }, requestID });
    return handler(ctx);
  },
});

const users = new Map<string, User>();
const deleted = new Set<string>();
const answered = new Map<string, unknown>();

function live(id: string, expected: readonly number[] | undefined): User {
  const user = users.get(id);
  if (user === undefined || deleted.has(id))
    throw new Refusal("not-found", "Cannot find the user: no user has this id");
  if (expected !== undefined && !expected.includes(user.version))
    throw new Refusal("version-mismatch", "Cannot change the user: it has another version");
  return user;
}

/** The faults that a display name asks for, so that a test can have each over plain HTTP. */
function fail(displayName: string): Promise<void> | void {
  if (displayName === "defect") throw new TypeError('relation "users" of ann@secret.example');
  if (displayName === "unavailable") throw new Unavailable("smtp-registry", "down", { retryAfterMs: 2_500 });
  if (displayName === "taken")
    throw new Refusal("address-taken", "Cannot take the address: it is taken", {
      errors: [{ pointer: "#/primarySmtp", detail: "is taken" }],
    });
  if (displayName === "in use") throw new Refusal("idempotency-key-in-use", "Cannot repeat: still running");
  if (displayName === "reused") throw new Refusal("idempotency-key-reused", "Cannot repeat: other request");
  if (displayName === "broker lost") throw new Errors.BrokerDisconnectedError("lost");
  if (displayName === "foreign 404")
    throw new Errors.MoleculerClientError("inner", 404, "INNER", { secret: 1 });
  if (displayName === "slow") return new Promise((resolve) => setTimeout(resolve, 5_000).unref());
}

function changed(user: User, change: Partial<User>): User {
  const next = { ...user, ...change, version: user.version + 1 };
  users.set(user.id, next);
  return next;
}

export const usersStandIn = (): ServiceSchema => ({
  name: "users",
  actions: {
    create: action("users.create", async (ctx) => {
      const { displayName, primarySmtp, secondarySmtps = [] } = ctx.params;
      const key = ctx.meta.idempotencyKey;
      if (key !== undefined && answered.has(key)) {
        ctx.meta.idempotentReplayed = true;
        return answered.get(key);
      }
      await fail(displayName);
      const at = new Date().toISOString();
      const times = { createdAt: at, updatedAt: at };
      const content = { displayName, primarySmtp, secondarySmtps, active: true };
      const user: User = { id: randomUUID(), ...content, version: 1, ...times };
      users.set(user.id, user);
      if (key !== undefined) answered.set(key, user);
      return user;
    }),
    get: action("users.get", (ctx) => live(ctx.params.id, undefined)),
    list: action("users.list", (ctx) => ({
      items: [...users.values()].slice(0, ctx.params.limit),
      nextCursor: null,
    })),
    replace: action("users.replace", async (ctx) => {
      const { id, expectedVersions, displayName, primarySmtp } = ctx.params;
      await fail(displayName);
      return changed(live(id, expectedVersions), { displayName, primarySmtp });
    }),
    patch: action("users.patch", (ctx) => {
      const { id, expectedVersions, displayName } = ctx.params;
      return changed(live(id, expectedVersions), displayName === undefined ? {} : { displayName });
    }),
    remove: action("users.remove", (ctx) => {
      changed(live(ctx.params.id, ctx.params.expectedVersions), {});
      deleted.add(ctx.params.id);
      return null;
    }),
    restore: action("users.restore", (ctx) => {
      const user = users.get(ctx.params.id);
      if (user === undefined) throw new Refusal("not-found", "Cannot restore the user: no user has this id");
      if (!deleted.delete(user.id))
        throw new Refusal("not-deleted", "Cannot restore the user: it is not deleted");
      return changed(user, {});
    }),
    health: action("users.health", () => ({ status: "up", checks: { database: { status: "up" } } })),
  },
});

export const registryStandIn = (): ServiceSchema => ({
  name: "smtp-registry",
  actions: {
    lookup: action("smtp-registry.lookup", (ctx) => ({
      address: ctx.params.address,
      status: "available",
      userId: null,
      kind: null,
      since: null,
      until: null,
    })),
    health: action("smtp-registry.health", () => ({
      status: "down",
      checks: { database: { status: "down", detail: "connect ECONNREFUSED 10.0.0.7:5432" } },
    })),
  },
});

/** Takes what is put on record, without which nobody reads what is read on record only. */
export const recordStandIn = (): ServiceSchema => ({
  name: "access",
  actions: { record: action("access.record", () => null) },
});

export const auditStandIn = (): ServiceSchema => ({
  name: "audit",
  actions: {
    list: action("audit.list", () => ({ items: [], nextCursor: null })),
    health: action("audit.health", () => ({ status: "up", checks: {} })),
  },
});

export const outboxStandIn = (): ServiceSchema => ({
  name: "outbox",
  actions: { health: action("outbox.health", () => ({ status: "up", checks: {} })) },
});
