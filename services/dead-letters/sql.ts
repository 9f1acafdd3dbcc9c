/** The statements over the table of dead letters; storing one is mixins/bus/dead-letters.ts. */
import { sql } from "kysely";

/** What every answer shows. */
const columns = `id, queue, status, event_id as "eventId", event_type as "eventType", user_id as "userId",
  correlation_id as "correlationId", reason, error, cause, attempts, replays, first_failed_at as "firstFailedAt",
  last_failed_at as "lastFailedAt", last_replayed_at as "lastReplayedAt"`;

const allColumns = `${columns}, message_id as "messageId", routing_key as "routingKey", body, headers,
  discarded_at as "discardedAt", discarded_by as "discardedBy", discard_reason as "discardReason",
  discard_correlation_id as "discardCorrelationId"`;

/** Newest first by id, which is a UUID version 7: one index read for a page, also of one queue. */
export const page = (conditions: readonly string[]): string => `
select ${columns} from dead_letters ${conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`}
order by id desc limit ?`;

export const one = `select ${allColumns} from dead_letters where id = ?`;

/** Whoever decides on a letter waits here for whoever decides on it at the same time. */
export const lockOne = `${one} for update`;

/**
 * Only forward: a replay that has already failed and come back stored its number itself, and stays pending.
 * Parameters: number, time, number, number, time, id.
 */
export const markReplayed = `
update dead_letters
   set replays = greatest(replays, ?), last_replayed_at = ?,
       status = case when replays < ? then 'replayed' else status end,
       settled_at = case when replays < ? then ?::timestamptz else settled_at end
 where id = ?
returning ${columns}`;

/** Parameters: time, time, actor, reason, correlation id, id. */
export const markDiscarded = `
update dead_letters
   set status = 'discarded', settled_at = ?, discarded_at = ?, discarded_by = ?, discard_reason = ?,
       discard_correlation_id = ?
 where id = ?
returning ${columns}`;

/** An index-only count of what is pending, which an operator keeps small. */
export const countPending = `
select queue, count(*)::int as pending from dead_letters where status = 'pending' group by queue`;

/** Pending letters by cause, which an operator keeps few; the newest letter of each is its example. Parameter: groups. */
export const causes = `
select g.cause, g.letters, g.first as "firstFailedAt", g.last as "lastFailedAt",
  l.id as "exampleId", l.queue, l.routing_key as "eventType", l.reason, l.error
from (
  select cause, count(*)::int as letters, min(first_failed_at) as first, max(last_failed_at) as last,
    (array_agg(id order by id desc))[1] as newest
  from dead_letters where status = 'pending' group by cause
) g join dead_letters l on l.id = g.newest
order by g.last desc, g.cause limit ?`;

/** Small batches that step around each other; what is pending has no settled_at and is never deleted. */
export const deleteSettled = (before: Date, rowsMax: number) => sql`
delete from dead_letters where id in (
  select id from dead_letters where settled_at < ${before} order by settled_at limit ${rowsMax} for update skip locked)
returning 1 as deleted`;

/** Walks the pending ones, which an operator keeps few. Parameter: user ids as an array literal. */
export const pendingOf = `
select distinct user_id as "userId", queue from dead_letters
where status = 'pending' and user_id = any (?::uuid[])`;
