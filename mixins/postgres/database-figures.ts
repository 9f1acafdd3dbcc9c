/**
 * Promise: whoever scrapes sees, for one cheap statement, how far a database's clock is from ours, and how long its
 * oldest transaction has held back the clean-up of dead rows (which is what slows the outbox down).
 */

import { sql } from "kysely";
import type { Mixin } from "../basics/mixin.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Database } from "./database.ts";
import { run } from "./statement.ts";

/**
 * Sessions of other roles show no transaction to ours; our own are those that work on the outbox. Idle pools hold
 * none, so 0 is the usual answer.
 */
const figures = sql<{ now: Date; oldestS: number }>`
select clock_timestamp() as now,
  coalesce(extract(epoch from clock_timestamp() - min(xact_start)), 0)::float8 as "oldestS"
from pg_stat_activity
where datname = current_database() and backend_xmin is not null and pid <> pg_backend_pid()`;

type DatabaseFigures = Pick<Metrics, "onScrape" | "clockOffset" | "oldestTransaction">;

/** `name` is the label: the same in every process that uses this database. */
export function databaseFigures(name: "users" | "registry", db: Database, metrics: DatabaseFigures): Mixin {
  const label = { database: name };
  let ended: () => void = () => {};
  return {
    started() {
      ended = metrics.onScrape({
        async measure() {
          const before = Date.now();
          const [row] = await db.read((em) => run(em, figures));
          if (row === undefined) throw new Error("Cannot measure the database: it answered no row");
          // The clock was read somewhere between the two; half the way is the best guess (as NTP does).
          const ours = (before + Date.now()) / 2;
          return () => {
            metrics.clockOffset.set(label, (row.now.getTime() - ours) / 1_000);
            metrics.oldestTransaction.set(label, row.oldestS);
          };
        },
        forget() {
          metrics.clockOffset.remove(label);
          metrics.oldestTransaction.remove(label);
        },
      });
    },
    stopped: () => ended(),
  };
}
