/**
 * The statements of the outbox, each with its reasoning.
 *
 * Those by which the relay looks for rows walk the index (partition, id) and nothing else. `(partition, id) > (p, safe)
 * and partition <= p order by partition, id` says "this partition, above the mark" in the one form that only that index
 * can sort: with `partition = p … order by id` the planner, whose statistics of an outbox are always wrong, may walk
 * the primary key through the whole backlog instead to find the first row of an empty partition.
 *
 * Ids are compared and sorted as bigint and only then shown as text: `order by id` after `id::text as id` would
 * sort "10" before "9". Arrays are passed as PostgreSQL array literals, because MikroORM's `execute`, by which some of
 * them run, spreads JavaScript's.
 */

/** First key of the advisory locks; the second is the partition. */
export const partitionLockClass = 0x6f75_7462; // "outb"

/**
 * The highest id handed out so far. A fresh sequence says last_value = 1 and is_called = false, which means 0. It must
 * be read before the snapshot, and by a statement of its own: a sequence is read as it is, not as a snapshot saw it.
 */
export const readLastId = `select (last_value - (not is_called)::int)::text as "lastId" from outbox_id_seq`;

/**
 * Which transactions are over: all below xmin. Of those to come none has a number below `nextXid`. The snapshot's own
 * xmax is not that number: it is one more than the last transaction that is over, so the newest of those that are open
 * may have it. `age` counts from the number that is next (PostgreSQL, xid_age and GetStableLatestTransactionId), as long
 * as this transaction has none of its own and has not asked before: the statement comes first.
 */
export const readSnapshot = `
select pg_snapshot_xmin(s)::text as xmin,
  (pg_snapshot_xmax(s)::text::bigint + age(pg_snapshot_xmax(s)::xid))::text as "nextXid"
from pg_current_snapshot() s`;

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
export const claimPartitions = `
with loaded as materialized (
  select c.partition
  from unnest(:partitions::smallint[], :marks::bigint[]) as c (partition, safe)
  cross join lateral (
    select 1 from outbox o
    where (o.partition, o.id) > (c.partition, c.safe) and o.partition <= c.partition
      and o.aggregate_id <> all (:held::uuid[])
    order by o.partition, o.id limit 1
  ) one
  order by random()
), ours as materialized (
  select l.partition from loaded l
  where pg_try_advisory_xact_lock(:lockClass, l.partition::int) limit :partitionsMax
), noted as materialized (
  select set_config('mailroster.partitions', array_agg(partition)::text, true) from ours
)
select l.partition, o.partition is not null as ours,
  current_setting('transaction_read_only')::boolean as "readOnly"
from noted, loaded l left join ours o on o.partition = l.partition`;

/**
 * The rows to publish, in the order of their ids. A statement of its own after the locks: only its fresh snapshot is
 * sure to see what the relay that had the partition before has deleted.
 */
export const readBatch = `
with ours as materialized (
  select partition, (:marks::bigint[])[partition + 1] as safe
  from unnest(nullif(current_setting('mailroster.partitions', true), '')::smallint[]) as o (partition)
)
select r.id::text as id, r.partition, r.aggregate_id as "aggregateId", r.event_id as "eventId", r.type,
  r.correlation_id as "correlationId", r.body
from ours c
cross join lateral (
  select o.* from outbox o
  where (o.partition, o.id) > (c.partition, c.safe) and o.partition <= c.partition
    and o.aggregate_id <> all (:held::uuid[])
  order by o.partition, o.id limit :rowsPerPartition
) r
order by r.id limit :rowsMax`;

/**
 * Only ids that the bus has confirmed, in the transaction that read them; what the trace of a request needs of them
 * stays. One statement, so that no event is in both tables or in none. The conflict can only be with an older event
 * (the sequence was set back), and must not hold up the outbox. Parameter: ids.
 */
export const moveConfirmed = `
with gone as (
  delete from outbox where id = any (?::bigint[])
  returning id, aggregate_id, event_id, type, correlation_id, note, attempts, created_at
)
insert into published_events (id, aggregate_id, event_id, type, correlation_id, note, attempts, created_at)
select id, aggregate_id, event_id, type, correlation_id, note, attempts + 1, created_at from gone
on conflict (id) do nothing`;

/** Rare, and what is refused is held back for longer each time. Parameter: ids with reasons, as JSON. */
export const countRefusals = `
update outbox o set attempts = o.attempts + 1, refusal = r.reason
from jsonb_to_recordset(?::jsonb) as r (id bigint, reason text) where o.id = r.id`;

/**
 * The events of a request behind a place, those that wait and those that are gone, by user and version; each half is one
 * look into a hash index, and all of a request's are read for each page (10,000: some 50 ms). Ages by the database's own
 * clock. Parameters: correlation id, correlation id, user, version, event, rows.
 */
export const eventsOfRequest = `
with told as (
  select event_id, aggregate_id, type, note, attempts, refusal, created_at as written_at,
    null::timestamptz as published_at
  from outbox where correlation_id = ?
  union all
  select event_id, aggregate_id, type, note, attempts, null, created_at, published_at
  from published_events where correlation_id = ?
), placed as (
  select *, coalesce((note::jsonb ->> 'version')::int, 0) as version from told
)
select event_id as "eventId", aggregate_id as "userId", type, note, attempts, refusal,
  written_at as "writtenAt", published_at as "publishedAt",
  greatest(extract(epoch from now() - coalesce(published_at, written_at)), 0)::float8 as "ageS",
  count(*) over ()::int as behind
from placed where (aggregate_id, version, event_id) > (?::uuid, ?::int, ?::uuid)
order by aggregate_id, version, event_id limit ?`;

/**
 * The lowest ids are the oldest, but for those that had to wait: so a batch is looked for among the lowest ten thousand,
 * a walk over the primary key that ends there however young they are. An index on the time would cost each event one
 * more write. Parameters: days, rows.
 */
export const forgetPublished = `
delete from published_events where id in (
  select id from published_events
  where published_at < now() - make_interval(days => ?)
    and id <= (select max(id) from (select id from published_events order by id limit 10000) lowest)
  order by id limit ? for update skip locked
)
returning 1 as deleted`;

/**
 * What waits, held-back users included; counted up to a bound for each partition, so that a backlog of millions
 * costs no more than one of thousands. It is also the one statement of an idle poll (no transaction, no lock).
 *
 * Parameters: partitions, marks, rows a partition.
 */
export const measurePending = `
select count(*)::int as pending,
  coalesce(greatest(extract(epoch from now() - min(r.created_at)), 0), 0)::float8 as "oldestAgeS"
from unnest(?::smallint[], ?::bigint[]) as c (partition, safe)
cross join lateral (
  select o.created_at from outbox o
  where (o.partition, o.id) > (c.partition, c.safe) and o.partition <= c.partition
  order by o.partition, o.id limit ?
) r`;

/** Numbers and UUIDs need no quoting in an array literal. */
export const arrayLiteral = (values: Iterable<number | string | bigint>): string =>
  `{${[...values].join(",")}}`;

/** Which of some users have an event here, whatever the marks say. Parameters: partitions, users. */
export const usersPending = `
select distinct aggregate_id as "userId" from outbox
where partition = any (?::smallint[]) and aggregate_id = any (?::uuid[])`;

/** All that waits, exactly: an operator asks now and then, unlike the relay, whose own measure is bounded. */
export const backlog = `
select count(*)::int as pending,
  coalesce(greatest(extract(epoch from now() - min(created_at)), 0), 0)::float8 as "oldestAgeS"
from outbox`;

/** Parameter: rows. */
export const oldestWaiting = `
select event_id as "eventId", type, aggregate_id as "userId", correlation_id as "correlationId", attempts, refusal,
  greatest(extract(epoch from now() - created_at), 0)::float8 as "ageS"
from outbox order by outbox.id limit ?`;

/** Parameter: rows. */
export const newestPublished = `
select event_id as "eventId", type, aggregate_id as "userId", correlation_id as "correlationId",
  published_at as "publishedAt"
from published_events order by published_events.id desc limit ?`;
