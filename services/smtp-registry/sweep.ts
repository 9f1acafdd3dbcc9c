/**
 * Promise: holds that lapsed and tombstones whose terms are over leave the table by themselves, a few at a time.
 * Nothing depends on when: every statement treats such a row as free already.
 */
import type { Database } from "../../mixins/database.ts";
import type { Logger } from "../../mixins/logging.ts";
import type { Mixin } from "../../mixins/platform.ts";
import type { ProjectionRules } from "./projection.ts";
import * as sql from "./sql.ts";
import { run } from "./statement.ts";
import { freedBefore } from "./status.ts";

const sweepEveryMs = 60_000;
/** Processes that started together should not sweep together. */
const jitterMs = 30_000;
const batchRowsMax = 500;
const batchesMax = 20;

/** One round: at most `batchesMax` batches of each kind. Resolves with the number of rows gone. */
export async function sweep(db: Database, rules: ProjectionRules): Promise<number> {
  const now = rules.now();
  const freed = freedBefore(now, rules.terms);
  let gone = 0;
  for (const statement of [sql.sweepHolds, sql.sweepTombstones])
    for (let count = 0; count < batchesMax; count += 1) {
      const rows = await db.read((em) =>
        run<{ key: string }>(em, statement, { now, freed, max: batchRowsMax }),
      );
      gone += rows.length;
      if (rows.length < batchRowsMax) break;
    }
  return gone;
}

/** Sweeps from `started` to `stopped`; a round under way is awaited. */
export function sweepMixin(db: Database, rules: ProjectionRules, log: Logger): Mixin {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      const gone = await sweep(db, rules);
      if (gone > 0) log.debug({ gone }, "lapsed addresses swept");
    } catch (err) {
      log.warn({ err }, "lapsed addresses are not swept now");
    }
    if (!stopped) schedule();
  };
  const schedule = (): void => {
    timer = setTimeout(
      () => {
        running = round();
      },
      sweepEveryMs + Math.random() * jitterMs,
    );
    timer.unref();
  };
  return {
    started() {
      stopped = false;
      schedule();
    },
    async stopped() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
