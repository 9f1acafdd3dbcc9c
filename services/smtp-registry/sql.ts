/**
 * The statements of smtp-registry but those for suffixes, events, pages of users and holds that are shared
 * (reserve-together.ts). Time always comes in, so that tests own the clock. Lists travel as one JSON document, which
 * keeps the statement the same for 1 and for 100 addresses. Rows are touched in the order of their keys: two statements
 * that want the same rows then queue instead of deadlocking.
 */
import { sql } from "kysely";
import { json, type Statement } from "../../mixins/postgres/statement.ts";
import type { AddressKind, AddressStatus } from "../contracts/user.ts";
import { tombstoneOf } from "./erasure-sql.ts";
import { sinceOf } from "./past-sql.ts";
import { firstSuffix } from "./suffix-rule.ts";

/** By which clock a row is judged. */
export interface Moment {
  readonly now: Date;
  /** Deletions up to then are free again. */
  readonly freed: Date;
}

/**
 * A row that a write may take: nobody has a claim on it any more, or (a hold of a user that was committed and could not be
 * kept in time) the users' own unique key says so. `row` is the alias of addresses.
 */
export const lapsed = (alias: string, { now, freed }: Moment): Statement => {
  const row = sql.id(alias);
  return sql`(${row}.status = 'reserved' and ${row}.expires_at <= ${now}::timestamptz
    or ${row}.status = 'deleted' and ${row}.deleted_at <= ${freed}::timestamptz)`;
};

/**
 * Holds and counters commit without waiting for the disk: a crash of the server may forget the last of them, as their
 * time to live would, and the users' own unique key settles what another user is then granted. What an event makes of
 * a hold (putState) waits. The counter's row lock is held until its commit, so that wait was in a row for all who want
 * one name. Volatile, so the planner does not drop it.
 */
export const withoutDiskWait = sql`(select set_config('synchronous_commit', 'off', true)) async`;

/** What a hold keeps when its user asks for the address again by another reservation. */
const ofSameUser = (name: string): Statement => {
  const column = sql.id(name);
  return sql`${column} =
      case when held.status = 'reserved' and held.user_id = excluded.user_id then held.${column} else excluded.${column} end`;
};
const ofSameUserAll = sql.join(
  ["reservation_id", "requested_key", "reason", "suffix", "held_since"].map(ofSameUser),
);

export interface Reservation extends Moment {
  readonly reservationId: string;
  readonly userId: string;
  readonly expiresAt: Date;
  /** By column. */
  readonly wanted: readonly object[];
}

export interface ReserveRow {
  readonly key: string;
  readonly target: string;
  readonly address: string;
  readonly reason: AddressStatus | null;
  readonly verdict: "own" | "open" | "taken" | "blocked";
  readonly got: boolean;
  readonly heldStatus: "reserved" | "active" | "deleted" | null;
  readonly heldBy: string | null;
  readonly deletedAt: Date | null;
}

/**
 * Reserves all addresses of a request in one statement, so there is no check before the write to race with: what the
 * snapshot shows as taken is only spared the attempt, what it shows as free is settled by the primary key.
 *
 * `target` is what this reservation was given before under another key, so that it gets the same again. `verdict`: own (held
 * by the user for good, or a tombstone: granted and left as it is, a hold must not weaken it), open (try), taken or
 * blocked. Nothing is tried once one is blocked, or taken and to be refused then. What the reservation held and no longer
 * wants goes first (hence the count), so that it can't collide with what takes its place; before any address the
 * counters of those that will get a suffix are made, as the next statement locks them in this order, too.
 * A hold that the same user has by another reservation stays that one's: if it was committed and its event waits, a later
 * write of the user that fails must not let it go.
 * A row that is open and comes back with got = false was lost to another reservation in between: run it again.
 */
export const reserve = ({
  alsoTaken,
  ...reservation
}: Reservation & { readonly alsoTaken: readonly string[] }) => {
  const { reservationId, userId, now, freed, expiresAt } = reservation;
  return sql<ReserveRow>`
with asked as (
  select w.* from ${withoutDiskWait}, jsonb_to_recordset(${json(reservation.wanted)})
    as w(key text, address text, kind text, base_key text, refuse boolean, blocked boolean, also_taken boolean)
), wanted as (
  select w.key, w.kind, w.base_key, w.refuse, w.blocked, w.also_taken, e.suffix, e.reason,
         coalesce(e.key, w.key) as target, coalesce(e.address, w.address) as address
  from asked w
  left join lateral (
    select key, address, suffix, reason from addresses e
    where e.reservation_id = ${reservationId} and e.requested_key = w.key and not w.refuse
      and e.key not in (select key from asked)
      and e.key not in (select value from jsonb_array_elements_text(${json(alsoTaken)}))
  ) e on true
), found as (
  select w.*, coalesce(a.status, case when t.deleted_at is not null then 'deleted' end) as held_status,
         a.user_id as held_by, coalesce(a.deleted_at, t.deleted_at) as deleted_at,
         case
           when w.also_taken and w.target = w.key then 'taken'
           when a.user_id = ${userId} and (a.status = 'active' or a.status = 'deleted' and a.deleted_at > ${freed}::timestamptz)
             then 'own'
           when a.status = 'reserved' and (a.reservation_id = ${reservationId} or a.user_id = ${userId}) then 'open'
           when w.blocked then 'blocked'
           when t.deleted_at is not null then 'taken'
           when a.key is null or ${lapsed("a", reservation)} then 'open'
           else 'taken'
         end as verdict
  from wanted w left join addresses a on a.key = w.target
  left join lateral (${tombstoneOf("w.target", freed)} limit 1) t on true
), refused as (
  select key from found where verdict = 'blocked' or verdict = 'taken' and refuse
), counted as (
  insert into suffixes (base_key, next)
  select distinct base_key, ${sql.lit(firstSuffix)} from found
  where verdict = 'taken' and not exists (select from refused) order by base_key
  on conflict (base_key) do nothing
  returning base_key
), unwanted as (
  delete from addresses
  where reservation_id = ${reservationId} and status = 'reserved' and key not in (select target from wanted)
    and (select count(*) from counted) >= 0
  returning key
), got as (
  insert into addresses as held
    (key, address, user_id, kind, status, reservation_id, requested_key, reason, suffix, held_since, expires_at)
  select target, address, ${userId}::uuid, kind, 'reserved', ${reservationId}, key, reason, suffix,
    ${now}::timestamptz, ${expiresAt}::timestamptz
  from found
  where verdict = 'open' and (select count(*) from unwanted) >= 0 and not exists (select from refused)
  order by target
  on conflict (key) do update set
    ${ofSameUserAll},
    address = excluded.address, user_id = excluded.user_id, kind = excluded.kind, status = 'reserved',
    expires_at = excluded.expires_at, deleted_at = null
  where held.status = 'reserved' and (held.reservation_id = excluded.reservation_id or held.user_id = excluded.user_id)
     or ${lapsed("held", reservation)}
  returning held.key
)
select f.*, g.key is not null as got from found f left join got g on g.key = f.target`;
};

interface Release {
  readonly reservationId: string;
  readonly userId: string;
  /** Keys that stay held: others have them. */
  readonly alsoTaken: readonly string[];
}

/** Ends the holds of a reservation, never what has become a fact, nor what turned out to be another user's. */
export const deleteHolds = ({ reservationId, userId, alsoTaken }: Release) => sql<{
  requestedKey: string;
  suffix: number | null;
}>`
delete from addresses using ${withoutDiskWait}
where reservation_id = ${reservationId} and user_id = ${userId} and status = 'reserved'
  and (key in (select value from jsonb_array_elements_text(${json(alsoTaken)}))) is not true
returning requested_key, suffix`;

interface HolderNow {
  readonly address: string;
  readonly userId: string;
  readonly kind: AddressKind;
  readonly status: "reserved" | "active" | "deleted";
  /** Of a hold; null: since before it was noted. */
  readonly heldSince: Date | null;
  readonly deletedAt: Date | null;
  /** Of a user's own. */
  readonly since: Date | null;
}

const aboveAllVersions = sql.lit(2 ** 31 - 1);

/** Who has a key, and how. */
export const rowOfKey = (key: string) => sql<HolderNow>`
select a.address, a.user_id, a.kind, a.status, a.held_since, a.deleted_at,
  case when a.status = 'active' then ${sinceOf("a", "status", aboveAllVersions)} end as since
from addresses a where a.key = ${key}`;

/**
 * Deletes what `chosen` selects, and the counters of the names that are free with it: a counter only spares a
 * search, so one that a later request misses costs that request some candidates. Never waits for a row in use: a
 * request holds its counter's lock while it wants addresses, a wait for it here could close a circle.
 */
const sweepOf = (chosen: Statement, rowsMax: number) => sql<{ key: string }>`
with gone as (
  delete from addresses where key in (${chosen} limit ${rowsMax} for update skip locked) returning key
), counters as (
  delete from suffixes where base_key in (
    select base_key from suffixes where base_key in (select key from gone) for update skip locked)
)
select key from gone`;

/**
 * Keeps holds of committed users, for as long again; one that another write was given because it had lapsed goes back.
 * From then on no reservation can let it go. A hold that has changed hands or has become a fact meanwhile is left.
 */
export const keepHolds = (held: readonly object[], expiresAt: Date, until: Date) => sql`
with held as materialized (
  select h.* from (
    select * from jsonb_to_recordset(${json(held)}) as h(key text, address text, user_id uuid, kind text) order by key
  ) h cross join lateral (
    select from addresses a where a.key = h.key offset 0 for update
  ) a
)
update addresses a set address = h.address, user_id = h.user_id, kind = h.kind, expires_at = ${expiresAt}::timestamptz,
  reservation_id = 'committed:' || h.user_id, requested_key = a.key, reason = null, suffix = null
from held h where a.key = h.key and a.status = 'reserved' and a.expires_at <= ${until}::timestamptz
returning a.key`;

/** Those of some holds that have lapsed. */
export const sweepHolds = (keys: readonly string[], now: Date, rowsMax: number) =>
  sweepOf(
    sql`select key from addresses where key = any (${keys}) and status = 'reserved' and expires_at <= ${now}::timestamptz`,
    rowsMax,
  );

/** A small batch of tombstones whose terms are over. */
export const sweepTombstones = (freed: Date, rowsMax: number) =>
  sweepOf(
    sql`select key from addresses where status = 'deleted' and deleted_at <= ${freed}::timestamptz order by deleted_at`,
    rowsMax,
  );
