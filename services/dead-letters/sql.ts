/**
 * The statements over the table of dead letters that entities can't say: groups with a member of each, and a deletion that
 * steps around what is locked. Storing a letter is mixins/bus/dead-letters.ts.
 */
import { sql } from "kysely";
import type { CauseRow } from "./view.ts";

/** Pending letters by cause, which an operator keeps few; the newest letter of each is its example. */
export const causes = (groupsMax: number) => sql<CauseRow>`
select g.cause, g.letters, g.first_failed_at, g.last_failed_at,
  l.id as example_id, l.queue, l.routing_key as event_type, l.reason, l.error
from (
  select cause, count(*)::int as letters, min(first_failed_at) as first_failed_at,
    max(last_failed_at) as last_failed_at, (array_agg(id order by id desc))[1] as newest
  from dead_letters where status = 'pending' group by cause
) g join dead_letters l on l.id = g.newest
order by g.last_failed_at desc, g.cause limit ${groupsMax}`;

/** Small batches that step around each other; what is pending has no settled_at and is never deleted. */
export const deleteSettled = (before: Date, rowsMax: number) => sql`
delete from dead_letters where id in (
  select id from dead_letters where settled_at < ${before} order by settled_at limit ${rowsMax} for update skip locked)
returning 1 as deleted`;

/** What a replay of a cause has sent, and what of it has failed again: a decision on a letter under its number came after that. */
export const progress = (replayId: string) => sql<{ replayed: number; cameBack: number }>`
select count(*)::int as replayed,
  (count(*) filter (where l.replays > r.replays or (l.replays = r.replays and l.status <> 'replayed')))::int as came_back
from dead_letter_replayed r left join dead_letters l on l.id = r.letter_id where r.replay_id = ${replayId}::uuid`;

/** What replays have sent that began before. */
export const deleteReplayed = (before: Date, rowsMax: number) => sql`
delete from dead_letter_replayed where (replay_id, letter_id) in (
  select r.replay_id, r.letter_id from dead_letter_replayed r join dead_letter_replays p on p.id = r.replay_id
   where p.started_at < ${before} limit ${rowsMax} for update of r skip locked)
returning 1 as deleted`;

/** Those of which nothing is left that they sent. */
export const deleteReplays = (before: Date, rowsMax: number) => sql`
delete from dead_letter_replays where id in (
  select id from dead_letter_replays p where started_at < ${before}
   and not exists (select from dead_letter_replayed r where r.replay_id = p.id)
   order by id limit ${rowsMax} for update skip locked)
returning 1 as deleted`;
