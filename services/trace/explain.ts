/** Puts the owners' answers together into the way of a request. Pure. */
import {
  consumers,
  type RequestsTrace,
  type Trace,
  type TracedLetter,
  type TracedWrite,
  type TraceVerdict,
  traceWritesMax,
} from "../contracts/trace.ts";
import { type EventFacts, eventsOf, type Facts, versionOf } from "./facts.ts";
import { addressesStep, consumerStep, outboxStep } from "./steps.ts";
import { complete, incomplete, verdictOf, worstOf } from "./verdict.ts";

type Answer = RequestsTrace["answers"][number];

/** The request as its client wrote it; what is no request is told by the name of its action. */
const requestOf: Readonly<Record<string, string>> = {
  "users.create": "POST /users",
  "users.replace": "PUT /users/:id",
  "users.patch": "PATCH /users/:id",
  "users.remove": "DELETE /users/:id",
  "users.restore": "POST /users/:id/restore",
  "users.reemit": "users.reemit (a repair)",
  "dead-letters.replay": "POST /dead-letters/:id/replay",
  "dead-letters.discard": "DELETE /dead-letters/:id",
};
/** By the event alone a replace and a patch look the same. */
const requestByEvent: Readonly<Record<string, string>> = {
  "user.created.v1": "POST /users",
  "user.updated.v1": "PUT or PATCH /users/:id",
  "user.deleted.v1": "DELETE /users/:id",
  "user.restored.v1": "POST /users/:id/restore",
};

function requestStep({ row, entry, type }: EventFacts, requests: Facts["requests"]): TracedWrite["request"] {
  const note = row?.note ?? null;
  const did = note === null ? requestByEvent[type] : requestOf[note.action];
  const answer = requests?.answers.find(({ operation }) => operation === note?.operation);
  const keyed = note?.operation !== undefined;
  return {
    did: did ?? note?.action ?? type,
    actor: note?.actor ?? entry?.actor ?? null,
    idempotency: note === null ? "unknown" : keyed ? "answer stored" : "no key",
    replays: answer?.replays ?? 0,
  };
}

function changesOf({ row, entry }: EventFacts): { field: string; from?: unknown; to?: unknown }[] {
  if (entry !== undefined) return entry.changes;
  return (row?.note?.changed ?? []).map((field) => ({ field }));
}

/** Absent: every address is the one that was asked for, or nobody knows any more. */
const assignmentsOf = ({ row, entry }: EventFacts) => entry?.assignments ?? row?.note?.suffixed;

function tracedEvent(event: EventFacts, facts: Facts): TracedWrite {
  const assignments = assignmentsOf(event);
  const steps = {
    userId: event.userId,
    outbox: outboxStep(event, facts.outbox !== undefined),
    consumers: consumers.map((consumer) => consumerStep(consumer, event, facts)),
    addresses: addressesStep(event.userId, facts),
  };
  return {
    request: requestStep(event, facts.requests),
    transaction: {
      userId: event.userId,
      version: versionOf(event),
      eventId: event.eventId,
      eventType: event.type,
      changes: changesOf(event) as NonNullable<TracedWrite["transaction"]>["changes"],
      ...(assignments === undefined ? {} : { assignments }),
    },
    outbox: steps.outbox,
    consumers: steps.consumers,
    addresses: steps.addresses,
    verdict: verdictOf(steps),
  };
}

/** A write whose answer is kept and that has no event: it found everything as it should be, or was no user's. */
const withoutEvent = ({ action, replays }: Answer): TracedWrite => ({
  request: { did: requestOf[action] ?? action, actor: null, idempotency: "answer stored", replays },
  transaction: null,
  outbox: null,
  consumers: [],
  addresses: null,
  verdict: { ...complete, says: "the request was answered and changed no user, so there is no event" },
});

function letterVerdict({ id, queue, status, reason, error, ageS }: TracedLetter): TraceVerdict {
  if (status !== "pending") return { ...complete, says: `a dead letter of ${queue} is ${status}` };
  return {
    state: "stuck",
    at: queue,
    sinceS: Math.floor(ageS),
    says: `dead letter ${id} of ${queue} belongs to no write that is known: ${reason} (${error})`,
    next: `look into it (GET /dead-letters/${id}), then replay or discard it`,
  };
}

function overall(
  { replays, unseen }: Pick<Trace, "replays" | "unseen">,
  writes: readonly TracedWrite[],
  letters: readonly TracedLetter[],
): TraceVerdict {
  // Whoever is away may know of more writes under this id: without their answer nothing is complete.
  const away = unseen.map(({ service }) => service);
  const verdicts = [
    ...incomplete(away),
    ...writes.map(({ verdict }) => verdict),
    ...letters.map(letterVerdict),
  ];
  const [first] = replays;
  if (verdicts.length > 0 || first === undefined) return worstOf(verdicts);
  return {
    ...complete,
    says: "this request got the stored answer of an earlier one and changed nothing",
    next: first.of === null ? complete.next : `for what the first one did: npm run trace -- ${first.of}`,
  };
}

/** undefined when nobody knows of it, and everybody could be asked. */
export function explain(facts: Facts): Trace | undefined {
  const events = eventsOf(facts);
  const shown = events.slice(-traceWritesMax);
  const eventIds = new Set(events.map(({ eventId }) => eventId));
  const operations = new Set(events.flatMap(({ row }) => row?.note?.operation ?? []));
  const answers = (facts.requests?.answers ?? []).filter(({ operation }) => !operations.has(operation));
  const writes = [
    ...shown.map((event) => tracedEvent(event, facts)),
    // With events whose notes can't be seen, an answer may belong to one of them.
    ...(facts.outbox === undefined || events.some(({ row }) => row === undefined)
      ? []
      : answers.map(withoutEvent)),
  ];
  const letters = (facts.letters?.letters ?? []).filter(
    ({ eventId }) => eventId === null || !eventIds.has(eventId),
  );
  const replays = facts.requests?.replays ?? [];
  const { correlationId, unseen } = facts;
  if (writes.length + letters.length + replays.length + unseen.length === 0) return undefined;
  const truncated = shown.length < events.length;
  const verdict = overall({ replays, unseen }, writes, letters);
  return { correlationId, verdict, writes, replays, letters, unseen, truncated };
}
