/**
 * Promise: what is over its term leaves a table by itself, a few rows at a time, for as long as the service runs, and
 * as fast as it comes: a round that could not take all is followed by the next one within seconds, so no rate of
 * writing outruns it. Nothing may depend on when: whoever reads has to treat such a row as gone already.
 */

import type { Mixin } from "../basics/mixin.ts";
import { rounds } from "../basics/rounds.ts";
import { errorText } from "../log/error-text.ts";
import type { Logger } from "../log/logging.ts";
import type { Database } from "./database.ts";
import { run, type Statement } from "./statement.ts";

const sweepEveryMs = 60_000;
/** Processes that started together should not sweep together. */
const jitterShare = 0.5;
/** Between two rounds of a backlog. */
const soonMs = 1_000;
const batchesMax = 20;
/** Small enough that a sweep never holds up a write. */
export const sweepRowsMax = 500;

/** One round: until a batch is not full, at most `batchesMax`. Resolves with the number of rows gone. */
export async function sweepInBatches(
  deleteBatch: (rowsMax: number) => Promise<readonly unknown[]>,
): Promise<number> {
  let total = 0;
  for (let count = 0; count < batchesMax; count += 1) {
    const rows = await deleteBatch(sweepRowsMax);
    total += rows.length;
    if (rows.length < sweepRowsMax) break;
  }
  return total;
}

/** One round of a statement that returns a row for each that it deletes, and no more than the most it is given. */
export const sweepRows = (
  db: Pick<Database, "transaction">,
  deletion: (rowsMax: number) => Statement,
): Promise<number> => sweepInBatches((rowsMax) => db.transaction((em) => run(em, deletion(rowsMax))));

/** How long to wait after a round that took so many rows; `chance` is from 0 to 1. */
export const untilNextRoundMs = (gone: number, chance: number, everyMs = sweepEveryMs): number => {
  const waitMs = everyMs * (1 + chance * jitterShare);
  return gone >= batchesMax * sweepRowsMax ? Math.min(soonMs, waitMs) : waitMs;
};

/** Sweeps from `started` to `stopped`; a round under way is awaited. List it before the database's mixin. */
export function sweeper(
  what: string,
  sweep: () => Promise<number>,
  log: Logger,
  everyMs = sweepEveryMs,
): Mixin {
  const waitMs = (gone: number): number => untilNextRoundMs(gone, Math.random(), everyMs);
  return rounds(
    () => waitMs(0),
    async () => {
      try {
        const total = await sweep();
        if (total > 0) log.debug({ what, gone: total }, "swept");
        return waitMs(total);
      } catch (error) {
        log.warn({ what, reason: errorText(error) }, "can't sweep now");
        return waitMs(0);
      }
    },
  );
}
