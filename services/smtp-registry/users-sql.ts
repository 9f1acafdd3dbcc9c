/** What the registry is asked about users as a whole: by the reconciler, and for the trace of a request. */
import { sql } from "kysely";
import type { DigestedAddress } from "../contracts/reconciliation.ts";

/**
 * Users in the order of ids, from both tables: an address whose user has no watermark is a fault to be found. Each
 * half reads no more than a page of its index.
 */
export const usersAfter = (after: string | null, limit: number) => sql<{ userId: string }>`
(select user_id from watermarks where ${after}::uuid is null or user_id > ${after}::uuid order by user_id limit ${limit}::int)
union
(select distinct user_id from addresses
  where status <> 'reserved' and (${after}::uuid is null or user_id > ${after}::uuid) order by user_id limit ${limit}::int)
order by user_id limit ${limit}::int`;

export interface HeldRow {
  readonly userId: string;
  readonly version: number;
  /** null, as what follows it: none. */
  readonly key: string | null;
  readonly address: string;
  readonly kind: DigestedAddress["kind"];
  readonly status: DigestedAddress["state"];
}

/** What these users have for good or as tombstones, with their watermarks; one snapshot. */
export const heldByUsers = (userIds: readonly string[]) => sql<HeldRow>`
select u.user_id, coalesce(m.version, 0) as version, a.key, a.address, a.kind, a.status
from unnest(${userIds}::uuid[]) as u (user_id)
left join watermarks m on m.user_id = u.user_id
left join addresses a on a.user_id = u.user_id and a.status <> 'reserved'
where m.user_id is not null or a.key is not null
order by u.user_id`;

export const addressesIn = (rows: readonly HeldRow[]): DigestedAddress[] =>
  rows.flatMap(({ key, address, kind, status }) =>
    key === null ? [] : [{ key, address, kind, state: status }],
  );

/** The row's lock puts those who ask in turn. */
export const nextGeneration = (above: number) => sql<{ generation: number }>`
update generations set generation = greatest(generation, ${above}::int) + 1 where id = 1 returning generation`;
