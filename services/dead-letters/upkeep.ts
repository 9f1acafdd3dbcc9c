/**
 * Promise: whoever scrapes sees how many letters of each queue are pending; what was settled longer ago than the term
 * leaves the table by itself, a few rows at a time. What is pending stays for ever.
 */

import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { queueName } from "../contracts/headers.ts";
import * as sql from "./sql.ts";

const everyMs = 15_000;
/** Processes that started together should not work together. */
const jitterMs = 5_000;
const sweepBatchMax = 500;
const sweepBatchesMax = 20;
const dayMs = 86_400_000;

export interface UpkeepOptions {
  readonly db: Database;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "deadLetters" | "onScrape">;
  readonly now: () => Date;
  readonly retentionDays: number;
}

/** Deletes letters settled before the term, at most `sweepBatchesMax` batches; resolves with how many. */
export async function sweepSettled(
  options: Pick<UpkeepOptions, "db" | "now" | "retentionDays">,
): Promise<number> {
  const { db, now, retentionDays } = options;
  const before = new Date(now().getTime() - retentionDays * dayMs);
  for (let batches = 0, deleted = 0; ; batches += 1) {
    if (batches === sweepBatchesMax) return deleted;
    const rows = await db.read((em) => em.execute<unknown[]>(sql.deleteSettled, [before, sweepBatchMax]));
    deleted += rows.length;
    if (rows.length < sweepBatchMax) return deleted;
  }
}

export interface Upkeep {
  start(): void;
  /** Resolves when what is under way has ended. */
  stop(): Promise<void>;
}

/** The gauge as the table stands at a scrape; queues that had letters once stay shown. */
function showPending({ db, metrics }: UpkeepOptions): () => void {
  const shown = new Set<string>(Object.values(queueName));
  return metrics.onScrape({
    async measure() {
      const rows = await db.read((em) => em.execute<{ queue: string; pending: number }[]>(sql.countPending));
      const pending = new Map(rows.map((row) => [row.queue, row.pending]));
      for (const queue of pending.keys()) shown.add(queue);
      return () => {
        for (const queue of shown) metrics.deadLetters.set({ queue }, pending.get(queue) ?? 0);
      };
    },
    forget: () => metrics.deadLetters.reset(),
  });
}

/** Sweeps every `everyMs`. */
export function upkeep(options: UpkeepOptions): Upkeep {
  const { log } = options;
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let unmeasure: () => void = () => {};

  async function sweep(): Promise<void> {
    try {
      const gone = await sweepSettled(options);
      if (gone > 0) log.debug({ gone }, "settled dead letters swept");
    } catch (error) {
      log.warn({ reason: errorText(error) }, "dead letters can't be swept now");
    }
    working = undefined;
  }

  const schedule = (): void => {
    timer = setTimeout(
      () => {
        working ??= sweep();
        schedule();
      },
      everyMs + Math.random() * jitterMs,
    );
    timer.unref();
  };

  return {
    start() {
      unmeasure = showPending(options);
      working ??= sweep();
      schedule();
    },
    async stop() {
      clearTimeout(timer);
      unmeasure();
      await working;
    },
  };
}
