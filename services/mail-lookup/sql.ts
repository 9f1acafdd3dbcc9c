/**
 * The statements of the look-ups: every question that waits goes in one. Each key is a walk of an index behind `offset 0`;
 * nothing here could become a reading of a table.
 */
import { sql } from "kysely";
import { keyedHash } from "../../mixins/postgres/keyed-hash.ts";
import type { AddressKind } from "../contracts/user.ts";

export interface HolderRow {
  readonly key: string;
  /** null, as what follows it: there is no row. */
  readonly status: string | null;
  readonly kind: AddressKind | null;
  readonly deletedAt: Date | null;
  /** Of the user who has it, as it is kept. */
  readonly primary: string | null;
  /** When the user was deleted who was erased since, of whom nothing else is known. */
  readonly erasedDeletedAt: Date | null;
  /** null: nobody has it. */
  readonly isEnabled: boolean | null;
}

/** Who has these keys, and the primary of each: one snapshot, so a user's rename is seen whole or not at all. */
export const rowsOfRecipients = (keys: readonly string[]) => sql<HolderRow>`
select k.key, a.status, a.kind, a.deleted_at,
  case when a.kind = 'primary' then a.address else p.address end as primary, e.deleted_at as erased_deleted_at,
  m.active as is_enabled
from unnest(${keys}::text[]) as k (key)
left join lateral (
  select address, user_id, kind, status, deleted_at from addresses where key = k.key offset 0
) a on true
left join lateral (
  select address from addresses
  where user_id = a.user_id and kind = 'primary' and status = 'active' and a.kind = 'secondary' and a.status = 'active'
  offset 0
) p on true
left join lateral (
  select active from watermarks where user_id = a.user_id and a.status = 'active' offset 0
) m on true
left join lateral (
  select deleted_at from erased_addresses
  where hash = ${keyedHash("k.key")} and state = 'tombstone' and coalesce(a.status, 'deleted') = 'deleted'
  order by at desc limit 1
) e on true`;

export interface DomainRow {
  readonly domain: string;
  readonly hasActive: boolean;
  /** Asked only where there is no active one. */
  readonly hasHold: boolean;
}

/** Whether addresses are in these domains, in A-labels; by `addresses_domain_idx`. */
export const rowsOfDomains = (domains: readonly string[]) => sql<DomainRow>`
select d.domain, l.has_active,
  not l.has_active and exists (
    select from addresses where split_part(key, '@', 2) = d.domain and status = 'reserved' and status <> 'deleted'
  ) as has_hold
from unnest(${domains}::text[]) as d (domain)
cross join lateral (
  select exists (
    select from addresses where split_part(key, '@', 2) = d.domain and status = 'active' and status <> 'deleted'
  ) as has_active offset 0
) l`;

/**
 * How old the last commit is that a standby has, by the primary's clock and its own: 0 of a server that is none. Older
 * than what it lacks while nobody writes, and null when it has none.
 */
export const replicaAge = sql<{ ageMs: number | null }>`
select (case when pg_is_in_recovery()
  then extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000 else 0 end)::float8 as age_ms`;
