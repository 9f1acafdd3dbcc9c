/**
 * Promise: holds that lapsed, tombstones whose terms are over and the counters of their names leave their tables by
 * themselves, a few at a time.
 * Nothing depends on when: every statement treats such a row as free already.
 */
import type { Database } from "../../mixins/database.ts";
import type { Logger } from "../../mixins/logging.ts";
import type { Mixin } from "../../mixins/platform.ts";
import { run } from "../../mixins/statement.ts";
import { sweepInBatches, sweepingMixin } from "../../mixins/sweeping.ts";
import { freedBefore } from "../contracts/terms.ts";
import type { ProjectionRules } from "./projection.ts";
import * as sql from "./sql.ts";

/** One round over both. Resolves with the number of rows gone. */
export async function sweep(db: Database, rules: ProjectionRules): Promise<number> {
  const now = rules.now();
  const freed = freedBefore(now, rules.terms);
  let gone = 0;
  for (const statement of [sql.sweepHolds, sql.sweepTombstones])
    gone += await sweepInBatches((max) => db.read((em) => run(em, statement, { now, freed, max })));
  return gone;
}

/** Sweeps from `started` to `stopped`. */
export const sweepMixin = (db: Database, rules: ProjectionRules, log: Logger): Mixin =>
  sweepingMixin("lapsed addresses", () => sweep(db, rules), log);
