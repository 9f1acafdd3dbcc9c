/**
 * reconciler: compares what users, smtp-registry and the audit log know, reports where they differ, and repairs it on
 * demand. Hosted wherever users is.
 *
 * Promise: it never repairs by itself, changes no user but through users' own action, and one pass runs at a time,
 * however many processes host it.
 */
import type { ServiceBroker, ServiceSchema } from "moleculer";
import { rounds } from "../../mixins/basics/rounds.ts";
import {
  askerOf,
  currentCorrelation,
  newCorrelationId,
  withCorrelation,
} from "../../mixins/context/correlation.ts";
import { idempotency } from "../../mixins/idempotency.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import { type ActionContext, callAction } from "../../mixins/moleculer/calls.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { runExclusively } from "../../mixins/postgres/exclusive.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import { Unavailable } from "../contracts/errors.ts";
import { acknowledge, acknowledgementsOf } from "./acknowledgements.ts";
import { backlogs } from "./backlogs.ts";
import { ConsistencyAcknowledgement, ConsistencyBacklog, ReconciliationRow } from "./entities.ts";
import { type Carrying, decideOnOrphan, decideOnOrphans } from "./orphans.ts";
import { aboutOf, Busy, recordedPasses } from "./recorded-passes.ts";
import { passLock, reports } from "./reports.ts";
import { patientAsk } from "./sources.ts";
import { acknowledgeStanding, reconcile, repair, showViolations, type WorkOptions } from "./work.ts";

/** What a pass keeps and reads, and health. */
const poolMax = 2;
/** One holds it, the next is told that it is held; one connection of a pool is left to reads. */
const lockPoolMax = 3;
const statementTimeoutMs = 10_000;
/** A pass over a large directory takes minutes; a caller that waits longer has given up on it. */
const timeoutMs = 30 * 60_000;
const reemitTimeoutMs = 5_000;
const busyRetryAfterMs = 10_000;
const actor = "reconciler";
const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Processes that started together should not reconcile together. */
const jitterShare = 0.2;

type ReconcilerConfig = Pick<
  Config,
  "usersDatabaseUrl" | "reconcileMinutes" | "reconcileGraceMs" | "idempotencyHours" | "idempotencyKeysMax"
>;

/** Throws when the configuration has no `usersDatabaseUrl`. */
export default function reconcilerService(platform: Platform, config: ReconcilerConfig): ServiceSchema {
  const { metrics, now } = platform;
  const { db, log, pool, schema } = dataService("reconciler", platform, config, {
    entities: [ConsistencyAcknowledgement, ConsistencyBacklog, ReconciliationRow, ...idempotencyEntities],
    poolMax,
    statementTimeoutMs,
  });
  const lock = pool(lockPoolMax);
  const queues = backlogs(db);
  const kept = reports(db, now, log);
  const keys = idempotency(db, {
    ttlMs: config.idempotencyHours * hourMs,
    keysMax: config.idempotencyKeysMax,
    now,
    log,
  });
  let stopping = new AbortController();

  const alone = async <T>(broker: ServiceBroker, work: (options: WorkOptions) => Promise<T>): Promise<T> => {
    const { signal } = stopping;
    const done = await runExclusively(lock, passLock, () =>
      work({
        ask: patientAsk(broker, signal),
        acknowledged: (userIds) => acknowledgementsOf(db, userIds),
        backlogs: queues,
        graceMs: config.reconcileGraceMs,
        now,
        log,
        metrics,
        stopping: signal,
      }),
    );
    if (done === undefined)
      throw new Busy("reconciler", "Cannot reconcile: another pass is under way", {
        retryAfterMs: busyRetryAfterMs,
      });
    return done.result;
  };

  const { onRecord, begin } = recordedPasses({
    reports: kept,
    keys,
    alone,
    log,
    isStopping: () => stopping.signal.aborted,
  });

  const everyMs = config.reconcileMinutes * minuteMs;
  const jittered = (ms: number): number => ms * (1 + jitterShare * Math.random());
  const scheduled = async (broker: ServiceBroker): Promise<number> => {
    const correlationId = newCorrelationId();
    await withCorrelation({ correlationId, actor }, async () => {
      try {
        await onRecord(broker, { kind: "pass", of: null, startedBy: actor, correlationId }, reconcile);
      } catch (error) {
        if (!stopping.signal.aborted) log.warn({ reason: errorText(error) }, "reconciling is put off");
      }
    });
    return jittered(everyMs);
  };
  // Soon after the start, so that a process that restarts often reconciles at all.
  const firstMs = (): number => jittered(Math.min(minuteMs, everyMs));

  const carryingOut = (
    ctx: ActionContext<"reconciler.release"> | ActionContext<"reconciler.decide">,
  ): Carrying => {
    const { reason } = ctx.params;
    const meta = askerOf(ctx.meta);
    return {
      keep: (standing) =>
        acknowledge(db, standing, { by: meta.actor, reason, correlationId: meta.correlationId }),
      settle: (orphan) => callAction(ctx.broker, "users.settle", orphan, { timeout: reemitTimeoutMs, meta }),
    };
  };

  const deciding = (as: "released" | "restored") => (ctx: ActionContext<"reconciler.release">) => {
    const { reason } = ctx.params;
    const userId = ctx.params.userId.toLowerCase();
    return alone(ctx.broker, (options) => decideOnOrphan(options, as, { userId, reason }, carryingOut(ctx)));
  };

  return schema({
    mixins: [
      {
        started() {
          stopping = new AbortController();
          showViolations(metrics);
        },
        stopped() {
          stopping.abort(new Unavailable("reconciler", "Cannot go on reconciling: the service stops"));
        },
      },
      ...(everyMs > 0 ? [rounds(firstMs, scheduled)] : []),
      kept.sweeping,
      lock.mixin,
    ],
    actions: actionsOf("reconciler", {
      run: { timeoutMs, handler: (ctx) => onRecord(ctx.broker, aboutOf(ctx, "pass"), reconcile) },
      repair: { timeoutMs, handler: (ctx) => onRecord(ctx.broker, aboutOf(ctx, "repair"), repairing(ctx)) },
      acknowledge: {
        timeoutMs,
        handler: (ctx) => onRecord(ctx.broker, aboutOf(ctx, "acknowledgement"), acknowledging(db, ctx)),
      },
      begin: (ctx) => begin(ctx, "reconciler.begin", aboutOf(ctx, "pass"), reconcile),
      async "begin-repair"(ctx) {
        const { id } = await kept.get(ctx.params.id.toLowerCase());
        return begin(ctx, "reconciler.begin-repair", aboutOf(ctx, "repair", id), repairing(ctx));
      },
      async "begin-acknowledgement"(ctx) {
        const { id } = await kept.get(ctx.params.id.toLowerCase());
        const about = aboutOf(ctx, "acknowledgement", id);
        return begin(ctx, "reconciler.begin-acknowledgement", about, acknowledging(db, ctx));
      },
      get: (ctx) => kept.get(ctx.params.id.toLowerCase()),
      latest: () => kept.latest(),
      release: { timeoutMs, handler: deciding("released") },
      restore: { timeoutMs, handler: deciding("restored") },
      decide: {
        timeoutMs,
        handler: (ctx) =>
          alone(ctx.broker, (options) => decideOnOrphans(options, ctx.params, carryingOut(ctx))),
      },
    }),
  });
}

const reemitting = (broker: ServiceBroker) => async (userId: string, above: number) => {
  const correlationId = currentCorrelation()?.correlationId ?? newCorrelationId();
  await callAction(
    broker,
    "users.reemit",
    { userId, above },
    { timeout: reemitTimeoutMs, meta: { actor, correlationId } },
  );
};

const repairing =
  ({ broker, params }: ActionContext<"reconciler.repair"> | ActionContext<"reconciler.begin-repair">) =>
  (options: WorkOptions) =>
    repair(options, params.userIds, reemitting(broker));

function acknowledging(
  db: Database,
  {
    params,
    meta,
  }: ActionContext<"reconciler.acknowledge"> | ActionContext<"reconciler.begin-acknowledgement">,
) {
  const { actor: by, correlationId } = askerOf(meta);
  const { reason } = params;
  return (options: WorkOptions) =>
    acknowledgeStanding(options, params, (standing) =>
      acknowledge(db, standing, { by, reason, correlationId }),
    );
}
