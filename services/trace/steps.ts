/** What one event's steps were, from the owners' answers. Pure; no clock: whether something was before is by version. */
import { queueOf } from "../contracts/consumers.ts";
import { mayHaveLostAddresses } from "../contracts/terms.ts";
import type {
  AddressesStep,
  Consumer,
  ConsumerOutcome,
  ConsumerStep,
  HeldAddress,
  OutboxStep,
  TracedLetter,
} from "../contracts/trace.ts";
import { type EventFacts, type Facts, versionOf } from "./facts.ts";

export function outboxStep({ row, entry }: EventFacts, outboxIsKnown: boolean): OutboxStep {
  if (row !== undefined) {
    const { attempts, refusal, writtenAt, publishedAt, ageS } = row;
    const state = publishedAt === null ? "pending" : "published";
    return { state, writtenAt, publishedAt, attempts, refusal, ageS };
  }
  const state = outboxIsKnown ? "forgotten" : "unknown";
  const writtenAt = entry?.at ?? null;
  return { state, writtenAt, publishedAt: null, attempts: null, refusal: null, ageS: null };
}

const times = (outcomes: readonly ConsumerOutcome[], result: ConsumerOutcome["result"]): number =>
  outcomes.find((outcome) => outcome.result === result)?.times ?? 0;

type Effect = Pick<ConsumerStep, "state" | "at">;

/** What the registry's own rows say of it, dead letters and failures aside. */
function registryEffect(event: EventFacts, registry: Facts["registry"]): Effect {
  if (registry === undefined) return { state: "unknown", at: null };
  const user = registry.users.find(({ userId }) => userId === event.userId);
  const version = versionOf(event);
  if (user?.eventId === event.eventId) return { state: "processed", at: user.at };
  const own = registry.outcomes.filter(({ eventId }) => eventId === event.eventId);
  const stale = own.find(({ result }) => result === "stale");
  const outcome = own.find(({ result }) => result === "processed" || result === "duplicate");
  if (outcome !== undefined) return { state: "processed", at: outcome.at };
  if (stale !== undefined) return { state: "stale", at: stale.at };
  if (user === undefined || version === null || user.version < version) return { state: "waiting", at: null };
  const isKnown = user.history.includes(version) || user.version === version;
  return { state: isKnown ? "processed" : "superseded", at: null };
}

function auditEffect(event: EventFacts, { audit, entries }: Facts): Effect {
  const recorded = audit?.recorded.find(({ eventId }) => eventId === event.eventId);
  if (recorded !== undefined) return { state: "processed", at: recorded.at };
  if (event.entry !== undefined) return { state: "processed", at: null };
  return { state: audit === undefined || entries === undefined ? "unknown" : "waiting", at: null };
}

const hasEffect = (state: ConsumerStep["state"]): boolean =>
  state === "processed" || state === "superseded" || state === "stale";

/** Whether nothing more is expected of the consumer. */
export const isDone = ({ state }: Pick<ConsumerStep, "state">): boolean => hasEffect(state);

const stateWithout = (
  letter: TracedLetter | undefined,
  failures: number,
  { state }: Effect,
): ConsumerStep["state"] => {
  if (hasEffect(state)) return state;
  if (letter?.status === "pending") return "dead";
  if (letter?.status === "discarded") return "discarded";
  if (state === "unknown") return state;
  return failures > 0 && letter === undefined ? "retrying" : "waiting";
};

interface Account {
  effect(event: EventFacts, facts: Facts): Effect;
  /** What was unusual of the events there. */
  outcomes(facts: Facts): readonly ConsumerOutcome[] | undefined;
}

/** Where each consumer's own rows are. */
const accounts: Readonly<Record<Consumer, Account>> = {
  "smtp-registry": {
    effect: (event, { registry }) => registryEffect(event, registry),
    outcomes: ({ registry }) => registry?.outcomes,
  },
  audit: { effect: auditEffect, outcomes: ({ audit }) => audit?.outcomes },
};

export function consumerStep(consumer: Consumer, event: EventFacts, facts: Facts): ConsumerStep {
  const effect = accounts[consumer].effect(event, facts);
  const all = accounts[consumer].outcomes(facts) ?? [];
  const outcomes = all.filter(({ eventId }) => eventId === event.eventId);
  const letter = facts.letters?.letters.find(
    ({ eventId, queue }) => eventId === event.eventId && queue === queueOf(consumer),
  );
  const failures = Math.max(times(outcomes, "retried"), times(outcomes, "processed"), letter?.attempts ?? 0);
  const state = stateWithout(letter, failures, effect);
  const stale = effect.state === "stale" ? 1 : 0;
  return {
    consumer,
    state,
    at: effect.at,
    duplicates: times(outcomes, "duplicate") + Math.max(0, times(outcomes, "stale") - stale),
    failures,
    error: outcomes.find(({ result }) => result === "retried")?.error ?? letter?.error ?? null,
    letter: letter ?? null,
  };
}

const sameAddresses = (a: readonly HeldAddress[], b: readonly HeldAddress[]): boolean => {
  const text = (list: readonly HeldAddress[]) =>
    list
      .map(({ key, address, kind, state }) => JSON.stringify([key, address, kind, state]))
      .sort()
      .join("\n");
  return text(a) === text(b);
};

/** Users is right, the registry has to follow; it was asked first, so it can't rightly be ahead. */
export function addressesStep(userId: string, { users, registry }: Facts): AddressesStep {
  const mine = users?.users.find((user) => user.userId === userId);
  const theirs = registry?.users.find((user) => user.userId === userId);
  const side = (of: { version: number; addresses: HeldAddress[] } | undefined) =>
    of === undefined ? null : { version: of.version, addresses: of.addresses };
  const sides = { users: side(mine), registry: side(theirs) };
  if (users === undefined || registry === undefined) return { ...sides, state: "unknown" };
  const [here, there] = [mine?.version ?? 0, theirs?.version ?? 0];
  if (here !== there) return { ...sides, state: there > here ? "differ" : "behind" };
  const lapsed = mine !== undefined && mayHaveLostAddresses(mine, registry.freedBefore);
  const agree = lapsed || sameAddresses(mine?.addresses ?? [], theirs?.addresses ?? []);
  return { ...sides, state: agree ? "agree" : "differ" };
}
