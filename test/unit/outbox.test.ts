import test from "ava";
import fc from "fast-check";
import { emptiedUpTo, everything } from "../../services/outbox/emptied.ts";
import { heldBackUsers } from "../../services/outbox/held-back-users.ts";
import { type OutboxRow, publishInOrder } from "../../services/outbox/publish.ts";
import { pollAlarm, pollSchedule } from "../../services/outbox/schedule.ts";
import { lowWatermarks, type Snapshot } from "../../services/outbox/watermark.ts";
import { confirmed, RecordingBus, refused } from "../support/recording-bus.ts";

const never = new AbortController().signal;
const stopping = { soon: never, now: never };

const rowOf = (user: number, index: number): OutboxRow => ({
  id: String(index),
  partition: 0,
  aggregateId: `user-${user}`,
  eventId: String(index),
  type: "user.updated.v1",
  correlationId: "c",
  body: `user-${user}`,
});

test("a user's rows go out in order and none goes out after a refused one, whatever the bus answers", async (t) => {
  const batch = fc.array(fc.record({ user: fc.nat(3), takes: fc.boolean() }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(batch, async (plan) => {
      const rows = plan.map(({ user }, index) => rowOf(user, index));
      const bus = new RecordingBus(({ id }) => (plan[Number(id)]?.takes ? confirmed : refused()));
      const published = await publishInOrder(bus, rows, stopping);
      for (const [userId, own] of Map.groupBy(rows, (row) => row.aggregateId)) {
        const taken = own.findIndex(({ id }) => !plan[Number(id)]?.takes);
        const expected = own.slice(0, taken < 0 ? own.length : taken + 1).slice(0, 20);
        t.deepEqual(
          bus.published.filter(({ body }) => body === userId).map(({ id }) => id),
          expected.map(({ id }) => id),
        );
      }
      t.is(published.confirmed.length + published.refused.length, bus.published.length);
    }),
  );
});

test("a relay that stops begins no further round and waits no longer than it must", async (t) => {
  const [soon, now] = [new AbortController(), new AbortController()];
  const signals = { soon: soon.signal, now: now.signal };
  const rows = [rowOf(1, 1), rowOf(1, 2)];
  const bus = new RecordingBus(() => {
    soon.abort();
    return confirmed;
  });
  const first = await publishInOrder(bus, rows, signals);
  t.deepEqual(
    first.confirmed.map(({ id }) => id),
    ["1"],
  );
  const silent = new RecordingBus(() => new Promise(() => {}));
  const pending = publishInOrder(silent, rows, { soon: never, now: now.signal });
  now.abort();
  t.deepEqual(await pending, { confirmed: [], refused: [] });
});

test("a refused user waits as long as the bus asked, else longer with each refusal, until it is confirmed", (t) => {
  let clockMs = 0;
  const holds = heldBackUsers(() => clockMs);
  holds.refuse("ann", 7, 300);
  t.deepEqual([...holds.held()], [["ann", 7]]);
  t.is(holds.nextMs(), 300);
  clockMs = 300;
  t.is(holds.held().size, 0);
  t.is(holds.nextMs(), undefined);
  const waits = Array.from({ length: 12 }, () => {
    holds.refuse("ann", 7, undefined);
    return holds.nextMs() ?? 0;
  });
  t.true(waits.every((wait) => wait <= 60_000));
  t.true((waits.at(-1) ?? 0) >= 30_000);
  holds.confirm("ann");
  t.is(holds.held().size, 0);
});

test("the relay looks at once after a full batch, soon after work, and ever more rarely when idle", (t) => {
  let clockMs = 0;
  const schedule = pollSchedule(() => clockMs);
  t.is(schedule.after("full"), 0);
  t.is(schedule.after("worked"), 50);
  const idle = Array.from({ length: 12 }, () => schedule.after("idle"));
  t.is(idle[0], 100);
  t.is(Math.max(...idle), 1_000);
  clockMs = 60_000;
  t.is(schedule.after("idle"), 5_000);
  const failures = Array.from({ length: 12 }, () => schedule.after("failed"));
  t.true(failures.every((wait) => wait >= 50 && wait <= 5_000));
  t.is(schedule.after("worked"), 50);
});

/** An alarm whose look has taken 300 ms, by a clock that the wait itself sets right again. */
function alarmAfterLongLook() {
  let shiftMs = 0;
  const alarm = pollAlarm(() => performance.now() + shiftMs);
  return {
    alarm,
    lookTook(ms: number) {
      shiftMs += ms;
    },
  };
}

test("a ring wakes at once, any number of them are one, and a ring while nobody waits is kept", async (t) => {
  const { alarm, lookTook } = alarmAfterLongLook();
  alarm.ring();
  t.true(await alarm.wait(60_000, 0, never));
  for (let ring = 0; ring < 100; ring += 1) alarm.ring();
  lookTook(60_000);
  t.true(await alarm.wait(60_000, 15, never), "few events were made to wait");
  t.false(await alarm.wait(1, 0, never));
});

test("a look that published many events is followed by a rest as long as it took, up to a bound", async (t) => {
  const { alarm, lookTook } = alarmAfterLongLook();
  for (const [tookMs, restMs] of [
    [20, 20],
    [60_000, 50],
  ] as const) {
    lookTook(tookMs);
    alarm.ring();
    const before = performance.now();
    t.true(await alarm.wait(60_000, 16, never));
    t.true(performance.now() - before >= restMs - 2, "it looked again too soon");
  }
});

test("an alarm wakes at once when the relay stops", async (t) => {
  const alarm = pollAlarm(() => performance.now());
  const stop = new AbortController();
  const waiting = alarm.wait(60_000, 0, stop.signal);
  stop.abort();
  alarm.ring();
  t.true(await waiting);
});

/** Marks, and what a batch that looked above them learned. */
function marksOf(clock: { ms: number }) {
  const marks = lowWatermarks(() => clock.ms);
  const look = (snapshot: Snapshot | undefined, emptied: readonly (readonly [number, bigint])[]) =>
    marks.observe({ snapshot, marks: marks.marksOfLook(), emptiedUpTo: new Map(emptied), deleted: 0 });
  return {
    marks,
    look,
    /** Of partition 3, after a look that left nothing in it. */
    observe(lastId: bigint, xmin: bigint, nextXid: bigint): bigint | undefined {
      look({ lastId, xmin, nextXid }, [[3, everything]]);
      return marks.safe()[3];
    },
  };
}

test("a mark moves to its candidate only when every transaction below the candidate's snapshot is over", (t) => {
  const { marks, observe } = marksOf({ ms: 0 });
  t.is(observe(10n, 100n, 105n), 0n, "the first look only notes a candidate");
  t.is(observe(20n, 104n, 120n), 0n, "transaction 104 may still commit below 10");
  t.is(observe(30n, 105n, 130n), 10n);
  t.is(observe(40n, 129n, 140n), 10n);
  t.is(observe(50n, 130n, 150n), 30n);
  t.is(marks.safe()[4], 0n, "a partition of which nothing is known is left alone");
});

test("a snapshot is wanted when the last one is old, or many rows were deleted since", (t) => {
  const clock = { ms: 0 };
  const { marks } = marksOf(clock);
  const observe = (deleted: number, snapshot?: Snapshot) =>
    marks.observe({ snapshot, marks: marks.marksOfLook(), emptiedUpTo: new Map(), deleted });
  const snapshot = { lastId: 1n, xmin: 1n, nextXid: 1n };
  t.true(marks.wantsSnapshot());
  observe(10, snapshot);
  t.false(marks.wantsSnapshot());
  observe(190);
  t.true(marks.wantsSnapshot(), "200 rows are dead above the marks");
  observe(0, snapshot);
  t.false(marks.wantsSnapshot());
  clock.ms = 250;
  t.true(marks.wantsSnapshot());
});

test("a partition that a look empties in part has its mark moved so far, also without a new snapshot", (t) => {
  const { marks, look, observe } = marksOf({ ms: 0 });
  look({ lastId: 10n, xmin: 100n, nextXid: 105n }, []);
  look({ lastId: 50n, xmin: 105n, nextXid: 110n }, [[7, 4n]]);
  t.is(marks.safe()[7], 4n);
  look(undefined, [[7, 8n]]);
  t.is(marks.safe()[7], 8n);
  look(undefined, [[7, 20n]]);
  t.is(marks.safe()[7], 10n, "not beyond what is settled");
  look(undefined, [[7, 3n]]);
  t.is(marks.safe()[7], 10n, "never back");
  observe(60n, 110n, 120n);
  look(undefined, [[7, 55n]]);
  t.is(marks.safe()[7], 50n);
});

test("once in a term a partition is looked at from the bottom, and keeps its mark when nothing was there", (t) => {
  const clock = { ms: 0 };
  const { marks, look, observe } = marksOf(clock);
  observe(10n, 100n, 105n);
  t.is(observe(20n, 105n, 110n), 10n);
  t.is(marks.marksOfLook()[3], 10n);
  clock.ms = 60_001;
  t.is(marks.safe()[3], 10n);
  t.is(marks.marksOfLook()[3], 0n);
  look(undefined, [[3, 5n]]);
  t.is(marks.marksOfLook()[3], 0n, "it did not come up to its mark, so it is still due");
  look(undefined, [[3, everything]]);
  t.is(marks.marksOfLook()[3], 10n);
});

test("the looks from the bottom are spread over their term", (t) => {
  const clock = { ms: 0 };
  const { marks, look } = marksOf(clock);
  const all = Array.from({ length: 64 }, (_, partition) => [partition, everything] as const);
  look({ lastId: 10n, xmin: 100n, nextXid: 105n }, all);
  look({ lastId: 20n, xmin: 105n, nextXid: 110n }, all);
  const due = Array.from({ length: 60 }, () => {
    clock.ms += 1_000;
    const deep = marks.marksOfLook().filter((mark) => mark === 0n).length;
    look({ lastId: 20n, xmin: 105n, nextXid: 110n }, all);
    return deep;
  });
  t.true(Math.max(...due) <= 2, `${due}`);
  t.true(due.reduce((sum, deep) => sum + deep) >= 60);
});

test("a sequence that was set back takes its marks along", (t) => {
  const { observe } = marksOf({ ms: 0 });
  observe(10n, 100n, 105n);
  t.is(observe(20n, 105n, 110n), 10n);
  t.is(observe(5n, 110n, 120n), 0n);
  t.is(observe(6n, 120n, 130n), 5n);
});

test("a look knows up to where it emptied each partition", (t) => {
  const row = (id: number, partition: number): OutboxRow => ({ ...rowOf(1, id), partition });
  const rows = [row(1, 1), row(2, 2), row(3, 1), row(4, 3), row(5, 2), row(6, 4)];
  const loaded = [
    ...[1, 2, 3, 4, 5].map((partition) => ({ partition, ours: true })),
    { partition: 6, ours: false },
  ];
  const look = { loaded, passedOver: new Set([4]), rows, confirmed: rows, rowsPerPartition: 2, rowsMax: 100 };
  const upTo = (parts: Partial<typeof look> = {}) => {
    const emptied = emptiedUpTo({ ...look, ...parts });
    return [0, 1, 2, 3, 4, 5, 6].map((partition) => emptied.get(partition));
  };
  t.deepEqual(upTo(), [everything, 3n, 5n, everything, undefined, everything, undefined]);
  t.deepEqual(upTo({ rowsMax: 6 }), [everything, 3n, 5n, 4n, undefined, 0n, undefined]);
  const confirmed = rows.filter(({ id }) => id !== "5" && id !== "1" && id !== "4");
  t.deepEqual(upTo({ confirmed }), [everything, 0n, 4n, 3n, undefined, everything, undefined]);
});
