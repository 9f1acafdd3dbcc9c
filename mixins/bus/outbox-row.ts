/**
 * Promise: an event is committed with the change it tells of, or neither is.
 *
 * The row must be written after the aggregate's own in the same transaction: the row lock and the new version come
 * first, then the outbox row takes its id, so that the order of ids is the order of versions of a user. (An outbox row
 * inserted before the lock was taken inverted versions under load.)
 */
import { defineEntity, p } from "@mikro-orm/core";
import type { UserFact } from "../../services/contracts/events.ts";
import type { WriteNote } from "../../services/contracts/trace.ts";

/** A user's events share a partition, and one relay at a time works on a partition. */
export const outboxPartitions = 64;

export const OutboxMessage = defineEntity({
  name: "OutboxMessage",
  tableName: "outbox",
  properties: {
    id: p.bigint("string").primary().autoincrement(),
    partition: p.smallint(),
    aggregateId: p.uuid(),
    eventId: p.uuid(),
    type: p.text(),
    correlationId: p.text(),
    /** The structured CloudEvent as it will be published, byte for byte. */
    body: p.text(),
    /** By the database's clock, as the age is measured: a process whose clock is wrong must not tell of old events. */
    createdAt: p.datetime(3).defaultRaw("now()"),
    /** What the trace of a request tells of the write, as JSON (WriteNote); the relay carries it on unread. */
    note: p.text().nullable(),
    /** How often the bus has refused it, and why the last time. */
    attempts: p.integer().default(0),
    refusal: p.text().nullable(),
  },
  indexes: [
    { name: "outbox_partition_id_idx", properties: ["partition", "id"] },
    { name: "outbox_correlation_id_idx", properties: ["correlationId"], type: "hash" },
  ],
});

/** Stable for ever: the first four bytes of an id's random tail decide its partition. */
export function partitionOf(aggregateId: string): number {
  return Number.parseInt(aggregateId.replaceAll("-", "").slice(-8), 16) % outboxPartitions;
}

/**
 * The row of an event, by column; whoever writes it does so in the transaction of the change, after the row lock of
 * its user.
 */
export const outboxRow = (event: UserFact, note: WriteNote) => ({
  partition: partitionOf(event.subject),
  aggregate_id: event.subject,
  event_id: event.id,
  type: event.type,
  correlation_id: event.correlationid,
  body: JSON.stringify(event),
  note: JSON.stringify(note),
});
