/**
 * Promise: what the health of a database says is what a write would meet: a server that takes none, a schema that is not
 * whole, rights that were taken away, a disk without room.
 */
import { sql } from "kysely";
import type { Backend } from "./connection-budget.ts";
import { ReadOnlyDatabase, RightsMissing, SchemaMissing } from "./database-faults.ts";
import { type EntityManager, json, run, runInTurn } from "./statement.ts";

/**
 * On a standby the first is always on. What the entities need is compared column by column: a backup of an older release
 * that was restored beneath the process has the tables, and refuses every write. Each table is written by whoever has it
 * among the entities, with inserts at least, or is only read.
 */
const usability = (needed: readonly object[], right: "insert" | "select") => sql<{
  readOnly: boolean;
  missing: string[];
  closed: string[];
}>`
select current_setting('transaction_read_only')::boolean as read_only,
  array(
    select n.relation || '.' || n.attribute
    from jsonb_to_recordset(${json(needed)}) as n (relation text, attribute text)
    where not exists (
      select from pg_attribute a
      where a.attrelid = to_regclass(n.relation) and a.attname = n.attribute and not a.attisdropped
    )
  ) as missing,
  array(
    select distinct n.relation from jsonb_to_recordset(${json(needed)}) as n (relation text)
    where not has_table_privilege(to_regclass(n.relation), ${right})
  ) as closed`;

/** Rejects with the error that a write would meet that came now, or a read where nothing is written. */
export async function requireUsable(em: EntityManager, isRead: boolean): Promise<void> {
  const needed = [...em.getMetadata().getAll().values()].flatMap(({ tableName: relation, props }) =>
    props
      .filter(({ persist }) => persist !== false)
      .flatMap(({ fieldNames = [] }) => fieldNames.map((attribute) => ({ relation, attribute }))),
  );
  const [row] = await run(em, usability(needed, isRead ? "select" : "insert"));
  if (row?.readOnly !== false && !isRead)
    throw new ReadOnlyDatabase("Cannot write to the database: it is read-only");
  const [missing] = row?.missing ?? [];
  if (missing !== undefined) throw new SchemaMissing(`Cannot use the schema: ${missing} is not there`);
  const [closed] = row?.closed ?? [];
  if (closed !== undefined)
    throw new RightsMissing(
      `Cannot ${isRead ? "read" : "write to"} ${closed}: the user has not the right to`,
    );
}

/** Of our own sessions; one that waits for its client has nothing to do. */
export const workingBackends = (pids: readonly number[], applicationName: string) => sql<Backend>`
select pid, coalesce(wait_event = 'SyncRep', false) as is_commit
from pg_stat_activity
where pid = any (${pids}::int[]) and application_name = ${applicationName}
  and state = 'active' and wait_event_type is distinct from 'Client'`;

/** Not every user may make temporary tables. They lie where the database does, whatever else is set. */
const prepareRoom = sql<{ asks: boolean }>`
select has_database_privilege(current_database(), 'temporary') as asks,
  set_config('temp_tablespaces', '', true)`;

/** Some pages at once. A row of a table that is there would say nothing: on a full disk it may still fit into a page. */
const takeRoom = [
  sql`create temporary table mailroster_room (filler text) on commit drop`,
  sql`insert into mailroster_room select repeat(md5(i::text), 30) from generate_series(1, 64) i`,
];

/**
 * Rejects as a write does that finds no room. For a transaction of its own, whose commit is part of the question. A user
 * that may not ask is let through: the next write that fails says it again.
 */
export async function requireRoom(em: EntityManager): Promise<void> {
  const [row] = await run(em, prepareRoom);
  if (row?.asks !== true) return;
  await runInTurn(em, takeRoom);
}
