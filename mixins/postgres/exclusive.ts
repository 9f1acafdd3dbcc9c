/**
 * Promise: of all processes on this database one at a time does the work that a key names.
 *
 * The lock is a transaction's, which works behind a connection pooler and goes with a lost connection. The transaction
 * does nothing else and takes no snapshot after its first statement, so it holds back no vacuum however long it lasts.
 * Hence a database handle of its own: on the same one, every statement of the work would be in this transaction.
 */
import { sql } from "kysely";
import type { Database } from "./database.ts";
import { run } from "./statement.ts";

const tryLock = (key: bigint) =>
  sql<{ locked: boolean }>`select pg_try_advisory_xact_lock(${String(key)}::bigint) as locked`;

const halfBits = 32n;
const lowerHalf = 2n ** halfBits - 1n;

/** A key of 64 bits stands in two halves (pg_locks). */
const lockHeld = (key: bigint) => sql<{ held: boolean }>`
select exists (
  select from pg_locks where locktype = 'advisory' and granted and objsubid = 1
    and classid = ${String(key >> halfBits)}::oid and objid = ${String(key & lowerHalf)}::oid
    and database = (select oid from pg_database where datname = current_database())
) as held`;

/** Whether somebody is at it. Keys are not negative. */
export async function isHeld(db: Database, key: bigint): Promise<boolean> {
  const [row] = await db.read((em) => run(em, lockHeld(key)));
  return row?.held === true;
}

/** undefined when somebody else is at it. */
export async function runExclusively<T>(
  lock: Database,
  key: bigint,
  work: () => Promise<T>,
): Promise<{ readonly result: T } | undefined> {
  let done: { readonly result: T } | undefined;
  try {
    await lock.transaction(async (em) => {
      const [row] = await run(em, tryLock(key));
      if (row?.locked === true) done = { result: await work() };
    });
  } catch (error) {
    // The work is done and depended on no commit: a lock lost meanwhile has cost nothing but its exclusiveness.
    if (done === undefined) throw error;
  }
  return done;
}
