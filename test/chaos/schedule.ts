/**
 * What goes wrong, where, when and for how long: a pure function of the seed and the length of the run, so that a
 * seed repeats it. Kinds are dealt like cards: every kind comes before the deck is shuffled anew.
 *
 * Left out on purpose: deleting a queue that holds messages. The outbox has handed them over and the broker has
 * confirmed them; whoever deletes the queue destroys them as if the disk were gone, which the guarantees exclude.
 * A queue is therefore deleted only when it is drained and nobody writes; what is proved is that it comes back.
 */
import { type LineName, lineNames, type RoleName, roleNames } from "./cluster.ts";
import { type Random, seeded } from "./random.ts";

export const faultKinds = [
  "process killed",
  "process restarted in order",
  "process frozen",
  "process with a wrong clock",
  "broker application stopped",
  "broker killed",
  "broker closes all connections",
  "broker out of memory",
  "empty queue deleted",
  "database crashed",
  "database ends its sessions",
  "line cut",
  "line refused",
  "line frozen",
  "line slow",
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly number: number;
  /** Since the faults began; a fault waits when its target still has an earlier one. */
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly target: RoleName | LineName | "RabbitMQ" | "PostgreSQL";
  /** How long it lasts, where that is ours to say. */
  readonly durationMs: number;
  /** Milliseconds of delay of a slow line, or by which a clock is wrong. */
  readonly amount?: number;
}

/** How many cards of each kind a deck holds; what takes the whole system down for seconds is rarer. */
const cards: Readonly<Record<FaultKind, number>> = {
  "process killed": 6,
  "process restarted in order": 2,
  "process frozen": 4,
  "process with a wrong clock": 1,
  "broker application stopped": 1,
  "broker killed": 1,
  "broker closes all connections": 1,
  "broker out of memory": 1,
  "empty queue deleted": 1,
  "database crashed": 1,
  "database ends its sessions": 2,
  "line cut": 3,
  "line refused": 2,
  "line frozen": 2,
  "line slow": 2,
};

const jitterShare = 0.4;
const frozenMaxMs = 5_000;
const lineFaultMaxMs = 6_000;
const outageMaxMs = 4_000;
const delayMaxMs = 200;
/** How far a clock is wrong at most. */
export const skewMaxMs = 120_000;

type Draft = Omit<Fault, "number" | "atMs">;

function draftOf(kind: FaultKind, roles: () => RoleName, random: Random): Draft {
  const line = () => random.pick(lineNames);
  const upTo = (maxMs: number) => random.between(500, maxMs);
  switch (kind) {
    case "process killed":
    case "process restarted in order":
      return { kind, target: roles(), durationMs: 0 };
    case "process frozen":
      return { kind, target: roles(), durationMs: upTo(frozenMaxMs) };
    case "process with a wrong clock": {
      const amount = random.between(5_000, skewMaxMs) * (random.next() < 0.5 ? -1 : 1);
      return { kind, target: roles(), durationMs: 0, amount };
    }
    case "broker application stopped":
    case "broker killed":
    case "broker out of memory":
      return { kind, target: "RabbitMQ", durationMs: upTo(outageMaxMs) };
    case "broker closes all connections":
    case "empty queue deleted":
      return { kind, target: "RabbitMQ", durationMs: 0 };
    case "database crashed":
      return { kind, target: "PostgreSQL", durationMs: upTo(outageMaxMs) };
    case "database ends its sessions":
      return { kind, target: "PostgreSQL", durationMs: 0 };
    case "line cut":
      return { kind, target: line(), durationMs: 0 };
    case "line refused":
    case "line frozen":
      return { kind, target: line(), durationMs: upTo(lineFaultMaxMs) };
    case "line slow":
      return {
        kind,
        target: line(),
        durationMs: upTo(lineFaultMaxMs),
        amount: random.between(20, delayMaxMs),
      };
  }
}

/** Endless; every item comes once before any comes again. */
function dealer<T>(items: readonly T[], random: Random): () => T {
  let deck: T[] = [];
  return () => {
    if (deck.length === 0) deck = random.shuffled(items);
    const card = deck.pop();
    if (card === undefined) throw new RangeError("Cannot deal: there are no cards");
    return card;
  };
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly faults: number;
  /** The last fault begins before this. */
  readonly spanMs: number;
}

/** In the order of their times. The first deck holds each kind once, so that a short run has them all. */
export function scheduleOf({ seed, faults, spanMs }: ScheduleOptions): Fault[] {
  const random = seeded(seed);
  const full = faultKinds.flatMap((kind) => Array.from({ length: cards[kind] }, () => kind));
  const first = random.shuffled(faultKinds);
  const kinds = dealer(full, random);
  const roles = dealer(roleNames, random);
  const stepMs = spanMs / faults;
  return Array.from({ length: faults }, (_, index) => {
    const atMs = Math.round(stepMs * (index + random.next() * jitterShare));
    const draft = draftOf(first[index] ?? kinds(), roles, random);
    return { number: index + 1, atMs, ...draft };
  });
}
