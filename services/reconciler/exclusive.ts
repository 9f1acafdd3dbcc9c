/**
 * Promise: of all processes on this database one at a time does the work.
 *
 * The lock is a transaction's, which works behind a connection pooler and goes with a lost connection. The transaction
 * does nothing else and takes no snapshot after its first statement, so it holds back no vacuum however long it lasts.
 * Hence a database handle of its own: on the same one, every statement of the work would be in this transaction.
 */
import { sql } from "kysely";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";

const lockKey = 0x7265_636f; // "reco"
const tryLock = sql<{ locked: boolean }>`select pg_try_advisory_xact_lock(${lockKey}) as locked`;

/** undefined when somebody else is at it. */
export async function runExclusively<T>(
  lock: Database,
  work: () => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  let done: { readonly result: T } | undefined;
  try {
    await lock.transaction(async (em) => {
      const [row] = await run(em, tryLock);
      if (row?.locked === true) done = { result: await work() };
    });
  } catch (error) {
    // The work is done and depended on no commit: a lock lost meanwhile has cost nothing but its exclusiveness.
    if (done === undefined) throw error;
  }
  return done;
}
