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
import type { Logger } from "../../mixins/log/logging.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import { type ActionContext, callAction } from "../../mixins/moleculer/calls.ts";
import type { Platform } from "../../mixins/platform.ts";
import { counting } from "../../mixins/postgres/counting.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { databaseFigures } from "../../mixins/postgres/database-figures.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { sweeper, sweepRows } from "../../mixins/postgres/sweeping.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import type { ActionName, ActionParams, ActionResult, CallMeta } from "../contracts/actions.ts";
import { domainsChangedEvent } from "../contracts/domains.ts";
import { freedBefore } from "../contracts/terms.ts";
import { noneOf, userFieldNames } from "../contracts/user.ts";
import { type AcceptedDomains, acceptedDomains } from "./accepted-domains.ts";
import { holdersOf } from "./address-holders.ts";
import { checkUsers } from "./check.ts";
import { committer, writeBudget } from "./commit.ts";
import { digestUsers } from "./digest.ts";
import { usersEntities } from "./entities.ts";
import { eraseUser } from "./erase.ts";
import { sweepErasedKeys } from "./erasure-sql.ts";
import { relayNudge } from "./events.ts";
import { exportUser, listErasures } from "./export.ts";
import { generations } from "./generation.ts";
import { listedUser, listUsers } from "./list.ts";
import { settleOrphan } from "./orphans.ts";
import { provision } from "./provision.ts";
import { findUser, stateFinder } from "./queries.ts";
import { reemit } from "./reemit.ts";
import { type Registry, registryClient } from "./registry-client.ts";
import { releaseAddress, releaseTeller } from "./release.ts";
import type { Command, Edit } from "./rules.ts";
import { searches, searchLimits } from "./searches.ts";
import { countUsers, livingIn } from "./sql.ts";
import { addressesNow, requestsOf } from "./trace.ts";
import { turns } from "./turns-of-a-user.ts";
import { type UserWrites, userWrites, type WriteContext } from "./write.ts";

/** Connections of one process; a write holds one for a few milliseconds. */
const poolMax = 20;
/** Part of the write's budget (commit.ts): a statement that takes longer can't belong to a write that succeeds. */
const statementTimeoutMs = 1_000;
/** A pass over a large directory takes minutes; nobody waits for this one. */
const reconcileTimeoutMs = 30 * 60_000;
const countTimeoutMs = 10_000;
const hourMs = 3_600_000;

interface Writes extends UserWrites {
  provision(
    params: ActionParams<"users.provision">,
    context: WriteContext,
  ): Promise<ActionResult<"users.provision">>;
  erase(params: ActionParams<"users.erase">, context: WriteContext): Promise<null>;
  release(params: ActionParams<"users.release">, context: WriteContext): Promise<null>;
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
  const { mixin: countMixin, counts } = userCounts(pool, platform.now, log);
  const keys = idempotency(db, {
    ttlMs: config.idempotencyHours * hourMs,
    keysMax: config.idempotencyKeysMax,
    now: platform.now,
    log,
  });
  const admitted = admissions(platform.metrics);
  let registry: Registry | undefined;
  let accepted: AcceptedDomains | undefined;
  const freed = () => freedBefore(platform.now(), config);
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
      keys.run({ action, params: requestOf(ctx.params), meta: ctx.meta }, (ticket: Ticket) =>
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

  return schema({
    mixins: [
      keys.mixin,
      searchDb.mixin,
      countMixin,
      databaseFigures("users", db, platform.metrics),
      erasedKeysSweeper(db, freed, log),
      releaseTeller(db, () => registry, log),
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
      const commit = committer({ db, freed });
      accepted = acceptedDomains(db, log);
      const deps = {
        db,
        freed,
        findState,
        inTurn: turns(),
        commit,
        generation,
        registry,
        accepted,
        now,
        log,
        nudge,
      };
      writes = {
        ...userWrites(deps),
        provision: (params, context) => provision(deps, params, context),
        erase: (params, context) => eraseUser(deps, params, context),
        reemit: (params, context) => reemit(deps, params, context),
        release: (params, context) => releaseAddress(deps, params, context),
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
        admitted.get.run(writeBudget().leftMs(), async () => {
          const { id, deleted } = ctx.params;
          const user = await findUser(findState, id, ctx.meta.user, deleted === "include");
          return listedUser(user, config);
        }),
      list: (ctx) => {
        const domains = ctx.meta.user?.domains;
        return ctx.params.q === undefined
          ? admitted.list.run(writeBudget().leftMs(), () => listUsers(db, ctx.params, config, domains))
          : search((own) => listUsers(own, ctx.params, config, domains));
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
      release: (ctx) => write(ctx, "users.release", (ready, context) => ready.release(ctx.params, context)),
      provision: (ctx) =>
        write(ctx, "users.provision", (ready, context) => ready.provision(ctx.params, context)),
      "living-in": (ctx) => countLiving(db, ctx.params.domain),
      check: (ctx) =>
        admitted.list.run(writeBudget().leftMs(), () =>
          checkUsers({ db, accepted, freed: freed(), now: platform.now() }, ctx),
        ),
      erase: (ctx) => write(ctx, "users.erase", ({ erase }, context) => erase(ctx.params, context)),
      export: (ctx) => exportUser(db, ctx, ctx.params.id, platform.now(), ctx.meta.user),
      erasures: (ctx) => listErasures(db, ctx.params),
      standing: async () => ({ circuit: registry?.circuit() ?? "closed", counts: await counts() }),
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

/** What a repeat under the same key must have the same: of what another service made of a request, that request. */
const requestOf = (params: unknown): unknown =>
  params instanceof Object && "request" in params ? { request: params.request } : params;

function admissions(metrics: Metrics) {
  const of = (work: string) => admission({ service: "users", work, random: Math.random, metrics });
  return { write: of("users.write"), get: of("users.get"), list: of("users.list") };
}

/** Over a connection of its own: a million rows take 0.1 to 0.2 s. */
function userCounts(pool: (poolMax: number, timeoutMs: number) => Database, now: () => Date, log: Logger) {
  const db = pool(1, countTimeoutMs);
  const count = async () => {
    const [row] = await db.read((em) => run(em, countUsers));
    return row ?? { active: 0, deleted: 0, erased: 0 };
  };
  return { mixin: db.mixin, counts: counting(count, { now, log }) };
}

const erasedKeysSweeper = (db: Database, freed: () => Date, log: Logger) =>
  sweeper(
    "freed keys of erased users",
    () => sweepRows(db, (rowsMax) => sweepErasedKeys(freed(), rowsMax)),
    log,
  );

async function countLiving(db: Database, domain: string): Promise<{ addresses: number }> {
  const [count] = await db.read((em) => run(em, livingIn(domain)));
  return { addresses: count?.addresses ?? 0 };
}

/** What the client may set; its read-only members are ignored, and null takes away (RFC 7396). */
function editOf(body: { readonly [F in keyof Edit]: Edit[F] | null }): Command {
  const fields = userFieldNames.map((name) => [name, body[name] === null ? noneOf(name) : body[name]]);
  return { ...(Object.fromEntries(fields) as Edit), kind: "edit" };
}
