/** The seed of a chaos run decides its faults, and nothing else does. */
import test from "ava";
import { faultKinds, scheduleOf } from "../chaos/schedule.ts";

const options = { seed: 42, faults: 120, spanMs: 600_000 };

test("the same seed gives the same faults, another seed others", (t) => {
  t.deepEqual(scheduleOf(options), scheduleOf(options));
  t.notDeepEqual(scheduleOf(options), scheduleOf({ ...options, seed: 43 }));
});

test("as many faults as there are kinds hold each kind once", (t) => {
  const kinds = scheduleOf({ ...options, faults: faultKinds.length }).map(({ kind }) => kind);
  t.deepEqual(kinds.sort(), [...faultKinds].sort());
});

test("faults come in the order of their times, within the span", (t) => {
  const times = scheduleOf(options).map(({ atMs }) => atMs);
  t.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  t.true(times.every((at) => at >= 0 && at < options.spanMs));
});
