import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import type { PublishOutcome } from "../../mixins/bus/port.ts";
import { runBatch } from "../../services/outbox/claim-batch.ts";
import { lowWatermarks } from "../../services/outbox/watermark.ts";
import { eventually } from "../support/eventually.ts";
import { failover } from "../support/failover.ts";
import { type OutboxParts, outboxParts, type Written, writtenOf } from "../support/outbox-parts.ts";
import { confirmed, RecordingBus, refused } from "../support/recording-bus.ts";

async function rigOf(t: ExecutionContext): Promise<OutboxParts> {
  const rig = await outboxParts();
  t.teardown(() => rig.close());
  return rig;
}

/** So that those who are at work overlap in ever other ways. */
const workOfSomeLength = "select count(*) from generate_series(1, (random() * 50000)::int)";

const empty = (rig: OutboxParts, timeoutMs = 30_000): Promise<void> =>
  eventually(
    async () => {
      const left = await rig.rowsLeft();
      if (left > 0) throw new Error(`${left} rows are left in the outbox`);
    },
    { timeoutMs },
  );

const reached = (condition: () => boolean, what: string): Promise<void> =>
  eventually(() => {
    if (!condition()) throw new Error(`Never came: ${what}`);
  });

const named = ({ userId, version }: Written): string => `${userId} ${version}`;

/** The first delivery of each version, per user, in the order in which the bus saw them. */
function firstVersions(bus: RecordingBus): Map<string, number[]> {
  const seen = new Map<string, number[]>();
  for (const message of bus.delivered) {
    const { userId, version } = writtenOf(message);
    const versions = seen.get(userId) ?? [];
    if (!versions.includes(version)) versions.push(version);
    seen.set(userId, versions);
  }
  return seen;
}

/** A gate that a decision waits at. */
function gate() {
  let open: (outcome: PublishOutcome) => void = () => {};
  const opened = new Promise<PublishOutcome>((resolve) => {
    open = resolve;
  });
  return { opened, open: (outcome: PublishOutcome = confirmed) => open(outcome) };
}

test("several relays that lose their connections publish exactly what was committed, first deliveries in version order", async (t) => {
  const rig = await rigOf(t);
  const refusedOnce = new Set<string>();
  const bus = new RecordingBus(async (message) => {
    if (Math.random() > 0.05 || refusedOnce.has(message.id)) return confirmed;
    refusedOnce.add(message.id);
    return refused(20);
  });
  const relays = [await rig.startRelay(bus), await rig.startRelay(bus), await rig.startRelay(bus)];
  const users = Array.from({ length: 12 }, () => randomUUID());
  const committed: Written[] = [];
  let cut = 0;
  const writer = async (seed: number): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) {
      const rollBack = (seed + turn) % 10 === 0;
      const userId = users[(seed * 7 + turn * 5) % users.length] ?? "";
      const before = async (client: { query(text: string): Promise<unknown> }): Promise<void> => {
        if ((seed + turn) % 3 === 0) await client.query(workOfSomeLength);
      };
      const written = await rig.write(userId, { rollBack, before });
      if (!rollBack) committed.push(written);
      relays[turn % relays.length]?.relay.nudge();
      if (seed === 0 && turn % 10 === 5) cut += await rig.cutRelays();
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, seed) => writer(seed)));
  await empty(rig);

  t.true(cut > 0, "no connection was cut");
  t.deepEqual(
    [...new Set(bus.delivered.map((message) => named(writtenOf(message))))].sort(),
    committed.map(named).sort(),
  );
  for (const versions of firstVersions(bus).values())
    t.deepEqual(
      versions,
      versions.toSorted((a, b) => a - b),
    );
});

test("several relays share the work: while nothing fails, each event is published once", async (t) => {
  const rig = await rigOf(t);
  // A bus that takes its time, so that the relays overlap.
  const bus = new RecordingBus(async () => {
    await rig.pool.query(workOfSomeLength);
    return confirmed;
  });
  const users = Array.from({ length: 40 }, () => randomUUID());
  const relays = [await rig.startRelay(bus), await rig.startRelay(bus), await rig.startRelay(bus)];
  for (let turn = 0; turn < 5; turn += 1) {
    await Promise.all(users.map((userId) => rig.write(userId)));
    for (const { relay } of relays) relay.nudge();
  }
  await empty(rig);
  t.is(bus.published.length, 200);
});

test("a row is deleted only after the bus has confirmed it", async (t) => {
  const rig = await rigOf(t);
  const { opened, open } = gate();
  const bus = new RecordingBus(() => opened);
  await rig.startRelay(bus);
  await rig.write(randomUUID());
  await reached(() => bus.published.length === 1, "the publication");
  t.is(await untouched(rig), 1, "the row is deleted while the bus has it");
  open();
  await empty(rig);
});

/** How many rows nobody has deleted, not even in an open transaction. */
async function untouched(rig: OutboxParts): Promise<number> {
  const { rows } = await rig.pool.query("select id from outbox for update skip locked");
  return rows.length;
}

test("an event of which nobody told the relay leaves by its next poll", async (t) => {
  const rig = await rigOf(t);
  const bus = new RecordingBus();
  await rig.startRelay(bus);
  // Its first look needs no poll, so this one is over before the event is there.
  await rig.write(randomUUID());
  await empty(rig);
  const written = await rig.write(randomUUID());
  await empty(rig);
  t.is(bus.delivered.map((message) => named(writtenOf(message))).at(-1), named(written));
});

test("a row that came below the marks leaves a relay to which nobody tells anything", async (t) => {
  const rig = await rigOf(t);
  const bus = new RecordingBus();
  let aheadMs = 0;
  const { relay } = await rig.startRelay(bus, () => performance.now() + aheadMs);
  const userId = randomUUID();
  // Snapshots are taken at looks that have work: until the marks have moved past the first rows.
  for (let turn = 0; turn < 4; turn += 1) {
    await rig.write(userId);
    relay.nudge();
    await empty(rig);
    aheadMs += 1_000;
  }
  await rig.write(userId, { id: 1 });
  aheadMs += 60_000;
  await empty(rig);
  t.deepEqual(firstVersions(bus).get(userId), [1, 2, 3, 4, 5]);
});

test("a user's backlog leaves in the order of its versions", async (t) => {
  const rig = await rigOf(t);
  const bus = new RecordingBus();
  const userId = randomUUID();
  const versions = Array.from({ length: 12 }, (_, index) => index + 1);
  for (const _ of versions) await rig.write(userId);
  await rig.startRelay(bus);
  await empty(rig);
  t.deepEqual(firstVersions(bus).get(userId), versions);
});

test("a relay that dies between publishing and deleting has its rows published again", async (t) => {
  const rig = await rigOf(t);
  const { opened, open } = gate();
  const bus = new RecordingBus(() => opened);
  await rig.startRelay(bus);
  const written = await rig.write(randomUUID());
  await reached(() => bus.published.length === 1, "the publication");
  t.true((await rig.cutRelays()) > 0);
  open();
  await empty(rig);
  t.true(bus.published.length >= 2);
  t.deepEqual(new Set(bus.published.map((message) => named(writtenOf(message)))), new Set([named(written)]));
});

test("a refused user holds back only itself and is published in order once the bus takes it", async (t) => {
  const rig = await rigOf(t);
  const [poor, rich] = [randomUUID(), randomUUID()];
  let takes = false;
  const bus = new RecordingBus((message) =>
    takes || writtenOf(message).userId !== poor ? confirmed : refused(50),
  );
  for (const userId of [poor, rich, poor, rich, poor]) await rig.write(userId);
  await rig.startRelay(bus);
  await eventually(async () => {
    if ((await rig.rowsLeft()) !== 3) throw new Error("the other user's rows are not gone");
  });
  await reached(
    () => bus.published.filter((message) => writtenOf(message).userId === poor).length >= 2,
    "a retry",
  );
  const early = bus.published.map(writtenOf).filter(({ userId }) => userId === poor);
  t.true(
    early.every(({ version }) => version === 1),
    "a later event overtook the refused one",
  );
  takes = true;
  await empty(rig);
  t.deepEqual(firstVersions(bus).get(poor), [1, 2, 3]);
  t.deepEqual(firstVersions(bus).get(rich), [1, 2]);
});

test("events wait in the outbox while the bus is away and leave by themselves when it is back", async (t) => {
  const rig = await rigOf(t);
  const bus = new RecordingBus();
  bus.setConnected(false);
  const { metrics } = await rig.startRelay(bus);
  for (const userId of [randomUUID(), randomUUID()]) await rig.write(userId);
  const looksBefore = bus.looks;
  await eventually(async () => {
    await metrics.expose();
    const { values } = await metrics.outboxPending.get();
    if (values[0]?.value !== 2) throw new Error("the waiting events are not measured");
    if (bus.looks === looksBefore) throw new Error("the relay has not found them yet");
  });
  t.is(bus.published.length, 0);
  bus.setConnected(true);
  await empty(rig);
  t.is(bus.published.length, 2);
});

test("what waits is measured, and grows older, while the relay itself is stuck", async (t) => {
  const rig = await rigOf(t);
  const { opened, open } = gate();
  const bus = new RecordingBus(() => opened);
  const { metrics } = await rig.startRelay(bus);
  await rig.write(randomUUID());
  await eventually(() => {
    if (bus.published.length === 0) throw new Error("the relay has not begun");
  });
  const age = async () => {
    await metrics.expose();
    return (await metrics.outboxOldestAge.get()).values[0]?.value ?? 0;
  };
  const first = await age();
  await eventually(async () => {
    if ((await age()) < first + 0.5) throw new Error("its age stands still");
  });
  t.is((await metrics.outboxPending.get()).values[0]?.value, 1);
  open(confirmed);
});

test("stop waits for the batch in hand and deletes what the bus confirms meanwhile", async (t) => {
  const rig = await rigOf(t);
  const { opened, open } = gate();
  const bus = new RecordingBus(() => opened);
  const { stop } = await rig.startRelay(bus);
  const userId = randomUUID();
  await rig.write(userId);
  await reached(() => bus.published.length === 1, "the publication");
  await rig.write(userId);
  const stopped = stop();
  open();
  await stopped;
  t.is(await rig.rowsLeft(), 1);
  t.is(bus.published.length, 1);
});

test("the low watermark never passes a transaction that is still open, and then moves in every partition", async (t) => {
  const rig = await rigOf(t);
  const db = await rig.openDatabase();
  const bus = new RecordingBus();
  // A clock in which every look is long after the last one, so that every batch takes a snapshot.
  let clockMs = 0;
  const watermarks = lowWatermarks(() => clockMs);
  const never = new AbortController().signal;
  const batch = async (): Promise<void> => {
    clockMs += 2_000;
    const done = await db.transaction((em) =>
      runBatch(em, {
        ...{ bus, watermarks, held: new Map(), rehearses: false },
        stopping: { soon: never, now: never },
      }),
    );
    if (done !== undefined) watermarks.observe(done.observation);
  };
  // The same last eight digits put both users into one partition.
  const tail = randomUUID().slice(-12);
  const [slow, quick] = [`10000000-0000-7000-8000-${tail}`, `20000000-0000-7000-8000-${tail}`];
  await rig.write(slow, {
    before: async () => {
      // While no transaction after the open one is over, the open one's number is the snapshot's xmax.
      await batch();
      for (let turn = 0; turn < 4; turn += 1) {
        await rig.write(quick);
        await batch();
      }
    },
  });
  t.true(
    watermarks.safe().every((safe) => safe === 0n),
    "a mark moved below an open transaction",
  );
  // Transactions of other databases hold the snapshot's xmin back as well, so when is not ours to say.
  await eventually(async () => {
    await rig.write(quick);
    await batch();
    // Also where nothing was ever written: else its claims would walk over whatever is dead there.
    if (watermarks.safe().includes(0n)) throw new Error("A mark has not moved");
  });
  await rig.write(quick);
  await batch();
  t.is(await rig.rowsLeft(), 0);
  t.is(bus.published.filter((message) => writtenOf(message).userId === slow).length, 1);
});

test("marks of a timeline that is over hide nothing: ids that a failover has lost are given, and published, again", async (t) => {
  t.timeout(180_000, "two PostgreSQL are started");
  const pair = await failover();
  t.teardown(pair.remove);
  const rig = await outboxParts(await pair.database("users"));
  t.teardown(rig.close);
  const db = await rig.openDatabase();
  const bus = new RecordingBus();
  const watermarks = lowWatermarks(() => performance.now());
  const never = new AbortController().signal;
  const batch = async (): Promise<void> => {
    const resources = { bus, watermarks, held: new Map(), rehearses: false };
    const stopping = { soon: never, now: never };
    const done = await db.transaction((em) => runBatch(em, { ...resources, stopping }));
    if (done !== undefined) watermarks.observe(done.observation);
  };
  // Of the lost ones so many that the sequence, which the standby knows 32 ids ahead, goes back.
  const lost = 200;
  const userId = randomUUID();
  await rig.write(userId);
  await pair.cutOff();
  for (let count = 0; count < lost; count += 1) await rig.write(userId);
  await eventually(async () => {
    await rig.write(randomUUID());
    await batch();
    if (watermarks.safe().some((safe) => safe < BigInt(lost))) throw new Error("A mark has not moved");
  });

  await pair.failOver();
  // One more than a mark of before, with nobody having looked in between.
  await eventually(() => rig.write(userId));
  const above = Math.max(...watermarks.safe().map(Number));
  await rig.pool.query("select setval('outbox_id_seq', $1)", [above + 1]);
  await rig.write(userId);
  const before = bus.published.length;
  await batch();
  t.is(bus.published.length, before, "nothing is published in the transaction that found the other timeline");
  await batch();
  t.is(await rig.rowsLeft(), 0);
});
