/**
 * The statements of a write and of the reads, each with its reasoning. What is written travels as one JSON document;
 * `?` and `:name` are parameters (mixins/postgres/statement.ts).
 */
import { columnsOf, listed } from "../../mixins/postgres/columns.ts";
import { UserRow } from "./entities.ts";

const columns = columnsOf(UserRow);
const changing = columns.filter(({ property }) => property !== "id" && property !== "createdAt");
/** Times are read as numbers, and the text of the search not at all. */
const stored = columns.filter(({ property }) => property !== "searchText" && !property.endsWith("At"));

/**
 * Any number of writes of as many users in one statement: the users' rows, the guard of their addresses and their
 * events. Against a statement for each row it saves four of five round trips and most of the CPU.
 *
 * Returns the users that were written: one that is no longer at the version it was read with is not, and has no event.
 * The events come from those rows (`written`), so an outbox id is taken only under its user's row lock: the order of
 * ids is the order of versions, also for a write path without the guard. Everything is written in one order for
 * everybody (ids, keys): two writes that want the same rows queue, not in a circle.
 *
 * A key is taken that nobody has, that is the user's own (it was deleted, and comes back), or whose user was deleted so
 * long ago that its terms are over. The row alone decides: another's that changes meanwhile is looked at as it is then.
 * `keys` in the result is how many were; the caller must undo all of it when it is less than it asked for.
 *
 * Parameters: how long to wait for a locked row (as lock_timeout takes it), the writes, up to when deletions are free,
 * the events.
 */
export const saveWrites = `
with w as materialized (
  select w.* from (select set_config('lock_timeout', ?, true)) brief, jsonb_to_recordset(?::jsonb) as w(
    ${listed(columns, ({ property, type }) => `"${property}" ${type}`)}, before int, gone text[], fresh text[])
), created as (
  insert into users (${listed(columns, ({ name }) => name)})
  select ${listed(columns, ({ property }) => `"${property}"`)} from w where before is null order by id
  returning id
), updated as (
  update users u set ${listed(changing, ({ name, property }) => `${name} = w."${property}"`)}
  from (select * from w where before is not null order by id) w
  where u.id = w.id and u.version = w.before
  returning u.id
), written as (
  select id from created union all select id from updated
), let_go as (
  delete from address_keys k using w cross join lateral unnest(w.gone) g(key)
  where k.key = g.key and k.user_id = w.id
), taken as (
  insert into address_keys as held (key, user_id, deleted_at)
  select f.key, w.id, w."deletedAt" from w cross join lateral unnest(w.fresh) f(key) order by f.key
  on conflict (key) do update set user_id = excluded.user_id, deleted_at = excluded.deleted_at
  where held.user_id = excluded.user_id or held.deleted_at <= ?::timestamptz
  returning held.key
), told as (
  insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body, note)
  select partition, aggregate_id, event_id, type, correlation_id, body, note
  from jsonb_to_recordset(?::jsonb) as e(
    place int, partition smallint, aggregate_id uuid, event_id uuid, type text, correlation_id text, body text, note text)
  where (e.aggregate_id in (select id from written)) is true order by e.place
)
select id, (select count(*)::int from taken) as keys from written`;

/** For what a transaction does before `saveWrites`, which sets it too. Parameter: as lock_timeout takes it. */
export const limitLockWaits = "select set_config('lock_timeout', ?, true)";

const state = `
select ${listed(stored, ({ name, property }) => `${name} as "${property}"`)},
  (extract(epoch from created_at) * 1000)::float8 as "createdMs",
  (extract(epoch from updated_at) * 1000)::float8 as "updatedMs",
  (extract(epoch from deleted_at) * 1000)::float8 as "deletedMs"
from users`;

/** Users by their ids, deleted ones too. Parameter: ids. */
export const usersById = `${state} where id = any (?::uuid[])`;

/** Comes before every id of ours: the first page. */
export const beforeAll = "00000000-0000-0000-0000-000000000000";

const page = (conditions: string): string =>
  `${state} where deleted_at is null and id > :after::uuid${conditions} order by id limit :limit`;
const ofOwner = " and id = (select user_id from address_keys where key = :key)";
const withText = " and search_text like :pattern";
const withEitherText = " and (search_text like :pattern or search_text like :other)";

/**
 * The living users behind an id, in the order of ids: a walk of the primary key from there, or with `key`, who holds the
 * address now, one look-up in it. A text for each set of filters, as one with `:pattern is null or …` is planned for all.
 */
export const usersPage = {
  all: page(""),
  withText: page(withText),
  withEitherText: page(withEitherText),
};
export const usersPageOfOwner = {
  all: page(ofOwner),
  withText: page(ofOwner + withText),
  withEitherText: page(ofOwner + withEitherText),
};
