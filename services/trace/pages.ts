/**
 * Promise: a request of any number of writes is told in pages, by user and version; the first one says of how many writes
 * which verdict is true, as far as they could be looked at in time, and never takes what it has not seen for complete.
 */

import { within } from "../../mixins/basics/pause.ts";
import { decodeCursor, encodeCursor } from "../../mixins/postgres/keyset-cursor.ts";
import type { ActionParams } from "../contracts/actions.ts";
import {
  type Trace,
  type TraceVerdict,
  traceChunkMax,
  traceOperationsMax,
  verdictStates,
  WritePlace,
} from "../contracts/trace.ts";
import { countsOf, explain, verdictsOf } from "./explain.ts";
import { type EventFacts, placeOf } from "./facts.ts";
import { type Caller, gather, gatherRequests, type Part, unseenOf } from "./gather.ts";
import { remainderVerdicts } from "./verdict.ts";

/** Most requests are a few writes, and most imports are told by their first page without a second look. */
const firstPartMax = 500;

type Query = ActionParams<"trace.explain">;

const operationsOf = (events: readonly EventFacts[]): string[] =>
  events.flatMap(({ row }) => row?.note?.operation ?? []);

const cursorOf = (place: WritePlace | undefined): string | null =>
  place === undefined ? null : encodeCursor(place);

/** Each service once. */
const merged = (...lists: readonly Trace["unseen"][]): Trace["unseen"] =>
  unseenOf(new Map(lists.flat().map(({ service, reason }) => [service, reason])));

interface Walk {
  readonly parts: readonly Part[];
  readonly verdicts: readonly TraceVerdict[];
  /** How many writes were not looked at. */
  readonly left: number;
}

/** All parts, as far as there is time; the first one in any case. */
async function walk(broker: Caller, { correlationId, withinMs }: Query): Promise<Walk> {
  const endsAt = performance.now() + withinMs;
  const parts: Part[] = [];
  const verdicts: TraceVerdict[] = [];
  const look = (place: WritePlace | null): Promise<Part | undefined> => {
    if (place === null) return gather(broker, correlationId, place, firstPartMax);
    const leftMs = endsAt - performance.now();
    if (leftMs <= 0) return Promise.resolve(undefined);
    return within(leftMs, "late", gather(broker, correlationId, place, traceChunkMax)).catch(() => undefined);
  };
  for (let place: WritePlace | null | undefined = null; place !== undefined; ) {
    const part: Part | undefined = await look(place);
    if (part === undefined) break;
    parts.push(part);
    verdicts.push(...verdictsOf(part.events, part.facts));
    place = part.next;
  }
  return { parts, verdicts, left: parts.at(-1)?.left ?? 0 };
}

/** The first of each state; the worst of all is among them. */
const oneOfEach = (verdicts: readonly TraceVerdict[]): TraceVerdict[] =>
  verdictStates.flatMap((state) => verdicts.find((verdict) => verdict.state === state) ?? []);

async function firstPage(broker: Caller, query: Query): Promise<Trace | undefined> {
  const { correlationId, limit } = query;
  const { parts, verdicts, left } = await walk(broker, query);
  const [first] = parts as [Part];
  const events = parts.flatMap((part) => part.events);
  const operations = operationsOf(events);
  const isWhole = left === 0 && operations.length <= traceOperationsMax;
  const shown = first.events.slice(0, limit);
  const { requests, unseen } = await gatherRequests(
    broker,
    {
      correlationId,
      shown: operationsOf(shown),
      known: isWhole ? operations : null,
    },
    first.facts.unseen,
  );
  const eventIds = new Set<string | null>(events.map(({ eventId }) => eventId));
  const total = events.length + left;
  const counts = countsOf(verdicts);
  const last = shown.at(-1);
  return explain(
    { ...first.facts, requests, unseen: merged(...parts.map(({ facts }) => facts.unseen), unseen) },
    {
      shown: limit,
      behind: [...oneOfEach(verdicts.slice(limit)), ...remainderVerdicts(left, total)],
      total,
      counts: { ...counts, unknown: (counts.unknown ?? 0) + left },
      letters: first.others.filter(({ eventId }) => (isWhole ? !eventIds.has(eventId) : eventId === null)),
      nextCursor: total > limit && last !== undefined ? cursorOf(placeOf(last)) : null,
    },
  );
}

async function laterPage(broker: Caller, query: Query, after: WritePlace): Promise<Trace | undefined> {
  const { correlationId, limit } = query;
  const part = await gather(broker, correlationId, after, limit);
  const { requests, unseen } = await gatherRequests(
    broker,
    {
      correlationId,
      shown: operationsOf(part.events),
      known: null,
    },
    part.facts.unseen,
  );
  const facts = { ...part.facts, requests: requests && { ...requests, replays: [] } };
  return explain(
    { ...facts, unseen: merged(part.facts.unseen, unseen) },
    { shown: limit, behind: [], total: null, counts: null, letters: [], nextCursor: cursorOf(part.next) },
  );
}

/** undefined when nobody knows of it, and everybody could be asked. Throws Refusal for a cursor of another list. */
export const tell = (broker: Caller, query: Query): Promise<Trace | undefined> =>
  query.cursor === undefined
    ? firstPage(broker, query)
    : laterPage(broker, query, decodeCursor(query.cursor, WritePlace));
