/** Puts events into the outbox without a user behind them. */

import { OutboxMessage, partitionOf } from "../../mixins/bus/outbox-row.ts";
import type { EntityManager } from "../../mixins/postgres/database.ts";
import type { UserEvent } from "../../services/contracts/events.ts";

export function appendToOutbox(em: EntityManager, event: UserEvent): void {
  em.create(OutboxMessage, {
    partition: partitionOf(event.subject),
    aggregateId: event.subject,
    eventId: event.id,
    type: event.type,
    correlationId: event.correlationid,
    body: JSON.stringify(event),
  });
}
