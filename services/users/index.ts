/**
 * users: the people and their addresses. Its actions are the whole of its surface (contracts/actions.ts); what it tells
 * others leaves as events through the outbox. Refusals and Unavailable are the only errors that are not a defect.
 */
import type { Context, ServiceBroker, ServiceSchema } from "moleculer";
import { admission } from "../../mixins/admission.ts";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { askerOf, newCorrelationId } from "../../mixins/context/correlation.ts";
import { idempotency, type Ticket } from "../../mixins/idempotency.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import { type ActionContext, callAction } from "../../mixins/moleculer/calls.ts";
import type { Platform } from "../../mixins/platform.ts";
import { databaseFigures } from "../../mixins/postgres/database-figures.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { sweeper, sweepRows } from "../../mixins/postgres/sweeping.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import type { ActionName, ActionParams, CallMeta } from "../contracts/actions.ts";
import { domainsChangedEvent } from "../contracts/domains.ts";
import { freedBefore } from "../contracts/terms.ts";
import { noneOf, userFieldNames } from "../contracts/user.ts";
import { type AcceptedDomains, acceptedDomains } from "./accepted-domains.ts";
import { holdersOf } from "./address-holders.ts";
import { committer, writeBudget } from "./commit.ts";
import { digestUsers } from "./digest.ts";
import { usersEntities } from "./entities.ts";
import { eraseUser } from "./erase.ts";
import { sweepErasedKeys } from "./erasure-sql.ts";
import { relayNudge } from "./events.ts";
import { exportUser, listErasures } from "./export.ts";
import { generations } from "./generation.ts";
import { settleOrphan } from "./orphans.ts";
import { getUser, listUsers, stateFinder } from "./queries.ts";
import { reemit } from "./reemit.ts";
import { type Registry, registryClient } from "./registry-client.ts";
import type { Command, Edit } from "./rules.ts";
import { searches, searchLimits } from "./searches.ts";
import { livingIn } from "./sql.ts";
import { addressesNow, requestsOf } from "./trace.ts";
import { type UserWrites, userWrites, type WriteContext } from "./write.ts";

/** Connections of one process; a write holds one for a few milliseconds. */
const poolMax = 20;
/** Part of the write's budget (commit.ts): a statement that takes longer can't belong to a write that succeeds. */
const statementTimeoutMs = 1_000;
/** A pass over a large directory takes minutes; nobody waits for this one. */
const reconcileTimeoutMs = 30 * 60_000;
const hourMs = 3_600_000;

interface Writes extends UserWrites {
  erase(params: ActionParams<"users.erase">, context: WriteContext): Promise<null>;
  settle(params: ActionParams<"users.settle">, context: WriteContext): Promise<{ version: number }>;
  begin(): Promise<{ generation: number }>;
  reemit(params: ActionParams<"users.reemit">, context: WriteContext): Promise<{ version: number }>;
}

/** The schema of the service `users`; the configuration must name its database by now. */
export default function usersService(platform: Platform, config: Config): ServiceSchema {
  const { db, log, pool, schema } = dataService("users", platform, config, {
    entities: [...usersEntities, ...idempotencyEntities, OutboxMessage],
    poolMax,
    statementTimeoutMs,
  });
  const searchDb = pool(searchLimits.atOnceMax, searchLimits.statementTimeoutMs);
  const search = searches(searchDb);
  const keys = idempotency(db, {
    ttlMs: config.idempotencyHours * hourMs,
    keysMax: config.idempotencyKeysMax,
    now: platform.now,
    log,
  });
  const admissionOf = (work: string) =>
    admission({ service: "users", work, random: Math.random, metrics: platform.metrics });
  const admitted = {
    write: admissionOf("users.write"),
    get: admissionOf("users.get"),
    list: admissionOf("users.list"),
  };
  let registry: Registry | undefined;
  let accepted: AcceptedDomains | undefined;
  const freed = () => freedBefore(platform.now(), config);
  const commit = committer({ db, freed });
  const findState = stateFinder(db);
  let writes: Writes | undefined;

  /** Runs a write under its idempotency key, if it carries one. */
  const write = <T>(
    ctx: Context<unknown, CallMeta>,
    action: ActionName,
    work: (writes: Writes, context: WriteContext) => Promise<T>,
  ): Promise<T> => {
    const budget = writeBudget();
    const ready = writes;
    if (ready === undefined) throw new Error("Cannot write a user: the service is not started");
    const { onBehalfOf, traceparent } = ctx.meta;
    const cause = { action, ...askerOf(ctx.meta), onBehalfOf, traceparent };
    return admitted.write.run(budget.leftMs(), () =>
      keys.run({ action, params: ctx.params, meta: ctx.meta }, (ticket: Ticket) =>
        work(ready, { ticket, cause, budget, asker: ctx.meta.user }),
      ),
    );
  };

  const edit = (ctx: ActionContext<"users.replace" | "users.patch">, action: ActionName) => {
    const { id, expectedVersions } = ctx.params;
    return write(ctx, action, (ready, context) =>
      ready.change(id, editOf(ctx.params), expectedVersions, context),
    );
  };

  const sweepErased = () => sweepRows(db, (rowsMax) => sweepErasedKeys(freed(), rowsMax));
  return schema({
    mixins: [
      keys.mixin,
      searchDb.mixin,
      databaseFigures("users", db, platform.metrics),
      sweeper("freed keys of erased users", sweepErased, log),
    ],
    created(this: { broker: ServiceBroker }) {
      const nudge = relayNudge(this.broker);
      registry = registryClient(this.broker, platform.metrics, log);
      const begun = (): void => {
        const meta = { correlationId: newCorrelationId(), actor: "users" };
        callAction(this.broker, "reconciler.run", {}, { timeout: reconcileTimeoutMs, meta }).catch(
          (error: unknown) =>
            log.warn({ reason: errorText(error) }, "what a failover has lost is looked for later"),
        );
      };
      const generation = generations({ db, give: registry.generationAbove, begun, log });
      const { now } = platform;
      accepted = acceptedDomains(db, log);
      const deps = { db, freed, findState, commit, generation, registry, accepted, now, log, nudge };
      writes = {
        ...userWrites(deps),
        erase: (params, context) => eraseUser(deps, params, context),
        reemit: (params, context) => reemit(deps, params, context),
        begin: async () => ({ generation: await generation.begin() }),
        settle: (params, context) => settleOrphan(deps, params, context),
      };
    },
    async started() {
      await accepted?.keepLooking();
    },
    stopped: () => accepted?.stop(),
    events: {
      "$services.changed": () => registry?.mayBeBack(),
      [domainsChangedEvent]: () => accepted?.keepUp(),
    },
    actions: actionsOf("users", {
      create: (ctx) => write(ctx, "users.create", ({ create }, context) => create(ctx.params, context)),
      get: (ctx) =>
        admitted.get.run(writeBudget().leftMs(), () => getUser(findState, ctx.params.id, ctx.meta.user)),
      list: (ctx) => {
        const domains = ctx.meta.user?.domains;
        return ctx.params.q === undefined
          ? admitted.list.run(writeBudget().leftMs(), () => listUsers(db, ctx.params, domains))
          : search((own) => listUsers(own, ctx.params, domains));
      },
      replace: (ctx) => edit(ctx, "users.replace"),
      patch: (ctx) => edit(ctx, "users.patch"),
      remove: (ctx) =>
        write(ctx, "users.remove", ({ change }, context) =>
          change(ctx.params.id, { kind: "remove" }, ctx.params.expectedVersions, context),
        ),
      restore: (ctx) =>
        write(ctx, "users.restore", ({ change }, context) =>
          change(ctx.params.id, { kind: "restore" }, ctx.params.expectedVersions, context),
        ),
      "living-in": async (ctx) => {
        const [count] = await db.read((em) => run(em, livingIn(ctx.params.domain)));
        return { addresses: count?.addresses ?? 0 };
      },
      erase: (ctx) => write(ctx, "users.erase", ({ erase }, context) => erase(ctx.params, context)),
      export: (ctx) => exportUser(db, ctx, ctx.params.id, platform.now(), ctx.meta.user),
      erasures: (ctx) => listErasures(db, ctx.params),
      digest: (ctx) => digestUsers(db, ctx.params),
      trace: (ctx) => requestsOf(db, ctx.params, platform.now()),
      addresses: (ctx) => addressesNow(db, ctx.params.userIds),
      holders: async (ctx) => ({ items: await holdersOf(db, freed(), ctx.params.keys) }),
      generation: (ctx) => write(ctx, "users.generation", (ready) => ready.begin()),
      settle: (ctx) => write(ctx, "users.settle", (ready, context) => ready.settle(ctx.params, context)),
      reemit: (ctx) => write(ctx, "users.reemit", (ready, context) => ready.reemit(ctx.params, context)),
    }),
  });
}

/** What the client may set; its read-only members are ignored, and null takes away (RFC 7396). */
function editOf(body: { readonly [F in keyof Edit]: Edit[F] | null }): Command {
  const fields = userFieldNames.map((name) => [name, body[name] === null ? noneOf(name) : body[name]]);
  return { ...(Object.fromEntries(fields) as Edit), kind: "edit" };
}
