/**
 * Promise: what a decision changed becomes exactly one CloudEvent that carries the user's whole state and version. After
 * the commit the relay is woken, and nothing that happens to this wake-up reaches the write.
 */
import type { ServiceBroker } from "moleculer";
import type { ActionName } from "../contracts/actions.ts";
import type { Assignment } from "../contracts/assignment.ts";
import {
  type Change,
  dataschemas,
  eventSource,
  type FactType,
  outboxAppended,
  type UserErased,
  type UserEvent,
  type UserEventType,
  type UserFact,
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

interface About<T> {
  readonly id: string;
  readonly type: T;
  readonly subject: string;
  readonly time: string;
  readonly sequence: number;
}

/** A request is the cause of its event, so it names both. */
const envelopeOf = <T extends FactType>({ id, type, subject, time, sequence }: About<T>, cause: Cause) => ({
  specversion: "1.0" as const,
  id,
  source: eventSource,
  type,
  subject,
  time,
  datacontenttype: "application/json" as const,
  dataschema: dataschemas[type],
  correlationid: cause.correlationId,
  causationid: cause.correlationId,
  sequence,
  ...(cause.traceparent === undefined ? {} : { traceparent: cause.traceparent }),
  actor: cause.actor,
  ...(cause.onBehalfOf === undefined ? {} : { onbehalfof: cause.onBehalfOf }),
});

/** Pure: the id comes in; the time is the user's own. */
export function toUserEvent(
  eventId: string,
  type: UserEventType,
  user: UserState,
  changes: Change[],
  cause: Cause,
  assignments: Assignment[] = [],
): UserEvent {
  const about = { id: eventId, type, subject: user.id, time: user.updatedAt, sequence: user.version };
  const data = { user, changes, ...(assignments.length === 0 ? {} : { assignments }) };
  return { ...envelopeOf(about, cause), data };
}

/** Pure. Nothing in it is the user's but the id. */
export function toErasedEvent(
  eventId: string,
  user: { readonly id: string; readonly version: number; readonly deletedAt: Date; readonly erasedAt: Date },
  told: Date,
  cause: Cause,
): UserErased {
  const type = "user.erased.v1";
  const about = {
    id: eventId,
    type,
    subject: user.id,
    time: told.toISOString(),
    sequence: user.version,
  } as const;
  const data = { deletedAt: user.deletedAt.toISOString(), erasedAt: user.erasedAt.toISOString() };
  return { ...envelopeOf(about, cause), data };
}

const changeOf = (event: UserFact): Partial<UserEvent["data"]> =>
  event.type === "user.erased.v1" ? {} : event.data;

/** Pure. */
export const toNote = (
  event: UserFact,
  { action, actor }: Cause,
  ticket: { readonly operationId: string; readonly keyed: boolean },
): WriteNote => {
  const { changes = [], assignments } = changeOf(event);
  return {
    version: event.sequence,
    action,
    actor,
    changed: changes.map(({ field }) => field),
    ...(assignments === undefined
      ? {}
      : { suffixed: assignments.map(({ kind, reason }) => ({ kind, reason })) }),
    ...(ticket.keyed ? { operation: ticket.operationId } : {}),
  };
};

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
