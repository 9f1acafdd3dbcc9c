/** The way of a write as a ladder, and the difference that a form shows. */
import test from "ava";
import { ConsumerStep, type TracedLetter, type TracedWrite } from "../../services/contracts/trace.ts";
import { differenceOf, patchOf, theirsOf } from "../../services/gateway/console/app/core/edits.ts";
import { isFolded, ladderOf, type Rung } from "../../services/gateway/console/app/core/ladder.ts";
import { trace } from "../../services/gateway/routes/examples.ts";

const write = trace.writes[0] as TracedWrite;
const letter: TracedLetter = {
  id: "01997b3c-2b1e-7d0a-9c55-0a1b2c3d4e5f",
  queue: "audit.user-events",
  status: "pending",
  eventId: null,
  reason: "retries-exhausted",
  error: "DriverException 22P05",
  attempts: 6,
  replays: 1,
  at: "2026-03-02T10:12:36.000Z",
  ageS: 840,
  discardedBy: null,
  discardReason: null,
};
const step = (state: ConsumerStep["state"], more: Partial<ConsumerStep> = {}): ConsumerStep => ({
  consumer: "audit",
  state,
  at: null,
  duplicates: 0,
  failures: 0,
  error: null,
  letter: null,
  ...more,
});
const rungOf = (one: ConsumerStep): Rung => ladderOf({ ...write, consumers: [one] }).consumers[0] as Rung;

test("A ladder goes from the request by the consumers to the addresses", (t) => {
  const { above, consumers, below } = ladderOf(write);
  t.deepEqual(
    above.map((rung) => rung.step),
    ["request", "transaction", "outbox"],
  );
  t.deepEqual(
    consumers.map((rung) => rung.step),
    ["smtp-registry", "audit"],
  );
  t.is(below?.step, "addresses");
});

test("Every state of a consumer has a sign and words", (t) => {
  for (const state of ConsumerStep.shape.state.options) {
    const { sign, title } = rungOf(step(state));
    t.true(title.startsWith("audit · ") && title.length > 10, state);
    t.is(sign === "done", state === "processed", state);
  }
});

test("The step of the verdict is the broken one, and no other", (t) => {
  const verdict = { ...write.verdict, state: "stuck" as const, at: "audit" };
  const { above, consumers, below } = ladderOf({ ...write, verdict });
  const broken = [...above, ...consumers, ...(below === undefined ? [] : [below])].filter(
    ({ isBroken }) => isBroken,
  );
  t.deepEqual(
    broken.map((rung) => rung.step),
    ["audit"],
  );
});

test("A dead letter tells its failures, its error, and for how long it waits for a person", (t) => {
  const { lines, edge, letterId } = rungOf(step("dead", { failures: 6, letter }));
  t.deepEqual(lines, ["✕✕✕✕✕✕ 6 failures", "retries-exhausted: DriverException 22P05", "1 replay"]);
  t.deepEqual(edge, { kind: "gap", text: "14 min, waits for a person" });
  t.is(letterId, letter.id);
});

test("Times of two clocks are told apart from those of one", (t) => {
  const outbox = {
    state: "published" as const,
    writtenAt: "2026-03-02T10:00:00.000Z",
    publishedAt: "2026-03-02T10:00:00.004Z",
    attempts: 1,
    refusal: null,
    ageS: 5,
  };
  const audit = step("processed", { at: "2026-03-02T10:00:00.009Z" });
  const { above, consumers } = ladderOf({ ...write, outbox, consumers: [audit] });
  t.true(above.at(-1)?.lines.includes("4 ms (same clock) after its commit"));
  t.is(consumers[0]?.edge?.text, "≈5 ms (two clocks)");
});

test("A write that changed nothing, and one of which nothing can be asked, are ladders too", (t) => {
  const nothing = ladderOf({ ...write, transaction: null, outbox: null, consumers: [], addresses: null });
  t.deepEqual(
    nothing.above.map((rung) => rung.sign),
    ["done", "none"],
  );
  t.is(nothing.below, undefined);
  t.is(rungOf(step("unknown")).edge?.kind, "unseen");
});

test("Of several writes those that are complete fold", (t) => {
  const complete = { ...write, verdict: { ...write.verdict, state: "complete" as const } };
  const stuck = { ...write, verdict: { ...write.verdict, state: "stuck" as const } };
  t.deepEqual([isFolded(complete, 1), isFolded(complete, 2), isFolded(stuck, 2)], [false, true, false]);
});

const user = {
  id: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
  displayName: "Ann Lee",
  primarySmtp: "ann.lee@example.com",
  secondarySmtps: [],
  externalId: "E-1",
  active: true,
  userName: null,
  version: 1,
  createdAt: "2026-03-02T09:30:00.000Z",
  updatedAt: "2026-03-02T09:30:00.000Z",
};

test("A patch is the difference that is shown: what is emptied is null, what is as it was is left out", (t) => {
  t.deepEqual(patchOf(user, { displayName: " Ann Chen ", externalId: "", userName: "", active: true }), {
    displayName: "Ann Chen",
    externalId: null,
  });
  t.deepEqual(differenceOf(user, { active: false }), [{ field: "active", from: true, to: false }]);
});

test("What somebody else has changed meanwhile stands beside yours", (t) => {
  const theirs = { ...user, displayName: "Ann Miller", secondarySmtps: ["ann@example.com"], version: 2 };
  t.deepEqual(theirsOf(user, theirs, { displayName: "Ann Chen", active: false }), [
    { field: "displayName", was: "Ann Lee", now: "Ann Miller", yours: "Ann Chen" },
    { field: "active", was: true, now: true, yours: false },
    { field: "secondarySmtps", was: [], now: ["ann@example.com"], yours: undefined },
  ]);
});
