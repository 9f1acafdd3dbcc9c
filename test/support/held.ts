/** Locks that a test holds in a database, so that what is under test waits there. */
import type { ExecutionContext } from "ava";
import type pg from "pg";

/**
 * Runs `statement` and keeps its locks until the returned function is called. The end of the test does that, too: a
 * connection that a failed test has kept would hold its pool's end up, and the marks of everybody on the server.
 */
export async function held(
  t: ExecutionContext,
  pool: pg.Pool,
  statement: string,
  values: readonly unknown[] = [],
): Promise<() => Promise<void>> {
  const holder = await pool.connect();
  let isHeld = true;
  const release = async (): Promise<void> => {
    if (!isHeld) return;
    isHeld = false;
    await holder.query("rollback");
    holder.release();
  };
  t.teardown(release);
  await holder.query("begin");
  await holder.query(statement, [...values]);
  return release;
}
