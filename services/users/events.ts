/** Promise: what a decision changed becomes exactly one CloudEvent that carries the user's whole state and version. */
import type { ActionName } from "../contracts/actions.ts";
import type { Assignment } from "../contracts/assignment.ts";
import {
  type Change,
  dataschemaOf,
  eventSource,
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
