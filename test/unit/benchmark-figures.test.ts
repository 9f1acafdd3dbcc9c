/** Statistics, verdicts and rates of the benchmark: pure, so each is told what it has to say. */
import test from "ava";
import { idFloor, rateOf } from "../benchmark/harness/commits.ts";
import { ownMs, parseStat, spent } from "../benchmark/harness/cpu.ts";
import { cpuSpreadMax, doubtsOf, judgementOf, machineNoise, verdictOf } from "../benchmark/harness/noise.ts";
import { insteadOf, rowOf } from "../benchmark/harness/part.ts";
import { quantile, ratioOf, sampleOf } from "../benchmark/harness/stats.ts";

test("a quantile lies between its neighbours, and there is none of nothing", (t) => {
  t.is(quantile([4, 1, 3, 2], 0.5), 2.5);
  t.is(quantile([1, 2, 3, 4, 5], 0.99), 4.96);
  t.is(quantile([], 0.5), Number.NaN);
});

test("the spread is the width of the middle half, so that one bad round in five does not count", (t) => {
  t.is(sampleOf([100, 100, 100, 100, 500]).spread, 0);
  t.is(sampleOf([80, 90, 100, 110, 120]).spread, 0.2);
  t.is(sampleOf([0, 0, 0]).spread, 0);
});

test("a ratio is taken round by round, so what hit both sides of a round cancels out", (t) => {
  t.deepEqual(ratioOf([50, 25, 100], [100, 50, 200]).rounds, [0.5, 0.5, 0.5]);
  t.is(ratioOf([1, 2], [2]).rounds[1], Number.NaN);
});

const even = [100, 101, 99, 100, 102];
const reference = [200, 202, 198, 200, 204];

test("a goal is judged by the ratio, or by the value where there is none", (t) => {
  t.is(verdictOf(rowOf("a", "/s", even, { reference, goal: { atLeast: 0.5 } })), "met");
  t.is(verdictOf(rowOf("a", "/s", even, { reference, goal: { atLeast: 0.6 } })), "missed");
  t.is(verdictOf(rowOf("a", "MB", even, { goal: { atMost: 150 } })), "met");
  t.is(verdictOf(rowOf("a", "×", even, { reference: even, goal: { atLeast: 0.85, atMost: 1.15 } })), "met");
  t.is(verdictOf(rowOf("a", "/s", even)), undefined);
});

test("a goal of which nothing is known is missed, and the row says why", (t) => {
  const row = rowOf("a", "/s", [Number.NaN], { goal: { atLeast: 0 } });
  t.is(verdictOf(row), "missed");
  t.deepEqual(doubtsOf(row), ["not measured"]);
});

test("fewer than five rounds are too few to judge a goal by, and enough without one", (t) => {
  t.deepEqual(doubtsOf(rowOf("a", "MB", [100, 100, 100, 100], { goal: { atMost: 150 } })), [
    "too few rounds: 4, a goal is judged by 5",
  ]);
  t.deepEqual(doubtsOf(rowOf("a", "MB", [100])), []);
});

test("rounds that spread are too noisy, by what the row is judged by", (t) => {
  const uneven = [50, 80, 100, 150, 200];
  t.deepEqual(doubtsOf(rowOf("a", "/s", uneven)), ["too noisy: its rounds spread by 70 %, at most 20 %"]);
  t.deepEqual(doubtsOf(rowOf("a", "/s", uneven, { reference: uneven })), []);
});

test("rounds that spread within their bound are not in doubt", (t) => {
  const uneven = [0, 0.1, 0.4, 0.6, 0.9];
  t.deepEqual(doubtsOf(rowOf("a", "/s", uneven, { goal: { atMost: 1 } })), []);
  t.is(doubtsOf(rowOf("a", "/s", [...uneven, 1.1], { goal: { atMost: 1 } })).length, 1);
});

const bumpy = [0.5, 0.8, 1, 1.5, 2];
const ones = [1, 1, 1, 1, 1];
const rate = (cpu: readonly number[]) =>
  rowOf("creates", "/s", bumpy, {
    reference: ones,
    goal: { atLeast: 1.1 },
    instead: insteadOf("CPU a create", cpu, ones, { atMost: 0.85 }),
  });

test("a rate that is too noisy is judged by the CPU of the same rounds, and says so", (t) => {
  const { verdict, by, doubts, void: why = "" } = judgementOf(rate([0.8, 0.81, 0.8, 0.79, 0.8]));
  t.deepEqual([verdict, by, doubts], ["met", "CPU a create", []]);
  t.regex(why, /^too noisy: its rounds spread by 70 %/);
  t.is(judgementOf(rate([0.9, 0.91, 0.9, 0.89, 0.9])).verdict, "missed");
});

test("a rate that is quiet is judged by itself, whatever its CPU says", (t) => {
  const quiet = { ...rate([2, 2, 2, 2, 2]), ratio: sampleOf([1.2, 1.2, 1.21, 1.2, 1.2]) };
  t.deepEqual(judgementOf(quiet), { verdict: "met", doubts: [] });
});

test("where the CPU is noisy too, both are in doubt", (t) => {
  const { verdict, by, doubts } = judgementOf(rate(bumpy));
  t.deepEqual([verdict, by, doubts.length], ["missed", undefined, 2]);
  t.regex(doubts[1] ?? "", /^CPU a create: too noisy/);
});

test("without CPU there is nothing to judge by instead", (t) => {
  t.is(insteadOf("CPU a create", [], [], { atMost: 1 }), undefined);
  t.is(insteadOf("CPU a create", [Number.NaN], [1], { atMost: 1 }), undefined);
});

test("a machine is too noisy when a fixed task does not take the same time", (t) => {
  const calm = Array.from({ length: 6 }, (_, n) => ({ cpuMs: 30 + n / 10, fsyncMs: 1 + n / 50 }));
  t.deepEqual(machineNoise(calm).doubts, []);
  const busy = calm.map(({ fsyncMs }, n) => ({ cpuMs: 30 + n * 10, fsyncMs }));
  t.regex(machineNoise(busy).doubts.join(), /^a fixed task of the processor spread by \d+ %, at most 10 %$/);
  t.true(machineNoise(busy).cpuMs.spread > cpuSpreadMax);
  t.deepEqual(machineNoise([]).doubts, []);
});

const commits = [
  { at: 0, rows: 50 },
  { at: 1, rows: 100 },
  { at: 2, rows: 100 },
  { at: 4, rows: 100 },
  { at: 6, rows: 100 },
];

test("a drain's rate is that between its first commit and its last", (t) => {
  t.is(rateOf(commits), 400 / 6);
  t.is(rateOf([{ at: 0, rows: 10 }]), Number.NaN);
  t.is(rateOf([]), Number.NaN);
});

test("a share of a drain has a rate of its own", (t) => {
  t.is(rateOf(commits, 0, 0.5), 100);
  t.is(rateOf(commits, 250 / 450, 1), 50);
  t.is(rateOf(commits, 0, 50 / 450), Number.NaN);
});

test("no id of version 7 that is made later is below the floor, and no earlier one above", (t) => {
  const floor = idFloor(Date.UTC(2026, 0, 1));
  t.is(floor, "019b76da-a800-7000-8000-000000000000");
  t.true("019b76da-a800-7abc-8def-0123456789ab" > floor);
  t.true("019b76da-a7ff-7fff-bfff-ffffffffffff" < floor);
});

test("what is the system's is all but the load", (t) => {
  t.is(
    ownMs(
      new Map([
        ["users", 20],
        ["PostgreSQL: users", 5],
        ["load generator", 100],
      ]),
    ),
    25,
  );
});

test("the times of a process are read past a name with spaces and brackets", (t) => {
  const line = "42 (postgres: a) b) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 99 1 1";
  t.deepEqual(parseStat(line), { parent: 7, ownMs: 2_000, endedMs: 500 });
});

test("what was spent is what came on top, from nothing for those who are new", (t) => {
  const before = new Map([["gateway", 100]]);
  const after = new Map([
    ["gateway", 150],
    ["users", 20],
  ]);
  t.deepEqual(
    [...spent(before, after)],
    [
      ["gateway", 50],
      ["users", 20],
    ],
  );
});
