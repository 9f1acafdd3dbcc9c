/** Puts the owners' answers together into the way of a request. Pure. */
import { consumerNames } from "../contracts/consumers.ts";
import {
  type RequestsTrace,
  type Trace,
  type TracedLetter,
  type TracedWrite,
  type TraceVerdict,
  verdictStates,
} from "../contracts/trace.ts";
import { type EventFacts, eventsOf, type Facts, versionOf } from "./facts.ts";
import { addressesStep, consumerStep, outboxStep } from "./steps.ts";
import { completeVerdict, gapVerdicts, verdictOf, worstOf } from "./verdict.ts";

type Answer = RequestsTrace["answers"][number];

/** The request as its client wrote it; what is no request is told by the name of its action. */
const requestOf: Readonly<Record<string, string>> = {
  "users.create": "POST /users",
  "users.replace": "PUT /users/:id",
  "users.patch": "PATCH /users/:id",
  "users.remove": "DELETE /users/:id",
  "users.restore": "POST /users/:id/restore",
  "users.erase": "POST /users/:id/erase",
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
  "user.erased.v1": "POST /users/:id/erase",
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
    consumers: consumerNames.map((consumer) => consumerStep(consumer, event, facts)),
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
  verdict: { ...completeVerdict, says: "the request was answered and changed no user, so there is no event" },
});

function letterVerdict({ id, queue, status, reason, error, ageS }: TracedLetter): TraceVerdict {
  if (status !== "pending") return { ...completeVerdict, says: `a dead letter of ${queue} is ${status}` };
  return {
    state: "stuck",
    at: queue,
    sinceS: Math.floor(ageS),
    says: `dead letter ${id} of ${queue} belongs to no write that is known: ${reason} (${error})`,
    action: "replay",
    next: `look into it (GET /dead-letters/${id}), then replay or discard it`,
  };
}

/** What is told beside the writes of a page. */
export interface Page {
  /** The first ones of the facts' events. */
  readonly shown: number;
  /** Of writes that are on no page yet. */
  readonly behind: readonly TraceVerdict[];
  readonly total: number | null;
  readonly counts: Trace["counts"];
  /** Dead letters that belong to none of the writes. */
  readonly letters: readonly TracedLetter[];
  readonly nextCursor: string | null;
}

function overall(
  { replays, unseen }: Pick<Trace, "replays" | "unseen">,
  writes: readonly TraceVerdict[],
  letters: readonly TracedLetter[],
): TraceVerdict {
  // Whoever is away may know of more writes under this id: without their answer nothing is complete.
  const verdicts = [...gapVerdicts(unseen), ...writes, ...letters.map(letterVerdict)];
  const [first] = replays;
  if (verdicts.length > 0 || first === undefined) return worstOf(verdicts);
  return {
    ...completeVerdict,
    says: "this request got the stored answer of an earlier one and changed nothing",
    next:
      first.of === null ? completeVerdict.next : `for what the first one did: npm run trace -- ${first.of}`,
  };
}

const noCounts = (): NonNullable<Trace["counts"]> =>
  Object.fromEntries(verdictStates.map((state) => [state, 0])) as NonNullable<Trace["counts"]>;

export function countsOf(verdicts: readonly TraceVerdict[]): NonNullable<Trace["counts"]> {
  const counts = noCounts();
  for (const { state } of verdicts) counts[state] += 1;
  return counts;
}

/** The verdict on each of these events. */
export const verdictsOf = (events: readonly EventFacts[], facts: Facts): TraceVerdict[] =>
  events.map((event) => tracedEvent(event, facts).verdict);

/** The answers that no event's note names: of what changed nothing, or was no user's. */
function alone({ outbox, requests }: Facts, events: readonly EventFacts[]): TracedWrite[] {
  // With events whose notes can't be seen, an answer may belong to one of them.
  if (outbox === undefined || events.some(({ row }) => row === undefined)) return [];
  const operations = new Set(events.flatMap(({ row }) => row?.note?.operation ?? []));
  return (requests?.answers ?? []).filter(({ operation }) => !operations.has(operation)).map(withoutEvent);
}

/** undefined when nobody knows of it, and everybody could be asked. */
export function explain(facts: Facts, page: Page): Trace | undefined {
  const events = eventsOf(facts);
  const told = events.slice(0, page.shown).map((event) => tracedEvent(event, facts));
  const others = alone(facts, events);
  const writes = [...told, ...others];
  const letters = [...page.letters];
  const replays = facts.requests?.replays ?? [];
  const { correlationId, unseen } = facts;
  const isNothing = writes.length + letters.length + replays.length + unseen.length === 0;
  if (isNothing && page.total !== null) return undefined;
  const verdict = overall(
    { replays, unseen },
    [...writes.map((write) => write.verdict), ...page.behind],
    letters,
  );
  return {
    correlationId,
    verdict,
    total: page.total === null ? null : page.total + others.length,
    counts: page.counts && { ...page.counts, complete: (page.counts.complete ?? 0) + others.length },
    writes,
    replays,
    letters,
    unseen,
    nextCursor: page.nextCursor,
  };
}
