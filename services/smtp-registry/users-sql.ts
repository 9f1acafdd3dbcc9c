/** What the registry is asked about users as a whole: by the reconciler, and for the trace of a request. */

/**
 * Users in the order of ids, from both tables: an address whose user has no watermark is a fault to be found. Each
 * half reads no more than a page of its index.
 */
export const usersAfter = `
(select user_id from watermarks where :after::uuid is null or user_id > :after::uuid order by user_id limit :limit::int)
union
(select distinct user_id from addresses
  where status <> 'reserved' and (:after::uuid is null or user_id > :after::uuid) order by user_id limit :limit::int)
order by user_id limit :limit::int`;

/** What these users have for good or as tombstones, with their watermarks; one snapshot. */
export const heldByUsers = `
select u.user_id, coalesce(m.version, 0) as version, a.key, a.address, a.kind, a.status
from (select value::uuid as user_id from jsonb_array_elements_text(:userIds::jsonb)) u
left join watermarks m on m.user_id = u.user_id
left join addresses a on a.user_id = u.user_id and a.status <> 'reserved'
where m.user_id is not null or a.key is not null
order by u.user_id`;

/** For the trace of a request: which event brought these users' state, and which versions have changed addresses. */
export const marksOfUsers = `
select m.user_id, m.version, m.event_id, m.applied_at,
  array(select distinct h.version from address_history h where h.user_id = m.user_id order by 1) as history
from (select value::uuid as user_id from jsonb_array_elements_text(:userIds::jsonb)) u
join watermarks m on m.user_id = u.user_id`;
