/** Promise: a consumer of the table takes effect as eventConsumer promises, and what was unusual about it can be told later. */
import { type ConsumerName, queueOf } from "../../services/contracts/consumers.ts";
import type { Mixin } from "../basics/mixin.ts";
import type { Logger } from "../log/logging.ts";
import type { Platform } from "../platform.ts";
import type { Database } from "../postgres/database.ts";
import { type ApplyInTransaction, consumerOutcomes, type Outcomes } from "./consumer-outcomes.ts";
import { eventConsumer } from "./event-consumer.ts";

interface Options {
  readonly platform: Pick<Platform, "bus" | "metrics">;
  readonly config: { readonly retryDelaysMs: readonly number[]; readonly traceDays: number };
  readonly db: Database;
  readonly log: Logger;
  readonly apply: ApplyInTransaction;
}

/** `db` has the table of outcomes. */
export function userEventConsumer(
  name: ConsumerName,
  { platform: { bus, metrics }, config, db, log, apply }: Options,
): { readonly mixins: Mixin[]; readonly outcomes: Outcomes } {
  const outcomes = consumerOutcomes(db, { consumer: name, retentionDays: config.traceDays, log });
  const consumer = eventConsumer({
    name,
    queue: queueOf(name),
    retryDelaysMs: config.retryDelaysMs,
    bus,
    metrics,
    log,
    apply: outcomes.applying(apply),
    failed: outcomes.failed,
  });
  return { mixins: [outcomes.mixin, consumer], outcomes };
}
