/**
 * Promise: tombstones whose terms are over, of erased users too, leave their tables by themselves with the counters of
 * their names, a few at a time. Nothing depends on when: every statement treats such a row as free already. (Holds that
 * lapsed: lapsed-holds.ts.)
 */

import type { Mixin } from "../../mixins/basics/mixin.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { sweeper, sweepRows } from "../../mixins/postgres/sweeping.ts";
import { freedBefore } from "../contracts/terms.ts";
import { sweepErased } from "./erasure-sql.ts";
import type { ProjectionRules } from "./projection.ts";
import * as sql from "./sql.ts";

/** One round. Resolves with the number of rows gone. */
export async function sweep(db: Database, rules: ProjectionRules): Promise<number> {
  const freed = freedBefore(rules.now(), rules.terms);
  const erased = await sweepRows(db, (rowsMax) => sweepErased(freed, rowsMax));
  return erased + (await sweepRows(db, (rowsMax) => sql.sweepTombstones(freed, rowsMax)));
}

/** Sweeps from `started` to `stopped`. */
export const tombstoneSweeper = (db: Database, rules: ProjectionRules, log: Logger): Mixin =>
  sweeper("freed tombstones", () => sweep(db, rules), log);
