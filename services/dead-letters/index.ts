/**
 * dead-letters: every event that a consumer gave up, in a table where it can be looked into, replayed or discarded.
 *
 * Promise: RabbitMQ's `<queue>.dlq` is emptied into the table without loss; nothing leaves the table before somebody
 * has decided on it. In-process, the bus hands its letters to the same intake.
 */
import type { ServiceSchema } from "moleculer";
import { reasonLabels } from "../../mixins/bus/dead-letter-cause.ts";
import { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import type { Subscription } from "../../mixins/bus/port.ts";
import { idempotency } from "../../mixins/idempotency.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import { actionsOf } from "../../mixins/moleculer/actions.ts";
import type { Platform } from "../../mixins/platform.ts";
import { sweeper } from "../../mixins/postgres/sweeping.ts";
import { dataService } from "../../mixins/service.ts";
import type { Config } from "../config/index.ts";
import { seesPeople } from "../contracts/access.ts";
import { consumerQueues } from "../contracts/consumers.ts";
import { LetterReplayRow, ReplayedLetter } from "./entities.ts";
import { intake } from "./intake.ts";
import { letters } from "./letters.ts";
import { replays, replaysAtOnceMax } from "./replays.ts";
import { lettersOf } from "./trace.ts";
import { showPending, sweepReplays, sweepSettled } from "./upkeep.ts";
import { maskedView } from "./view.ts";

const poolMax = 3;
/** Whoever is told that somebody else is at it needs one too, and one of a pool is left to reads. */
const lockPoolMax = replaysAtOnceMax + 2;
const statementTimeoutMs = 10_000;
const hourMs = 3_600_000;

/** Throws when the configuration has no `usersDatabaseUrl`. */
export default function deadLettersService(
  platform: Platform,
  config: Pick<Config, "usersDatabaseUrl" | "idempotencyHours" | "idempotencyKeysMax" | "deadLetterDays">,
): ServiceSchema {
  const { bus, metrics, now } = platform;
  const { db, log, pool, schema } = dataService("dead-letters", platform, config, {
    entities: [DeadLetterRecord, LetterReplayRow, ReplayedLetter, ...idempotencyEntities],
    poolMax,
    statementTimeoutMs,
  });
  const { idempotencyHours, idempotencyKeysMax: keysMax } = config;
  const keys = idempotency(db, { ttlMs: idempotencyHours * hourMs, keysMax, now, log });
  const operator = letters({ db, bus, keys, log, now });
  const stopping = new AbortController();
  const lock = pool(lockPoolMax);
  const ofCauses = replays({
    ...{ db, lock, keys, log, now, stopping: stopping.signal },
    send: (letterId, replayId) => operator.replayFor(replayId, letterId),
  });
  let hidePending: () => void = () => {};
  let subscriptions: readonly Subscription[] = [];

  return schema({
    mixins: [
      {
        async started() {
          hidePending = showPending(db, metrics);
          // A counter that begins with its first letter has no increase for an alert to see.
          for (const queue of consumerQueues)
            for (const reason of reasonLabels) metrics.eventsDeadLettered.inc({ queue, reason }, 0);
          const take = intake({ db, log, metrics }, stopping.signal);
          subscriptions = consumerQueues.map((queue) => bus.deadLetters(queue, take));
        },
        async stopped() {
          stopping.abort();
          await Promise.all(subscriptions.map((subscription) => subscription.stop()));
          await ofCauses.ended();
          hidePending();
        },
      },
      sweeper("settled dead letters", () => sweepSettled(db, now, config.deadLetterDays), log),
      sweeper("old replays of causes", () => sweepReplays(db, now, config.deadLetterDays), log),
      lock.mixin,
      // Expired keys are swept by users, whose table it is too.
    ],
    actions: actionsOf("dead-letters", {
      list: (ctx) => operator.list(ctx.params),
      causes: () => operator.causes(),
      async get(ctx) {
        const detail = await operator.get(ctx.params.id);
        return seesPeople(ctx.meta.user) ? detail : maskedView(detail);
      },
      trace: (ctx) => lettersOf(db, ctx.params),
      replay: (ctx) => operator.replay(ctx.params, ctx.meta),
      "replay-cause": (ctx) => ofCauses.begin(ctx.params, ctx.meta),
      "replay-progress": (ctx) => ofCauses.get(ctx.params.id.toLowerCase()),
      pending: (ctx) => operator.pending(ctx.params.userIds),
      discard: (ctx) => operator.discard(ctx.params, ctx.meta),
    }),
  });
}
