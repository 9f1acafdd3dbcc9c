/** How large each table is, and which of them must stay so however many events pass. */
import type pg from "pg";

export interface TableSize {
  readonly rows: number;
  readonly bytes: number;
}

type Pools = Readonly<Record<string, pg.Pool>>;

/** They hold what there is to know, so they grow with it; every other table, also one that comes later, is bounded. */
const growing = new Set([
  "users.users",
  "users.address_keys",
  "users.audit_entries",
  "registry.addresses",
  "registry.watermarks",
  "registry.suffixes",
  "registry.address_history",
]);

export const isBounded = (table: string): boolean => !growing.has(table);

const tablesSql = `
select c.relname as name, pg_total_relation_size(c.oid)::float8 as bytes
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname = 'public' and c.relname not like 'mikro_orm%' order by 1`;

/** Bytes with indexes and TOAST. */
export async function bytesOf(pools: Pools): Promise<Map<string, number>> {
  const bytes = new Map<string, number>();
  for (const [database, pool] of Object.entries(pools))
    for (const row of (await pool.query<{ name: string; bytes: number }>(tablesSql)).rows)
      bytes.set(`${database}.${row.name}`, row.bytes);
  return bytes;
}

const rowsOf = async (pools: Pools, table: string): Promise<number> => {
  const [database = "", name = ""] = table.split(".");
  const { rows } = await (pools[database] as pg.Pool).query(`select count(*)::int as rows from ${name}`);
  return rows[0].rows;
};

const holdsOf = async (pools: Pools): Promise<number> =>
  (await pools.registry?.query("select from addresses where status = 'reserved'"))?.rowCount ?? 0;

/** Rows and bytes of every table, and the holds among the addresses as a line of their own. */
export async function sizesOf(pools: Pools): Promise<Map<string, TableSize>> {
  const sizes = new Map<string, TableSize>();
  for (const [table, bytes] of await bytesOf(pools))
    sizes.set(table, { rows: await rowsOf(pools, table), bytes });
  sizes.set("registry.addresses: holds", { rows: await holdsOf(pools), bytes: 0 });
  return sizes;
}

/** Rows that are left in bounded tables. */
export async function leftOver(pools: Pools): Promise<number> {
  let left = await holdsOf(pools);
  for (const table of (await bytesOf(pools)).keys()) if (isBounded(table)) left += await rowsOf(pools, table);
  return left;
}

/**
 * What the relay and the consumers note with the database's clock is written as if all but `termLeftS` of its term were
 * over, so that its end falls into the run.
 */
export async function shortenTerms(pools: Pools, days: number, termLeftS: number): Promise<void> {
  const past = `- make_interval(days => ${days}) + make_interval(secs => ${termLeftS})`;
  await pools.users?.query(
    `alter table if exists published_events alter column published_at set default statement_timestamp() ${past}`,
  );
  for (const pool of Object.values(pools))
    await pool.query(`alter table if exists consumer_outcomes alter column at set default now() ${past}`);
}
