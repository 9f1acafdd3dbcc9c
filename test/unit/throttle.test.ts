/** What the gateway passes on and what it refuses itself, with the time and chance in hand. */
import test from "ava";
import { comeBackLimits } from "../../mixins/come-back.ts";
import { type Throttle, throttle, throttleLimits, throttles } from "../../services/gateway/http/throttle.ts";
import { seeded } from "../chaos/random.ts";

const { passedShare, alwaysPassed, memoryMs } = throttleLimits;

/** It takes so many at once. */
const queued = 20;

interface Load {
  /** Calls a second. */
  readonly offered: number;
  /** Of those that are passed on, so many a second are taken. */
  readonly capacity: number;
  readonly fromMs: number;
  readonly forMs: number;
}

/** Offers so much for a while to a service that takes what it can; how much was passed on, and taken, in the second half. */
function play(gate: Throttle, { offered, capacity, fromMs, forMs }: Load): { passed: number; taken: number } {
  const counted = { passed: 0, taken: 0 };
  let room = 0;
  for (let at = 0; at < forMs; at += 1_000 / offered) {
    const now = fromMs + at;
    room = Math.min(queued, room + capacity / offered);
    if (gate.refusedForMs(now) !== undefined) continue;
    const isTaken = room >= 1;
    if (isTaken) room -= 1;
    gate.ended(!isTaken, now);
    if (at < forMs / 2) continue;
    counted.passed += 1;
    counted.taken += isTaken ? 1 : 0;
  }
  return counted;
}

const gateOf = (): Throttle => throttle(seeded(7).next);

test("nothing is refused here while the service refuses nothing for being too much", (t) => {
  const gate = gateOf();
  const { passed } = play(gate, { offered: 1_000, capacity: 1_000, fromMs: 0, forMs: 4_000 });
  t.is(passed, 2_000);
});

test("of ten times what the service takes, twice that is passed on, and all that it takes is taken", (t) => {
  const capacity = 100;
  const { passed, taken } = play(gateOf(), { offered: 10 * capacity, capacity, fromMs: 0, forMs: 10_000 });
  const perSecond = passed / 5;
  const always = (1_000 * alwaysPassed) / memoryMs;
  t.true(perSecond <= 1.1 * (passedShare * capacity + always), `${perSecond} a second are passed on`);
  t.true(taken / 5 >= 0.95 * capacity, `${taken / 5} a second are taken`);
});

test("a service that takes nothing is still asked now and then, and all goes on soon after it takes all again", (t) => {
  const gate = gateOf();
  const away = play(gate, { offered: 1_000, capacity: 0, fromMs: 0, forMs: 10_000 });
  t.true(away.passed > 0);
  t.true(away.passed < 100, `${away.passed}`);
  const back = play(gate, { offered: 100, capacity: 100, fromMs: 10_000, forMs: 20_000 });
  t.is(back.passed, 1_000);
});

test("whoever is refused here is told to come back the later, the more were, and not all at one moment", (t) => {
  const gate = gateOf();
  for (let count = 0; count < 10_000; count += 1) gate.ended(count >= 100, 0);
  const waits = Array.from({ length: 10_000 }, () => gate.refusedForMs(0) ?? 0).filter((wait) => wait > 0);
  const { retryMsMin, retryMsMax } = comeBackLimits;
  t.true((waits[0] ?? 0) <= 2 * retryMsMin);
  const late = waits.slice(-1_000);
  t.true(Math.min(...late) < 0.6 * retryMsMax && Math.max(...late) > 1.4 * retryMsMax);
});

test("one action's refusals are nothing to another", (t) => {
  const all = throttles(seeded(7).next);
  for (let count = 0; count < 10_000; count += 1) all.ended("users.create", true, 0);
  t.not(all.refusedForMs("users.create", 0), undefined);
  t.is(all.refusedForMs("users.get", 0), undefined);
});
