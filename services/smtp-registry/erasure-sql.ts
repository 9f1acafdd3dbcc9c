/** What is left of erased users' addresses, and how it becomes that; the conventions are those of sql.ts. */
import { sql } from "kysely";
import { keyedHash } from "../../mixins/postgres/keyed-hash.ts";
import type { Statement } from "../../mixins/postgres/statement.ts";

/** Whether a key was an erased user's and is nobody else's yet: a row when it is. `key` is an expression. */
export const tombstoneOf = (key: string, freed: Date): Statement =>
  sql`select e.deleted_at from erased_addresses e
    where e.hash = ${keyedHash(key)} and e.state = 'tombstone' and e.deleted_at > ${freed}::timestamptz`;

interface Erasure {
  readonly userId: string;
  readonly version: number;
  readonly eventId: string;
  readonly now: Date;
}

/**
 * As `advanceWatermarks`: locks the user's mark, so nothing of the user takes effect beside it. Returns the mark before,
 * null without one, and the last generation that was given.
 */
export const markErased = ({ userId, version, eventId, now }: Erasure) => sql<{
  before: number | null;
  given: number;
}>`
with before as materialized (
  select version from watermarks where user_id = ${userId}::uuid for update
), marked as (
  insert into watermarks as mark (user_id, version, event_id, applied_at, erased_at)
  select ${userId}::uuid, ${version}::int, ${eventId}::uuid, ${now}::timestamptz, ${now}::timestamptz
  where (select count(*) from before) >= 0
  on conflict (user_id) do update
     set version = excluded.version, event_id = excluded.event_id, applied_at = excluded.applied_at,
         erased_at = coalesce(mark.erased_at, excluded.erased_at)
   where mark.version < excluded.version
)
select (select version from before) as before, (select generation from generations) as given`;

/**
 * Takes away every row of the user, holds too, and leaves hashes: of the history that somebody had an address and when, of
 * what is nobody else's yet a tombstone. When the terms of the deletion are over nothing is left. Counters of the names
 * go as in `sweepOf`. Repeated it finds nothing.
 */
export const eraseAddresses = (userId: string, deletedAt: Date, freed: Date) => sql`
with held as (
  delete from addresses where user_id = ${userId}::uuid returning key
), history as (
  delete from address_history where user_id = ${userId}::uuid returning key, state, at
), counters as (
  delete from suffixes where base_key in (
    select base_key from suffixes where base_key in (select key from held union select key from history)
    for update skip locked)
)
insert into erased_addresses (hash, state, at, deleted_at)
select distinct ${keyedHash("l.key")}, l.state, l.at, ${deletedAt}::timestamptz from (
  select key, state, at from history union all select key, 'tombstone', ${deletedAt}::timestamptz from held
) l where ${deletedAt}::timestamptz > ${freed}::timestamptz
on conflict do nothing`;

interface Freed {
  readonly key: string;
  /** null: of somebody who was erased, or whom users has lost. */
  readonly userId: string | null;
  /** What was deleted later is somebody's who came after. */
  readonly deletedUntil: Date;
  readonly now: Date;
}

/** Ends a tombstone, its counter with it as in `sweepOf`; what is known of an erased user's past ends there too. */
export const freeTombstone = ({ key, userId, deletedUntil, now }: Freed) => sql<{ freed: number }>`
with gone as (
  delete from addresses where key = ${key} and status = 'deleted' and deleted_at <= ${deletedUntil}::timestamptz
    and (${userId}::uuid is null or user_id = ${userId}::uuid)
  returning key
), counters as (
  delete from suffixes where base_key in (
    select base_key from suffixes where base_key = ${key} for update skip locked)
), erased as (
  delete from erased_addresses e using (select ${key}::text as key) k
  where ${userId}::uuid is null and e.hash = ${keyedHash("k.key")} and e.state = 'tombstone'
    and e.deleted_at <= ${deletedUntil}::timestamptz
  returning e.hash, e.deleted_at
), ended as (
  insert into erased_addresses (hash, state, at, deleted_at)
  select hash, 'removed', ${now}::timestamptz, deleted_at from erased
  on conflict do nothing
)
select (select count(*) from gone)::int + (select count(*) from erased)::int as freed`;

/** The last that is known of a key up to a time, as the history says it; without a time: the tombstone. */
export const erasedOfKey = (key: string, at: Date | undefined) => sql<{
  state: "tombstone" | "active" | "deleted" | "removed";
  at: Date;
  ends: Date | null;
}>`
select e.state, e.at, (
    select min(n.at) from erased_addresses n
    where n.hash = e.hash and e.state <> 'tombstone' and n.state <> 'tombstone' and n.at > e.at
  ) as ends from (select ${key}::text as key) k join erased_addresses e on e.hash = ${keyedHash("k.key")}
where ${at === undefined ? sql`e.state = 'tombstone'` : sql`e.state <> 'tombstone' and e.at <= ${at}::timestamptz`}
order by e.at desc limit 1`;

/** A small batch of what is over the terms. */
export const sweepErased = (freed: Date, rowsMax: number) => sql`
delete from erased_addresses where (hash, state, at) in (
  select hash, state, at from erased_addresses where deleted_at <= ${freed}::timestamptz order by deleted_at limit ${rowsMax}
  for update skip locked)
returning 1 as deleted`;
