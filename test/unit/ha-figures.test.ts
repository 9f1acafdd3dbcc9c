/** What a scenario of `npm run ha` comes to: times without an answer, failures after a fault, bounds and their scale. */
import test from "ava";
import type { Operation } from "../chaos/journal.ts";
import { allDone, failing, judge, scaleOf, silent } from "../ha/bounds.ts";
import { type Evidence, figuresOf, longestGap } from "../ha/figures.ts";
import { suffixedCreates } from "../ha/journal.ts";
import { scenarios } from "../ha/scenarios.ts";

const window = { fromMs: 0, toMs: 30_000 };
const every = (ms: number, status: number, fromMs: number, toMs: number) =>
  Array.from({ length: (toMs - fromMs) / ms }, (_, index) => ({ atMs: fromMs + index * ms, status }));
const evidence = (more: Partial<Evidence>): Evidence => ({
  window,
  marks: [],
  operations: [],
  writes: [],
  reads: [],
  defects: 0,
  ...more,
});

test("the longest time without an answer counts from the begin and to the end of the load", (t) => {
  t.is(longestGap([4_000, 5_000], { fromMs: 0, toMs: 6_000 }), 4_000);
  t.is(longestGap([1_000], { fromMs: 0, toMs: 6_000 }), 5_000);
  t.is(longestGap([], { fromMs: 0, toMs: 6_000 }), 6_000);
  t.is(longestGap([9_000], { fromMs: 0, toMs: 6_000 }), 6_000);
});

test("failures are told from the fault before them", (t) => {
  const writes = [
    ...every(100, 201, 0, 10_000),
    ...every(100, 503, 10_000, 12_000),
    ...every(100, 200, 12_000, 20_000),
    ...every(100, 0, 20_000, 20_500),
    ...every(100, 200, 20_500, 30_000),
  ];
  const marks = [
    { what: "kill", atMs: 10_000 },
    { what: "start", atMs: 20_000 },
  ];
  const figures = figuresOf(evidence({ writes, marks }));
  t.is(figures.failed, 25);
  t.deepEqual(figures.failedByStatus, { 503: 20, "no answer": 5 });
  t.is(figures.failingMs, 1_900);
  t.is(figures.failingSeconds, 2);
  t.is(figures.failedPercent, 20);
  t.is(figures.failedShare, (100 * 25) / writes.length);
  t.is(figures.silentMs, 2_100);
});

test("a time may grow with the baseline, what is fixed in it does not, and a count never does", (t) => {
  t.is(scaleOf({ silentMs: 300 }), 1);
  t.is(scaleOf({ silentMs: 1_000 }), 2);
  t.is(scaleOf({ silentMs: 60_000 }), 4);
  t.is(judge(silent(3_000, 20_000), { silentMs: 26_000 }, 2).limit, 26_000);
  t.true(judge(silent(3_000, 20_000), { silentMs: 26_000 }, 2).isKept);
  t.false(judge(failing(10_000), { failingMs: 10_001 }, 1).isKept);
  t.false(judge(allDone, { givenUp: 1 }, 4).isKept);
});

test("a figure that was not measured keeps no bound", (t) => {
  t.false(judge(allDone, {}, 1).isKept);
});

test("a create that came under a suffix was done twice", (t) => {
  const answer = { id: "1", displayName: "x", secondarySmtps: [], version: 1 };
  const create = (primarySmtp: string) =>
    ({
      kind: "create",
      request: { primarySmtp: "a@x.example" },
      answer: { ...answer, primarySmtp },
    }) as unknown;
  const operations = [create("a@x.example"), create("a2@x.example")] as Operation[];
  t.is(suffixedCreates(operations).length, 1);
  t.is(suffixedCreates([{ kind: "remove", request: undefined } as Operation]).length, 0);
});

test("every scenario has a name of its own, and a bound", (t) => {
  t.is(new Set(scenarios.map(({ name }) => name)).size, scenarios.length);
  t.deepEqual(
    scenarios.filter(({ bounds }) => bounds.length === 0),
    [],
  );
});
