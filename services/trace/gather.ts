/**
 * Promise: whoever can be asked is, in parallel and within a bound; whoever can't is named, and the rest is told.
 *
 * In three rounds, against the order of an event's way, so that what is read later can only be further on: a change
 * that arrives meanwhile never looks like a registry that is ahead of users.
 */
import { Errors, type ServiceBroker } from "moleculer";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { ActionInput, ActionName, ActionResult } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { RequestsTrace, Trace, WritePlace } from "../contracts/trace.ts";
import { type EventFacts, eventsOf, type Facts, placeOf } from "./facts.ts";
import { misunderstanding } from "./verdict.ts";

/** Three of them fit into the time that the gateway gives a request. */
const askTimeoutMs = 500;

/** The owners, in the order in which a request comes to them. */
const onItsWay = ["users", "outbox", "smtp-registry", "audit", "dead-letters"] as const;

export type Caller = Pick<ServiceBroker, "call">;
type Ask = <N extends ActionName>(name: N, params: ActionInput<N>) => Promise<ActionResult<N> | undefined>;
type Away = Map<string, string>;

/** Who refuses the question is there: it is of another release, or we are wrong. */
function reasonOf(error: unknown): string {
  if ((error as Error).name === "RequestTimeoutError") return `does not answer within ${askTimeoutMs} ms`;
  const isRefused = error instanceof Refusal || error instanceof Errors.ValidationError;
  return isRefused ? misunderstanding : "can't be asked";
}

function asking(broker: Caller, away: Away): Ask {
  return async (name, params) => {
    try {
      return await callAction(broker, name, params, { timeout: askTimeoutMs });
    } catch (error) {
      const [service = name] = name.split(".");
      away.set(service, reasonOf(error));
      return undefined;
    }
  };
}

/** In the order of the way. */
export const unseenOf = (away: ReadonlyMap<string, string>): Trace["unseen"] =>
  onItsWay.flatMap((service) => {
    const reason = away.get(service);
    return reason === undefined ? [] : [{ service, reason }];
  });

export interface Part {
  readonly facts: Facts;
  /** By user and version. */
  readonly events: readonly EventFacts[];
  readonly others: NonNullable<ActionResult<"dead-letters.trace">>["others"];
  /** Where the next part begins; undefined: there is none. */
  readonly next: WritePlace | undefined;
  /** How many events are behind it, at least. */
  readonly left: number;
}

/** The events behind a place, `limit` of them at most, and all that is known of them. Never rejects. */
export async function gather(
  broker: Caller,
  correlationId: string,
  after: WritePlace | null,
  limit: number,
): Promise<Part> {
  const away: Away = new Map();
  const ask = asking(broker, away);
  const askEntries = () => ask("audit.request", { correlationId, after, limit });
  const [outbox, early] = await Promise.all([
    ask("outbox.trace", { correlationId, after, limit }),
    askEntries(),
  ]);
  // Each has the first ones of its own, so the first ones of both are the first ones.
  const candidates = eventsOf({ outbox, entries: early?.items });
  const events = candidates.slice(0, limit);
  const eventIds = events.map(({ eventId }) => eventId);
  const ids = new Set(eventIds);
  // Both tell of the same events, each in its own time.
  const behind = (told: readonly string[], more: number): number =>
    told.filter((id) => !ids.has(id)).length + more;
  const left = Math.max(
    behind(outbox?.events.map(({ eventId }) => eventId) ?? [], outbox?.left ?? 0),
    behind(early?.items.map(({ id }) => id) ?? [], early?.left ?? 0),
  );
  const userIds = [...new Set(events.map(({ userId }) => userId))];
  const isAny = events.length > 0;
  const [registry, audit, letters] = await Promise.all([
    isAny ? ask("smtp-registry.trace", { userIds, eventIds }) : undefined,
    isAny ? ask("audit.trace", { eventIds }) : undefined,
    ask("dead-letters.trace", { correlationId, eventIds }),
  ]);
  const isNew = audit?.recorded.some(({ eventId }) => early?.items.every(({ id }) => id !== eventId));
  const [users, again] = await Promise.all([
    isAny ? ask("users.addresses", { userIds }) : undefined,
    // What was recorded after the first round is told with what it says.
    isNew === true ? askEntries() : undefined,
  ]);
  const entries = (again ?? early)?.items.filter(({ id }) => ids.has(id));
  const own = outbox && { events: outbox.events.filter(({ eventId }) => ids.has(eventId)) };
  const last = events.at(-1);
  const unseen = unseenOf(away);
  const facts = { correlationId, requests: undefined, letters, entries, audit, registry, users, unseen };
  return {
    facts: { ...facts, outbox: own },
    events: eventsOf({ outbox: own, entries }),
    others: letters?.others ?? [],
    next: left > 0 && last !== undefined ? placeOf(last) : undefined,
    left,
  };
}

/**
 * What users knows of the requests; `known`: see RequestsQuery. Never rejects. Whoever has kept one round waiting is not
 * waited for again: the gateway has no time for a fourth.
 */
export async function gatherRequests(
  broker: Caller,
  params: ActionInput<"users.trace">,
  seen: Trace["unseen"],
): Promise<{ requests: RequestsTrace | undefined; unseen: Trace["unseen"] }> {
  const away: Away = new Map();
  if (seen.some(({ service }) => service === "users")) return { requests: undefined, unseen: [] };
  const requests = await asking(broker, away)("users.trace", params);
  return { requests, unseen: unseenOf(away) };
}
