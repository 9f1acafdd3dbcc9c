/** The acknowledgement table, row by row. */
import test from "ava";
import { retriesExhausted, settlementOf, withJitter } from "../../mixins/bus/settlement.ts";

const ladder = [1_000, 5_000];

test("done is acknowledged, however often it failed before", (t) => {
  t.deepEqual(settlementOf({ kind: "done" }, 0, ladder), { action: "acknowledge" });
  t.deepEqual(settlementOf({ kind: "done" }, 99, ladder), { action: "acknowledge" });
});

test("requeue changes nothing, and counts no failure", (t) => {
  t.deepEqual(settlementOf({ kind: "requeue" }, 1, ladder), { action: "requeue" });
});

test("a retry climbs the ladder, then ends among the dead letters with all its failures", (t) => {
  const retry = { kind: "retry", error: "no" } as const;
  t.deepEqual(settlementOf(retry, 0, ladder), {
    action: "wait",
    index: 0,
    delayMs: 1_000,
    error: "no",
    attempts: 1,
  });
  t.deepEqual(settlementOf(retry, 1, ladder), {
    action: "wait",
    index: 1,
    delayMs: 5_000,
    error: "no",
    attempts: 2,
  });
  const dead = { action: "dead-letter", reason: retriesExhausted, error: "no" };
  t.deepEqual(settlementOf(retry, 2, ladder), { ...dead, attempts: 3 });
  t.deepEqual(settlementOf(retry, 7, ladder), { ...dead, attempts: 8 } as never);
  t.deepEqual(settlementOf(retry, 0, []), { ...dead, attempts: 1 } as never);
});

test("dead goes to the dead letters at once, with its own reason", (t) => {
  t.deepEqual(settlementOf({ kind: "dead", reason: "unparsable", error: "bad" }, 0, ladder), {
    action: "dead-letter",
    reason: "unparsable",
    error: "bad",
    attempts: 1,
  });
});

test("jitter shortens a delay by a fifth at most and never lengthens it", (t) => {
  t.is(
    withJitter(1_000, () => 0),
    1_000,
  );
  t.is(
    withJitter(1_000, () => 0.999_999),
    800,
  );
  t.is(
    withJitter(1, () => 0.999_999),
    1,
  );
});
