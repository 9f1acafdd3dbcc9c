/** User events as the users service publishes them, for tests of consumers. */
import { randomUUID } from "node:crypto";
import type { Delivery, OutgoingMessage } from "../../mixins/bus/port.ts";
import {
  dataschemas,
  eventSource,
  type UserEvent,
  type UserEventType,
} from "../../services/contracts/events.ts";

export interface EventParts {
  readonly id?: string;
  readonly type?: UserEventType;
  readonly userId?: string;
  readonly version?: number;
  readonly time?: string;
  readonly correlationId?: string;
  readonly actor?: string;
}

export function userEvent(parts: EventParts = {}): UserEvent {
  const { type = "user.updated.v1", userId = randomUUID(), version = 1 } = parts;
  const { time = "2026-11-23T10:00:00.000Z", correlationId = randomUUID(), actor = "tester" } = parts;
  return {
    specversion: "1.0",
    id: parts.id ?? randomUUID(),
    source: eventSource,
    type,
    subject: userId,
    time,
    datacontenttype: "application/json",
    dataschema: dataschemas[type],
    correlationid: correlationId,
    causationid: correlationId,
    sequence: version,
    actor,
    data: {
      user: {
        id: userId,
        displayName: "Ann Lee",
        primarySmtp: "ann.lee@example.com",
        secondarySmtps: [],
        active: true,
        version,
        createdAt: time,
        updatedAt: time,
        deletedAt: null,
      },
      changes: [{ field: "displayName", from: "Ann", to: "Ann Lee" }],
    },
  };
}

export const outgoing = (event: UserEvent): OutgoingMessage => ({
  id: event.id,
  type: event.type,
  correlationId: event.correlationid,
  body: JSON.stringify(event),
});

export const delivery = (event: unknown, attempts = 0): Delivery => ({
  messageId: undefined,
  routingKey: "user.updated.v1",
  correlationId: undefined,
  body: new TextEncoder().encode(typeof event === "string" ? event : JSON.stringify(event)),
  attempts,
});
