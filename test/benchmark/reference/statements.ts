/**
 * The reference's SQL: the same rows in the same tables as the system writes, one statement a transaction, prepared by
 * name. What the system does beyond that (suffixes, budgets, several relays, dead letters) is left out on purpose.
 */

/** The reservation in the registry's database; as there, a hold does not wait for the disk. */
export const reserve = `
insert into addresses (key, address, user_id, kind, status, reservation_id, requested_key, expires_at)
select $1, $2, $3, 'primary', 'reserved', $4, $1, now() + interval '5 minutes'
from (select set_config('synchronous_commit', 'off', true)) async
on conflict (key) do nothing
returning key`;

/** The user, the guard of its address and the event, in one statement and so in one transaction. */
export const create = `
with u as (
  insert into users
    (id, display_name, primary_smtp, secondary_smtps, search_text, version, created_at, updated_at, deleted_at)
  values ($1, $2, $3, '{}', $4, 1, $5, $5, null)
), k as (
  insert into address_keys (key, user_id) values ($6, $1)
)
insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body)
values ($7, $1, $8, 'user.created.v1', $9, $10)`;

export const pending = `
select id::text as id, event_id as "eventId", type, correlation_id as "correlationId", body
from outbox order by outbox.id limit $1`;

export const forget = `delete from outbox where id = any ($1::bigint[])`;

/** A batch of events in the registry: watermarks, the history and the addresses themselves. */
export const project = `
with e as (
  select * from jsonb_to_recordset($1::jsonb)
    as e(user_id uuid, version int, key text, address text, at timestamptz)
), marks as (
  insert into watermarks as mark (user_id, version) select user_id, version from e order by user_id
  on conflict (user_id) do update set version = excluded.version where mark.version < excluded.version
  returning user_id
), history as (
  insert into address_history (user_id, version, key, address, kind, state, at)
  select user_id, version, key, address, 'primary', 'active', at from e order by user_id
  on conflict do nothing
)
insert into addresses as held (key, address, user_id, kind, status)
select e.key, e.address, e.user_id, 'primary', 'active' from e join marks using (user_id) order by e.key
on conflict (key) do update set
  address = excluded.address, user_id = excluded.user_id, kind = excluded.kind, status = excluded.status,
  expires_at = null, reservation_id = null, requested_key = null, reason = null, suffix = null
where held.user_id = excluded.user_id or held.status = 'reserved'`;

/** A batch of events in the audit log; its primary key is the inbox. */
export const record = `
insert into audit_entries (id, at, action, user_id, version, actor, correlation_id, changes)
select e.id, e.at, 'user.created', e.user_id, e.version, e.actor, e.correlation_id, e.changes
from jsonb_to_recordset($1::jsonb) as e (id uuid, at timestamptz, user_id uuid, version int, actor text,
  correlation_id text, changes jsonb)
order by e.id
on conflict (id) do nothing`;

/** No user has a sign of a pattern in its text. */
export const find = `
select id, display_name as "displayName", primary_smtp as "primarySmtp", secondary_smtps as "secondarySmtps",
  version, created_at as "createdAt", updated_at as "updatedAt"
from users where search_text like '%' || $1 || '%' and deleted_at is null order by id limit 20`;

export const get = `
select id, display_name as "displayName", primary_smtp as "primarySmtp", secondary_smtps as "secondarySmtps",
  version, created_at as "createdAt", updated_at as "updatedAt"
from users where id = $1 and deleted_at is null`;
