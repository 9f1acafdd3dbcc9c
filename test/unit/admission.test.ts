/** What is taken and what is refused: the decisions, with the time in hand. */
import test from "ava";
import { type AdmissionDecisions, admissionDecisions, admissionLimits } from "../../mixins/admission.ts";
import { comeBackLimits } from "../../mixins/come-back.ts";

const { share, alwaysMax, guessMs, keptMs } = admissionLimits;
const { retryMsMax, retryMsMin } = comeBackLimits;
const callerWaitsMs = 1_550;
const evenly = () => 0.5;

/** How many more are taken at once; they stay in hand. */
function takenAtOnce(decisions: AdmissionDecisions, nowMs: number, leftMs = callerWaitsMs): number {
  let taken = 0;
  while (decisions.refusedForMs(leftMs, nowMs) === undefined) taken += 1;
  return taken;
}

/** Ends `count` pieces of work, one each `everyMs`, with another one taken for each; tells the time then. */
function goOn(decisions: AdmissionDecisions, nowMs: number, count: number, everyMs: number): number {
  for (let index = 1; index <= count; index += 1) {
    decisions.ended("done", nowMs + index * everyMs);
    decisions.refusedForMs(callerWaitsMs, nowMs + index * everyMs);
  }
  return nowMs + count * everyMs;
}

const near = (actual: number, expected: number): boolean => Math.abs(actual - expected) <= 0.1 * expected;

test("As much is taken as can be done in half of a caller's time, at the pace of late", (t) => {
  const decisions = admissionDecisions(evenly);
  const guessed = takenAtOnce(decisions, 0);
  t.true(near(guessed, (share * callerWaitsMs) / guessMs), `${guessed}`);
  const now = goOn(decisions, 0, 300, 20);
  let inHand = guessed;
  // None is taken for those that end until the slower pace has room again.
  for (; decisions.refusedForMs(callerWaitsMs, now) !== undefined; inHand -= 1)
    decisions.ended("elsewhere", now);
  t.true(inHand < guessed);
  t.is(decisions.refusedForMs(callerWaitsMs / 2, now) !== undefined, true, "who waits shorter is refused");
});

test("A few are taken whatever is expected, but none whose time is over", (t) => {
  const decisions = admissionDecisions(evenly);
  t.is(takenAtOnce(decisions, 0, 1), alwaysMax);
  t.not(admissionDecisions(evenly).refusedForMs(0, 0), undefined);
});

test("What ends for the sake of something else tells nothing of the pace, what ends late does", (t) => {
  const roomAfter = (ending: "elsewhere" | "late"): number => {
    const decisions = admissionDecisions(evenly);
    const taken = takenAtOnce(decisions, 0);
    for (let index = 0; index < taken; index += 1) decisions.ended(ending, callerWaitsMs);
    return takenAtOnce(decisions, callerWaitsMs) / taken;
  };
  t.is(roomAfter("elsewhere"), 1);
  t.true(roomAfter("late") < 0.3);
});

test("A pace that nothing has confirmed for long is forgotten", (t) => {
  const decisions = admissionDecisions(evenly);
  const taken = takenAtOnce(decisions, 0);
  for (let index = 0; index < taken; index += 1) decisions.ended("late", callerWaitsMs);
  t.is(takenAtOnce(decisions, callerWaitsMs + keptMs + 1), taken);
});

test("Who is refused is told to come back the later, the more were, and not all at one moment", (t) => {
  const waitsBy = (random: () => number): number[] => {
    const decisions = admissionDecisions(random);
    takenAtOnce(decisions, 0);
    return Array.from({ length: 10_000 }, () => decisions.refusedForMs(callerWaitsMs, 0) ?? 0);
  };
  const waits = waitsBy(evenly);
  t.true(waits.every((wait, index) => index === 0 || wait >= (waits[index - 1] ?? 0)));
  t.true((waits[0] ?? 0) < 2 * retryMsMin);
  t.is(waits.at(-1), retryMsMax);
  const [early, late] = [waitsBy(() => 0), waitsBy(() => 1)];
  t.true(near((late.at(-1) ?? 0) / (early.at(-1) ?? 1), 3), "by a factor of three");
});

/** The share of what can be done, one after the other, that is done in time when `load` times as much is asked for. */
function goodputUnder(load: number, perSecond: number, forMs: number): number {
  const decisions = admissionDecisions(evenly);
  const queue: number[] = [];
  let [asked, begun, inTime] = [0, 0, 0];
  const isLate = (atMs: number | undefined, now: number) => atMs !== undefined && now - atMs > callerWaitsMs;
  for (let now = 0; now < forMs; now += 1) {
    for (; asked < (now * load * perSecond) / 1_000; asked += 1)
      if (decisions.refusedForMs(callerWaitsMs, now) === undefined) queue.push(now);
    for (; isLate(queue[0], now); queue.shift()) decisions.ended("late", now);
    if (begun >= (now * perSecond) / 1_000) continue;
    begun += 1;
    if (queue.shift() === undefined) continue;
    decisions.ended("done", now);
    inTime += 1;
  }
  return inTime / begun;
}

for (const perSecond of [20, 100, 500])
  test(`At ten times the ${perSecond} a second that can be done, four fifths of those are done in time`, (t) => {
    const goodput = goodputUnder(10, perSecond, 15_000);
    t.true(goodput >= 0.8, `${goodput}`);
  });
