/**
 * Promise: what a decision changed becomes exactly one CloudEvent that carries the user's whole state and version. After
 * the commit the relay is woken, and nothing that happens to this wake-up reaches the write.
 */
import type { ServiceBroker } from "moleculer";
import type { ActionName } from "../contracts/actions.ts";
import type { Assignment } from "../contracts/assignment.ts";
import {
  type Change,
  dataschemaOf,
  eventSource,
  outboxAppended,
  type UserEvent,
  type UserEventType,
  type UserState,
} from "../contracts/events.ts";
import type { WriteNote } from "../contracts/trace.ts";

export interface Cause {
  /** The action that was called. */
  readonly action: ActionName;
  readonly correlationId: string;
  readonly actor: string;
  readonly onBehalfOf?: string | undefined;
  readonly traceparent?: string | undefined;
}

/** Pure: the id comes in; the time is the user's own. A request is the cause of its event, so it names both. */
export function toUserEvent(
  eventId: string,
  type: UserEventType,
  user: UserState,
  changes: Change[],
  cause: Cause,
  assignments: Assignment[] = [],
): UserEvent {
  return {
    specversion: "1.0",
    id: eventId,
    source: eventSource,
    type,
    subject: user.id,
    time: user.updatedAt,
    datacontenttype: "application/json",
    dataschema: dataschemaOf(type),
    correlationid: cause.correlationId,
    causationid: cause.correlationId,
    sequence: user.version,
    ...(cause.traceparent === undefined ? {} : { traceparent: cause.traceparent }),
    actor: cause.actor,
    ...(cause.onBehalfOf === undefined ? {} : { onbehalfof: cause.onBehalfOf }),
    data: { user, changes, ...(assignments.length === 0 ? {} : { assignments }) },
  };
}

/** Pure. */
export const toNote = (
  event: UserEvent,
  { action, actor }: Cause,
  ticket: { readonly operationId: string; readonly keyed: boolean },
): WriteNote => ({
  version: event.sequence,
  action,
  actor,
  changed: event.data.changes.map(({ field }) => field),
  ...(event.data.assignments === undefined
    ? {}
    : { suffixed: event.data.assignments.map(({ kind, reason }) => ({ kind, reason })) }),
  ...(ticket.keyed ? { operation: ticket.operationId } : {}),
});

/** One wake-up for each of many concurrent commits cost 13 % of the creates. */
const wakeUpEveryMs = 1;

/**
 * Neither throws nor waits; the first is sent at once, at most one in `wakeUpEveryMs`. The relay's own poll is the safety
 * net, so an event that may get lost is enough.
 */
export function relayNudge(broker: Pick<ServiceBroker, "emit">): () => void {
  let closed = false;
  let again = false;
  const emit = async (): Promise<void> => {
    try {
      await broker.emit(outboxAppended, {});
    } catch {
      // No relay within reach: it finds the row by its next poll, or when it comes back.
    }
  };
  return function nudge(): void {
    if (closed) {
      again = true;
      return;
    }
    closed = true;
    void emit();
    const reopen = (): void => {
      closed = false;
      if (!again) return;
      again = false;
      nudge();
    };
    setTimeout(reopen, wakeUpEveryMs).unref();
  };
}
