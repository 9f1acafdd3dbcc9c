/** The statements of an erasure; the conventions are those of sql.ts. */
import { sql } from "kysely";
import { keyedHash } from "../../mixins/postgres/keyed-hash.ts";

/** Which of some keys were an erased user's and are nobody else's yet. */
export const erasedAmong = (keys: readonly string[], freed: Date) => sql<{
  key: string;
  userId: null;
  deletedAt: Date;
}>`
select k.key, null as user_id, e.deleted_at from unnest(${keys}::text[]) k (key)
join erased_keys e on e.hash = ${keyedHash("k.key")} where e.deleted_at > ${freed}::timestamptz`;

/** What an erased user has left of an address is nobody's. */
export const releaseErased = (key: string) => sql`
delete from erased_keys e using (select ${key}::text as key) k where e.hash = ${keyedHash("k.key")}`;

/** The guard of a deleted user's addresses goes on without them. */
export const hideKeys = (userId: string, deletedAt: Date) => sql`
with guarded as (
  delete from address_keys where user_id = ${userId}::uuid returning key
)
insert into erased_keys as kept (hash, deleted_at)
select distinct ${keyedHash("key")}, ${deletedAt}::timestamptz from guarded
on conflict (hash) do update set deleted_at = greatest(kept.deleted_at, excluded.deleted_at)`;

interface Erased {
  readonly userId: string;
  readonly at: Date;
  readonly by: string;
  readonly reason: string;
}

/** The first one stays. */
export const noteErasure = ({ userId, at, by, reason }: Erased) => sql`
insert into erasures (user_id, erased_at, erased_by, reason)
values (${userId}::uuid, ${at}::timestamptz, ${by}, ${reason})
on conflict (user_id) do nothing`;

/** The one function that may change entries of the audit log (migrations/users: erasure). */
export const emptyAudit = (userId: string) => sql`select empty_audit_of(${userId}::uuid)`;

/** Events of a user that wait, but for this one: the walk of one partition. */
export const eventsWaiting = (userId: string, partition: number, besides: string | null) => sql<{
  id: string;
}>`
select id from outbox where partition = ${partition}::smallint and aggregate_id = ${userId}::uuid
  and event_id is distinct from ${besides}::uuid limit 1`;

/** Answers that show the user; an index knows them by their beginning. The keys are free again. */
export const forgetAnswers = (userId: string) => sql`
delete from idempotency where starts_with(result, '{"id":"') and substr(result, 8, 36) = ${userId}`;

/** Whoever makes a member of the user now has to be done with it first, and whoever comes later finds it deleted. */
export const lockMembers = sql`lock table scim_group_members in share row exclusive mode`;

export const leaveGroups = (userId: string) => sql`
delete from scim_group_members where user_id = ${userId}::uuid`;

/** A small batch of hashes whose terms are over. */
export const sweepErasedKeys = (freed: Date, rowsMax: number) => sql`
delete from erased_keys where hash in (
  select hash from erased_keys where deleted_at <= ${freed}::timestamptz order by deleted_at limit ${rowsMax}
  for update skip locked)
returning 1 as deleted`;
