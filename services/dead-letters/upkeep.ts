/**
 * Promise: the gauge shows how many letters of each queue are pending, soon after it changes; what was settled longer
 * ago than the term leaves the table by itself, a few rows at a time. What is pending stays for ever.
 */
import type { Database } from "../../mixins/database.ts";
import { errorText } from "../../mixins/error-text.ts";
import type { Logger } from "../../mixins/logging.ts";
import type { Metrics } from "../../mixins/metrics.ts";
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
  readonly metrics: Pick<Metrics, "deadLetters">;
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
  /** Cheap, may be called for each change: measures that are wanted while one runs become one. */
  measureSoon(): void;
  /** Resolves when what is under way has ended. */
  stop(): Promise<void>;
}

/** Every `everyMs` a round of both, and a measure whenever asked for. */
export function upkeep(options: UpkeepOptions): Upkeep {
  const { db, log, metrics } = options;
  const shown = new Set<string>(Object.values(queueName));
  let timer: NodeJS.Timeout | undefined;
  let working: Promise<void> | undefined;
  let wanted: "measure" | "round" | undefined;
  let stopped = true;

  async function measure(): Promise<void> {
    const rows = await db.read((em) => em.execute<{ queue: string; pending: number }[]>(sql.countPending));
    const pending = new Map(rows.map((row) => [row.queue, row.pending]));
    for (const queue of pending.keys()) shown.add(queue);
    for (const queue of shown) metrics.deadLetters.set({ queue }, pending.get(queue) ?? 0);
  }

  async function work(): Promise<void> {
    while (wanted !== undefined && !stopped) {
      const sweeps = wanted === "round";
      wanted = undefined;
      try {
        const gone = sweeps ? await sweepSettled(options) : 0;
        if (gone > 0) log.debug({ gone }, "settled dead letters swept");
        await measure();
      } catch (error) {
        log.warn({ reason: errorText(error) }, "dead letters can't be counted or swept now");
      }
    }
    working = undefined;
  }

  const ask = (what: "measure" | "round"): void => {
    if (stopped) return;
    if (wanted !== "round") wanted = what;
    working ??= work();
  };

  const schedule = (): void => {
    timer = setTimeout(
      () => {
        ask("round");
        schedule();
      },
      everyMs + Math.random() * jitterMs,
    );
    timer.unref();
  };

  return {
    start() {
      stopped = false;
      for (const queue of shown) metrics.deadLetters.set({ queue }, 0);
      ask("round");
      schedule();
    },
    measureSoon: () => ask("measure"),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await working;
    },
  };
}
