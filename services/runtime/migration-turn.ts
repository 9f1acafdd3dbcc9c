/**
 * Promise: of all processes on this database one at a time migrates it, also behind a connection pooler, and whoever
 * waits for its turn says for whom.
 *
 * The lock is a transaction's, which is kept open beside the migrations: behind a pooler a session is nobody's, so a lock
 * of it stayed with the pooler and the next process waited for ever. The transaction takes no snapshot after its first
 * statement, so it holds nothing else up. Whoever waits has none open: each would have a connection of the pooler's, and
 * all of them together those that the migrations need.
 */
import { poll } from "../../mixins/basics/poll.ts";
import type { DatabaseClient } from "../../mixins/postgres/database-client.ts";
import { StartError } from "../contracts/exits.ts";

const lockKey = 0x6d61_696c; // "mail"
const waitMaxMs = 60_000;
const lookEveryMs = 250;

export interface Turn {
  /** Of the process that is to stop. */
  readonly signal?: AbortSignal;
  readonly maxMs?: number;
  /** Called once when there is a wait, with whom it is for. */
  readonly onWait?: (holder: string) => void;
}

async function isLocked(client: DatabaseClient): Promise<boolean> {
  await client.query("begin");
  const tried = "select pg_try_advisory_xact_lock($1) as locked";
  const { rows } = await client.query<{ locked: boolean }>(tried, [lockKey]);
  if (rows[0]?.locked === true) return true;
  await client.query("rollback");
  return false;
}

const holderQuery = `
select format('%s (process %s of the server%s)', coalesce(nullif(a.application_name, ''), a.usename), a.pid,
  ', from ' || host(a.client_addr)) as holder
from pg_locks l join pg_stat_activity a using (pid)
where l.locktype = 'advisory' and l.granted and (l.classid, l.objid, l.objsubid) = (0, $1::int, 1)
  and l.database = (select oid from pg_database where datname = current_database())`;

async function holderOf(client: DatabaseClient): Promise<string | undefined> {
  const { rows } = await client.query<{ holder: string }>(holderQuery, [lockKey]);
  return rows[0]?.holder;
}

/** Runs `work` while the client has the turn for what is `called` so. Rejects as `migrate` does. */
export async function inTurn<T>(
  client: DatabaseClient,
  called: string,
  work: () => Promise<T>,
  { signal, maxMs = waitMaxMs, onWait }: Turn,
): Promise<T> {
  let holder: string | undefined;
  const attempt = async (): Promise<boolean> => {
    if (await isLocked(client)) return true;
    const current = await holderOf(client);
    if (current !== undefined && current !== holder) onWait?.(current);
    holder = current ?? holder;
    return false;
  };
  const pace = { everyMs: lookEveryMs, maxMs, ...(signal === undefined ? {} : { signal }) };
  if (!(await poll(attempt, (locked) => locked, pace)))
    throw new StartError(
      `Cannot migrate ${called}: for ${maxMs / 1000} s it was the turn of ${holder ?? "another process"}`,
    );
  try {
    return await work();
  } finally {
    // What was done depends on no commit: a lock that was lost has cost nothing but the turn.
    await client.query("rollback").catch(() => {});
  }
}
