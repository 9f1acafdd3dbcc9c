/** Counts of pure functions: a function that does more costs more, by the same number each time. */
import test from "ava";
import { acceptedCounts, type Counts, countFaults } from "../benchmark/counts/counts.ts";
import { hotFunctions } from "../benchmark/counts/hot-functions.ts";
import { beginCounting, tokensRun } from "../benchmark/counts/tokens.ts";

const range = (startOffset: number, endOffset: number, count: number) => ({ startOffset, endOffset, count });

test("a token ran as often as the innermost block around it, and not at all outside of all", (t) => {
  const starts = [0, 10, 20, 30, 40, 50];
  t.is(tokensRun(starts, [range(10, 50, 3)]), 4 * 3);
  t.is(tokensRun(starts, [range(10, 50, 3), range(20, 40, 0)]), 2 * 3);
  t.is(tokensRun(starts, [range(20, 30, 100), range(30, 40, 7), range(10, 50, 3)]), 100 + 7 + 2 * 3);
  t.is(tokensRun(starts, []), 0);
});

const sumTo = (most: number): number => {
  let sum = 0;
  for (let n = 0; n < most; n += 1) sum += n;
  return sum;
};

test("a function that does more runs more tokens, and as much of the same as many", async (t) => {
  const counting = beginCounting();
  const functions = {
    ten: () => sumTo(10),
    again: () => sumTo(10),
    twenty: () => sumTo(20),
    twice: () => sumTo(10) + sumTo(10),
  };
  const { ten = 0, again = 0, twenty = 0, twice = 0 } = await counting.count(functions, 10).tokens();
  t.is(again, ten);
  t.true(twenty > 1.5 * ten && twice > 1.8 * ten, JSON.stringify({ ten, twenty, twice }));
});

const accepted: Counts = { node: "24.1.0", costs: { a: { tokens: 1_000, bytes: 5_000 } } };
const now = (tokens: number, bytes: number, node = "24.1.0"): Counts => ({
  node,
  costs: { a: { tokens, bytes } },
});

test("five percent more are let pass, and so is less", (t) => {
  t.deepEqual(countFaults(accepted, now(1_050, 5_250)), []);
  t.deepEqual(countFaults(accepted, now(100, 500)), []);
});

test("more than that is refused, by the function's name and both figures", (t) => {
  t.regex(countFaults(accepted, now(1_051, 5_000)).join(), /^a: 1051 tokens instead of 1000; .*--accept/);
  t.regex(countFaults(accepted, now(1_000, 5_315)).join(), /^a: 5315 bytes instead of 5000;/);
});

test("bytes of another Node are not compared, tokens are", (t) => {
  t.is(countFaults(accepted, now(2_000, 10_000, "26.0.0")).length, 1);
});

test("a function that nobody has accepted, or measured, is told", (t) => {
  t.regex(countFaults({ ...accepted, costs: {} }, now(1, 1)).join(), /^a: is not in counts.json/);
  t.regex(countFaults(accepted, { ...accepted, costs: {} }).join(), /^a: is in counts.json and is not/);
});

test("every function of the hot path has accepted counts", (t) => {
  t.deepEqual(Object.keys(acceptedCounts().costs), Object.keys(hotFunctions));
});
