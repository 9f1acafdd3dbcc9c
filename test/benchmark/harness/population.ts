/**
 * Users who have been there for a while, written by SQL as the system would have written them through HTTP and its
 * events: the same rows in the same tables of both databases, with addresses in no order, then analyzed.
 */
import type { Place } from "./place.ts";

const monthMs = 30 * 24 * 60 * 60 * 1_000;
const rowsPerStatement = 50_000;
/** Enough for a small table, and few enough for a large one. */
const samplePercent = 10;
/** Made when everybody is there: written once, not with each row. */
const searchIndex = "users_search_text_trgm";
const memoryForIndex = "1GB";

/** What user `n` is called, in both databases alike. A UUID of version 7: time, then chance. */
const person = `
  (lpad(to_hex($3::bigint + n), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid as id,
  substr(md5('a' || n), 1, 8) || '.' || n || '@grown.example' as address,
  md5('e' || n)::uuid as event_id,
  to_timestamp(($3::bigint + n) / 1000.0) as at`;
const people = `(select n, ${person} from generate_series($1::int, $2::int) n) p`;

const usersSql = [
  `insert into users (id, display_name, primary_smtp, secondary_smtps, search_text, version, created_at, updated_at)
   select id, 'Person ' || n, address, '{}', 'person ' || n || E'\\n' || address, 1, at, at from ${people}`,
  `insert into address_keys (key, user_id) select address, id from ${people}`,
  `insert into audit_entries (id, at, action, user_id, version, actor, correlation_id, changes)
   select event_id, at, 'user.created', id, 1, 'anonymous', md5('c' || n)::uuid::text,
     jsonb_build_array(jsonb_build_object('field', 'displayName', 'from', null, 'to', 'Person ' || n),
       jsonb_build_object('field', 'primarySmtp', 'from', null, 'to', address),
       jsonb_build_object('field', 'secondarySmtps', 'from', null, 'to', jsonb_build_array()))
   from ${people}`,
];
const registrySql = [
  `insert into addresses (key, address, user_id, kind, status)
   select address, address, id, 'primary', 'active' from ${people}`,
  `insert into watermarks (user_id, version, event_id, applied_at) select id, 1, event_id, at from ${people}`,
  `insert into address_history (user_id, version, key, address, kind, state, at)
   select id, 1, address, address, 'primary', 'active', at from ${people}`,
];

/** Some of the users, from all over the table. */
export async function sampleOfUsers(
  { users }: Place,
  most: number,
): Promise<{ readonly id: string; readonly address: string }[]> {
  const { rows } = await users.query<{ id: string; address: string }>(
    `select id::text as id, primary_smtp as address from users tablesample bernoulli (${samplePercent}) limit $1`,
    [most],
  );
  return rows;
}

/** Drops the index of searches, where there is one; what comes back makes it again as it was. */
async function takeIndex(users: Place["users"]): Promise<() => Promise<void>> {
  const { rows } = await users.query<{ definition: string }>(
    `select pg_get_indexdef(oid) as definition from pg_class where relname = $1`,
    [searchIndex],
  );
  const definition = rows[0]?.definition;
  if (definition === undefined) return async () => {};
  await users.query(`drop index ${searchIndex}`);
  return async () => {
    await users.query(`begin; set local maintenance_work_mem = '${memoryForIndex}'; ${definition}; commit`);
  };
}

/** Before the system starts. `progress` is told how many are there. */
export async function populate(
  { users, registry }: Place,
  count: number,
  progress: (done: number) => void,
): Promise<void> {
  const firstMs = Date.now() - monthMs - count;
  const makeIndex = await takeIndex(users);
  for (let from = 1; from <= count; from += rowsPerStatement) {
    const values = [from, Math.min(count, from + rowsPerStatement - 1), firstMs];
    const write = async (pool: typeof users, statements: readonly string[]) => {
      for (const statement of statements) await pool.query(statement, values);
    };
    await Promise.all([write(users, usersSql), write(registry, registrySql)]);
    progress(values[1] ?? count);
  }
  await makeIndex();
  await Promise.all([users.query("vacuum analyze"), registry.query("vacuum analyze")]);
}
