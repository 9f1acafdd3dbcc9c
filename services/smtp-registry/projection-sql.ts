/** The statements by which a batch of events takes effect; the conventions are those of sql.ts. */
import { sql } from "kysely";
import { json } from "../../mixins/postgres/statement.ts";
import { generationSize } from "../contracts/generation.ts";

/** Above every version that an event can have. */
export const erasedMark = 2 ** 31 - 1;

/**
 * The watermarks of a batch's users, locked in the order of users, then moved forward. A statement of its own before
 * the addresses: it may wait for another batch with the same users, and only a snapshot taken after that wait sees what
 * the other one has done. In one statement with the rest, addresses that it had written stayed when they should go.
 *
 * The look-ups here and below are laterals behind `offset 0`, each a walk of an index for one row: nothing that a plan
 * could turn into reading a table. Returns each user's mark from before (null: none), of an erased user one that nothing
 * passes. Whose state is news is noted in a setting of the transaction, for `project`, which is sent along. Tells the
 * last generation that was given, too.
 * `versions`: the newest version and event of each user, by column.
 */
export const advanceWatermarks = (versions: readonly object[], now: Date) => sql<{
  userId: string;
  version: number | null;
  given: number;
}>`
with v as materialized (
  select user_id, version, event_id, active from jsonb_to_recordset(${json(versions)})
    as v(user_id uuid, version int, event_id uuid, active boolean)
  order by user_id
), marks as materialized (
  select m.user_id, case when m.erased_at is null then m.version else ${sql.lit(erasedMark)} end as version
  from v cross join lateral (
    select w.user_id, w.version, w.erased_at from watermarks w where w.user_id = v.user_id offset 0 for update
  ) m
), advanced as (
  insert into watermarks as mark (user_id, version, event_id, applied_at, active)
  select user_id, version, event_id, ${now}::timestamptz, active from v where (select count(*) from marks) >= 0
  order by user_id
  on conflict (user_id) do update
     set version = excluded.version, event_id = excluded.event_id, applied_at = excluded.applied_at,
         active = excluded.active
   where mark.version < excluded.version and mark.erased_at is null
  returning user_id
), noted as materialized (
  select set_config('mailroster.news', array_agg(user_id)::text, true) from advanced
)
select v.user_id, (select m.version from marks m where m.user_id = v.user_id) as version,
  (select generation from generations) as given
from noted, v`;

interface Projection {
  /** Deletions up to then are free. */
  readonly freed: Date;
  readonly state: readonly object[];
  readonly entries: readonly object[];
}

/**
 * Puts the states of users whose watermark the caller has moved, and so holds: their addresses, old and new, are
 * locked in the order of keys before anything is done to them; what they no longer hold goes (a write of theirs that is
 * under way keeps its holds), then what they hold is put. A hold yields to a fact, whoever has it; what another user
 * holds for good, or as a tombstone that still protects, does not: the result says how many, and the caller must undo
 * all of it. Rows that say so already are not written.
 *
 * But a fact of an older generation has lost its address to one of a newer, whichever comes first: the database in which
 * it was true is gone, and in each generation users' own key holds. So such an address is taken from its holder, and a
 * user whose address somebody has by a newer generation is dropped: its watermark moves, which the reconciler sees, and
 * its addresses stay as they were. Who is in the batch has given up what it does not name.
 *
 * The history takes what it does not have, however late it is told; of an erased user nothing any more.
 *
 * One statement for four; `(… in (…)) is true` keeps the comparison with a list a hashed one. `state`: the users'
 * newest states, `entries`: the history's of all events, both by column.
 */
export const project = ({ state, entries, freed }: Projection) => sql<{
  foreignCount: number;
  dropped: readonly string[] | null;
}>`
with u as materialized (
  select user_id from unnest(nullif(current_setting('mailroster.news', true), '')::uuid[]) as n (user_id)
), s as materialized (
  select * from jsonb_to_recordset(${json(state)})
    as s(key text, address text, user_id uuid, kind text, status text, deleted_at timestamptz, generation int)
  where (user_id in (select user_id from u)) is true
), locked as materialized (
  select a.key, a.user_id, a.status, a.deleted_at from (
    select key from s
    union
    select a.key from u cross join lateral (
      select key from addresses a where a.user_id = u.user_id offset 0
    ) a
    order by key
  ) w cross join lateral (
    select key, user_id, status, deleted_at from addresses a where a.key = w.key offset 0 for update
  ) a
), others as materialized (
  select l.key, coalesce((select m.version from watermarks m where m.user_id = l.user_id), 0) / ${generationSize}::int as generation
  from locked l
  where l.status <> 'reserved' and (l.status = 'deleted' and l.deleted_at <= ${freed}::timestamptz) is not true
    and (l.user_id in (select user_id from u)) is not true
), dropped as materialized (
  select distinct s.user_id from others o, s where s.key = o.key and s.generation < o.generation
), outlived as materialized (
  select o.key from others o, s where s.key = o.key and s.generation > o.generation
    and (s.user_id in (select user_id from dropped)) is not true
), gone as (
  delete from addresses a using locked l
  where a.key = l.key and l.status <> 'reserved' and (l.user_id in (select user_id from dropped)) is not true
    and ((l.user_id in (select user_id from u)) is true or (l.key in (select key from outlived)) is true)
    and ((l.key, l.user_id) in (select key, user_id from s)) is not true
  returning a.key
), put as (
  insert into addresses as held (key, address, user_id, kind, status, deleted_at)
  select key, address, user_id, kind, status, deleted_at from s
  where (select count(*) from gone) >= 0 and (user_id in (select user_id from dropped)) is not true
  order by key
  on conflict (key) do update set
    address = excluded.address, user_id = excluded.user_id, kind = excluded.kind, status = excluded.status,
    deleted_at = excluded.deleted_at, expires_at = null, held_since = null,
    reservation_id = null, requested_key = null, reason = null, suffix = null
  where (held.user_id = excluded.user_id or held.status = 'reserved'
         or held.status = 'deleted' and held.deleted_at <= ${freed}::timestamptz)
    and (held.address, held.user_id, held.kind, held.status, held.deleted_at) is distinct from
        (excluded.address, excluded.user_id, excluded.kind, excluded.status, excluded.deleted_at)
  returning held.key
), ledger as (
  insert into address_history (user_id, version, key, address, kind, state, at)
  select * from jsonb_to_recordset(${json(entries)})
    as h(user_id uuid, version int, key text, address text, kind text, state text, at timestamptz)
  where not exists (select from watermarks m where m.user_id = h.user_id and m.erased_at is not null)
  order by user_id, version, key
  on conflict do nothing
)
select count(*)::int as foreign_count, (select array_agg(user_id) from dropped) as dropped from s
where (user_id in (select user_id from dropped)) is not true
  and (key in (select key from put)) is not true
  and ((key, user_id) in (select key, user_id from locked)) is not true`;

/**
 * For users that are told again: what the ledger last knew them to have, and they have not, was removed at the latest
 * then. `told`: user, version, time and the keys that the user has, by column.
 */
export const closeHistory = (told: readonly object[]) => sql`
insert into address_history (user_id, version, key, address, kind, state, at)
select told.user_id, told.version, last.key, last.address, null, 'removed', told.at
from jsonb_to_recordset(${json(told)}) as told(user_id uuid, version int, at timestamptz, keys jsonb)
cross join lateral (
  select distinct on (h.key) h.key, h.address, h.state from address_history h
  where h.user_id = told.user_id and h.version < told.version
  order by h.key, h.version desc
) last
where last.state <> 'removed' and not told.keys @> to_jsonb(last.key)
order by told.user_id, told.version, last.key
on conflict do nothing`;
