/** The statements by which addresses get suffixes; the conventions are those of sql.ts. */
import { sql } from "kysely";
import { json } from "../../mixins/postgres/statement.ts";
import { tombstoneOf } from "./erasure-sql.ts";
import { lapsed, type Reservation, withoutDiskWait } from "./sql.ts";

export interface SeenRow {
  readonly place: number;
  readonly start: number;
  readonly suffix: number | null;
  readonly key: string | null;
  readonly address: string | null;
  readonly got: boolean;
}

/**
 * The first free suffix of each of some addresses, all of them in one statement or none: when one has no free number
 * among those it looks at, nothing is held and only that one's counter moves on, past what it saw taken, so that the next
 * look begins there. So a name that can get no suffix uses up no numbers of another.
 *
 * The counters are locked first, in the order of their names, until the commit: who wants the same name queues for it,
 * and begins at what the one before has left, as the lock shows the row's newest version. `reserve` has made them; one
 * that was swept since is missing in the result: run it again. A number that somebody takes explicitly in between comes
 * back with got = false, as does the second of two addresses of the request that led to one key: run it again, too.
 *
 * `begin`: where to look instead of at the counter. `span`: how many numbers. `rank`: how many addresses of the request
 * with the same counter come before, each of which gets a free number of its own. `avoid`: keys of the request itself.
 */
export const insertSuffixed = (reservation: Reservation, avoid: readonly string[]) => sql<SeenRow>`
with wanted as materialized (
  select w.* from ${withoutDiskWait}, jsonb_to_recordset(${json(reservation.wanted)}) as w(place int, key text, kind text, reason text,
    base_key text, begin int, span int, rank int, domain text, key_domain text, last int, ranges jsonb)
), avoid as materialized (
  select value as key from jsonb_array_elements_text(${json(avoid)})
), counters as materialized (
  select b.base_key, c.next from (select distinct base_key from wanted order by base_key) b cross join lateral (
    select next from suffixes s where s.base_key = b.base_key offset 0 for update
  ) c
), looked as materialized (
  select w.*, coalesce(w.begin, c.next) as start from wanted w join counters c on c.base_key = w.base_key
), seen as materialized (
  select l.place, l.key as requested_key, l.kind, l.reason, l.base_key, l.begin, l.span, l.rank, l.last, l.start,
         f.suffix, f.key, f.address
  from looked l left join lateral (
    select n as suffix, r.stem || n || '@' || l.domain as address, r."keyStem" || n || '@' || l.key_domain as key
    from jsonb_to_recordset(l.ranges) as r(first int, last int, stem text, "keyStem" text, passed jsonb)
    cross join lateral generate_series(greatest(r.first, l.start), least(r.last, l.start::bigint + l.span - 1)::int) n
    where not exists (select from jsonb_array_elements_text(r.passed) p(begins) where starts_with(n::text, p.begins))
      and ((r."keyStem" || n || '@' || l.key_domain) in (select key from avoid)) is not true
      and not exists (select from addresses a
        where a.key = r."keyStem" || n || '@' || l.key_domain and not ${lapsed("a", reservation)})
      and not exists (${tombstoneOf(`r."keyStem" || n || '@' || l.key_domain`, reservation.freed)})
    order by n offset l.rank limit 1
  ) f on true
), complete as (
  select count(*) = (select count(*) from wanted) and bool_and(suffix is not null) as yes from seen
), got as (
  insert into addresses as held
    (key, address, user_id, kind, status, reservation_id, requested_key, reason, suffix, held_since, expires_at)
  select distinct on (key) key, address, ${reservation.userId}::uuid, kind, 'reserved', ${reservation.reservationId}, requested_key, reason, suffix,
    ${reservation.now}::timestamptz, ${reservation.expiresAt}::timestamptz
  from seen where (select yes from complete) order by key, place
  on conflict (key) do update set
    address = excluded.address, user_id = excluded.user_id, kind = excluded.kind, status = 'reserved',
    reservation_id = excluded.reservation_id, requested_key = excluded.requested_key, reason = excluded.reason,
    suffix = excluded.suffix, held_since = excluded.held_since, expires_at = excluded.expires_at, deleted_at = null
  where ${lapsed("held", reservation)}
  returning held.key, held.requested_key
), moved as (
  insert into suffixes as counter (base_key, next)
  select base_key, max(next) from (
    select base_key, suffix + 1 as next from seen where (key, requested_key) in (select key, requested_key from got)
    union all
    select base_key, start + span from seen
    where suffix is null and begin is null and rank = 0 and start::bigint + span <= last
  ) m group by base_key order by base_key
  on conflict (base_key) do update set next = greatest(counter.next, excluded.next)
)
select s.place, s.start, s.suffix, s.key, s.address, g.key is not null as got
from seen s left join got g on g.key = s.key and g.requested_key = s.requested_key`;

/** Gives numbers back that were not used, of which nobody took a later one since. */
export const giveBackNumbers = (numbers: readonly object[]) => sql`
with numbers as materialized (
  select base_key, min(suffix) as unused, max(suffix) as newest
  from ${withoutDiskWait}, jsonb_to_recordset(${json(numbers)}) as n(base_key text, suffix int) group by base_key
), counters as materialized (
  select n.* from (select * from numbers order by base_key) n cross join lateral (
    select from suffixes s where s.base_key = n.base_key offset 0 for update
  ) c
)
update suffixes s set next = c.unused from counters c where s.base_key = c.base_key and s.next = c.newest + 1`;
