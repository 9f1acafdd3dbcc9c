/** What is left of an event once the bus has confirmed it: enough to trace a request, for some days. */
import { defineEntity, p } from "@mikro-orm/core";

export const PublishedEvent = defineEntity({
  name: "PublishedEvent",
  tableName: "published_events",
  properties: {
    /** As it was in the outbox: the order of ids is the order of a user's versions. */
    id: p.bigint("string").primary().autoincrement(false),
    aggregateId: p.uuid(),
    eventId: p.uuid(),
    type: p.text(),
    correlationId: p.text(),
    /** WriteNote (contracts/trace.ts) as JSON. */
    note: p.text().nullable(),
    /** The refusals, and the one that was confirmed. */
    attempts: p.integer(),
    /** When it was written into the outbox. */
    createdAt: p.datetime(3),
    publishedAt: p.datetime(3).defaultRaw("statement_timestamp()"),
  },
  indexes: [{ name: "published_events_correlation_id_idx", properties: ["correlationId"], type: "hash" }],
});
