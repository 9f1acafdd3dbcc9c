/**
 * The statements of the outbox, each with its reasoning.
 *
 * Those by which the relay looks for rows walk the index (partition, id) and nothing else. `(partition, id) > (p, safe)
 * and partition <= p order by partition, id` says "this partition, above the mark" in the one form that only that index
 * can sort: with `partition = p … order by id` the planner, whose statistics of an outbox are always wrong, may walk
 * the primary key through the whole backlog instead to find the first row of an empty partition.
 *
 * Ids and what counts transactions come as texts, as the client gives a bigint.
 */
import { sql } from "kysely";
import { outboxPartitions } from "../../mixins/bus/outbox-row.ts";
import { json } from "../../mixins/postgres/statement.ts";
import { currentTimeline } from "../../mixins/postgres/timeline.ts";
import type { OutboxRow } from "./publish.ts";

const everyPartition = Array.from({ length: outboxPartitions }, (_, index) => index);

/** First key of the advisory locks; the second is the partition. */
export const partitionLockClass = 0x6f75_7462; // "outb"

/**
 * The highest id handed out so far. A fresh sequence says last_value = 1 and is_called = false, which means 0. It must
 * be read before the snapshot, and by a statement of its own: a sequence is read as it is, not as a snapshot saw it.
 */
export const readLastId = sql<{ lastId: string }>`
select last_value - (not is_called)::int as last_id from outbox_id_seq`;

/**
 * Which transactions are over: all below xmin. Of those to come none has a number below `nextXid`. The snapshot's own
 * xmax is not that number: it is one more than the last transaction that is over, so the newest of those that are open
 * may have it. `age` counts from the number that is next (PostgreSQL, xid_age and GetStableLatestTransactionId), as long
 * as this transaction has none of its own and has not asked before: the statement comes first.
 */
export const readSnapshot = sql<{ xmin: string; nextXid: string }>`
select pg_snapshot_xmin(s)::text as xmin,
  pg_snapshot_xmax(s)::text::bigint + age(pg_snapshot_xmax(s)::xid) as next_xid
from pg_current_snapshot() s`;

/** Sent with each claim: a promotion ends the transactions of a server, so it holds for all of one. null: a standby. */
export const readTimeline = sql<{ timeline: string | null }>`select ${currentTimeline} as timeline`;

interface Claim {
  /** By partition. */
  readonly marks: readonly bigint[];
  /** Users that must wait. */
  readonly held: readonly string[];
  readonly partitionsMax: number;
  /** Of the advisory locks. */
  readonly lockClass: number;
}

/**
 * All partitions that have something to publish, in random order, and which of them are this relay's: up to `limit`
 * that no other relay works on. The locks are the transaction's: they need no lease, go with a lost connection and work
 * behind a connection pooler. `materialized` keeps the lock function out of the search, so that it takes no more locks
 * than are returned. What is not among the rows at all is empty above its mark, which is what lets the mark move.
 *
 * A standby takes the locks and shows the rows as well, but what is published from there can't be deleted: so each row
 * tells whether the transaction can write (a setting costs nothing beside the locks).
 *
 * Which are ours is noted in a setting of the transaction for `readBatch`, which is sent along.
 */
export const claimPartitions = ({ marks, held, partitionsMax, lockClass }: Claim) => sql<{
  partition: number;
  ours: boolean;
  readOnly: boolean;
}>`
with loaded as materialized (
  select c.partition
  from unnest(${everyPartition}::smallint[], ${marks}::bigint[]) as c (partition, safe)
  cross join lateral (
    select 1 from outbox o
    where (o.partition, o.id) > (c.partition, c.safe) and o.partition <= c.partition
      and o.aggregate_id <> all (${held}::uuid[])
    order by o.partition, o.id limit 1
  ) one
  order by random()
), ours as materialized (
  select l.partition from loaded l
  where pg_try_advisory_xact_lock(${lockClass}, l.partition::int) limit ${partitionsMax}
), noted as materialized (
  select set_config('mailroster.partitions', array_agg(partition)::text, true) from ours
)
select l.partition, o.partition is not null as ours,
  current_setting('transaction_read_only')::boolean as read_only
from noted, loaded l left join ours o on o.partition = l.partition`;

interface Read extends Pick<Claim, "marks" | "held"> {
  readonly rowsPerPartition: number;
  readonly rowsMax: number;
}

/**
 * The rows to publish, in the order of their ids. A statement of its own after the locks: only its fresh snapshot is
 * sure to see what the relay that had the partition before has deleted.
 */
export const readBatch = ({ marks, held, rowsPerPartition, rowsMax }: Read) => sql<OutboxRow>`
with ours as materialized (
  select partition, (${marks}::bigint[])[partition + 1] as safe
  from unnest(nullif(current_setting('mailroster.partitions', true), '')::smallint[]) as o (partition)
)
select r.id, r.partition, r.aggregate_id, r.event_id, r.type, r.correlation_id, r.body
from ours c
cross join lateral (
  select o.* from outbox o
  where (o.partition, o.id) > (c.partition, c.safe) and o.partition <= c.partition
    and o.aggregate_id <> all (${held}::uuid[])
  order by o.partition, o.id limit ${rowsPerPartition}
) r
order by r.id limit ${rowsMax}`;

/**
 * Only ids that the bus has confirmed, in the transaction that read them; what the trace of a request needs of them
 * stays. One statement, so that no event is in both tables or in none. The conflict can only be with an older event
 * (the sequence was set back), and must not hold up the outbox.
 */
export const moveConfirmed = (ids: readonly string[]) => sql`
with gone as (
  delete from outbox where id = any (${ids}::bigint[])
  returning id, aggregate_id, event_id, type, correlation_id, note, attempts, created_at
)
insert into published_events (id, aggregate_id, event_id, type, correlation_id, note, attempts, created_at)
select id, aggregate_id, event_id, type, correlation_id, note, attempts + 1, created_at from gone
on conflict (id) do nothing`;

/** Around a rehearsal of `moveConfirmed`, of which nothing stays. */
export const savepoint = sql`savepoint rehearsal`;
export const rollbackToSavepoint = sql`rollback to savepoint rehearsal`;

/** Rare, and what is refused is held back for longer each time. */
export const countRefusals = (refusals: readonly { id: string; reason: string }[]) => sql`
update outbox o set attempts = o.attempts + 1, refusal = r.reason
from jsonb_to_recordset(${json(refusals)}) as r (id bigint, reason text) where o.id = r.id`;

interface EventOfRequest {
  readonly eventId: string;
  readonly userId: string;
  readonly type: string;
  readonly note: string | null;
  readonly attempts: number;
  readonly refusal: string | null;
  readonly writtenAt: Date;
  readonly publishedAt: Date | null;
  readonly ageS: number;
  readonly behind: number;
}

/** User, version and event. */
type Place = readonly [string, number, string];

/**
 * The events of a request behind a place, those that wait and those that are gone, by user and version; each half is one
 * look into a hash index, and all of a request's are read for each page (10,000: some 50 ms). Ages by the database's own
 * clock.
 */
export const eventsOfRequest = (
  correlationId: string,
  [userId, version, eventId]: Place,
  limit: number,
) => sql<EventOfRequest>`
with told as (
  select event_id, aggregate_id, type, note, attempts, refusal, created_at as written_at,
    null::timestamptz as published_at
  from outbox where correlation_id = ${correlationId}
  union all
  select event_id, aggregate_id, type, note, attempts, null, created_at, published_at
  from published_events where correlation_id = ${correlationId}
), placed as (
  select *, coalesce((note::jsonb ->> 'version')::int, 0) as version from told
)
select event_id, aggregate_id as user_id, type, note, attempts, refusal, written_at, published_at,
  greatest(extract(epoch from now() - coalesce(published_at, written_at)), 0)::float8 as "ageS",
  count(*) over ()::int as behind
from placed where (aggregate_id, version, event_id) > (${userId}::uuid, ${version}::int, ${eventId}::uuid)
order by aggregate_id, version, event_id limit ${limit}`;

/**
 * The lowest ids are the oldest, but for those that had to wait: so a batch is looked for among the lowest ten thousand,
 * a walk over the primary key that ends there however young they are. An index on the time would cost each event one
 * more write.
 */
export const forgetPublished = (days: number, rowsMax: number) => sql`
delete from published_events where id in (
  select id from published_events
  where published_at < now() - make_interval(days => ${days})
    and id <= (select max(id) from (select id from published_events order by id limit 10000) lowest)
  order by id limit ${rowsMax} for update skip locked
)
returning 1 as deleted`;

export interface Pending {
  /** Exact up to some thousands. */
  readonly pending: number;
  readonly oldestAgeS: number;
  /** null: a standby. */
  readonly timeline: string | null;
}

/**
 * What waits, held-back users included; counted up to a bound for each partition, so that a backlog of millions
 * costs no more than one of thousands. It is also the one statement of an idle poll (no transaction, no lock).
 */
export const measurePending = (marks: readonly bigint[], rowsPerPartition: number) => sql<Pending>`
select count(*)::int as pending,
  coalesce(greatest(extract(epoch from now() - min(r.created_at)), 0), 0)::float8 as "oldestAgeS",
  ${currentTimeline} as timeline
from unnest(${everyPartition}::smallint[], ${marks}::bigint[]) as c (partition, safe)
cross join lateral (
  select o.created_at from outbox o
  where (o.partition, o.id) > (c.partition, c.safe) and o.partition <= c.partition
  order by o.partition, o.id limit ${rowsPerPartition}
) r`;

/** All that waits, exactly: an operator asks now and then, unlike the relay, whose own measure is bounded. */
export const backlog = sql<{ pending: number; oldestAt: Date | null; now: Date }>`
select count(*)::int as pending, min(created_at) as oldest_at, now() as now from outbox`;
