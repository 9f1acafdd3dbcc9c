/** Replays of all letters of a cause, over HTTP on the real service: bounded, one at a time, kept with what came back. */
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import anyTest, { type ExecutionContext } from "ava";
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import type { DeadLetter } from "../../mixins/bus/port.ts";
import type { LetterReplay } from "../../services/contracts/replays.ts";
import { LetterReplayRow, ReplayedLetter } from "../../services/dead-letters/entities.ts";
import { sweepReplays } from "../../services/dead-letters/upkeep.ts";
import { eventually } from "../support/eventually.ts";
import { held } from "../support/held.ts";
import { letterOf, lettersOf } from "../support/letters.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, rigOf } from "../support/rig.ts";

// One system at a time: each is eight services and two databases.
const test = anyTest.serial;
const dayMs = 86_400_000;
const path = "/dead-letters/replays";

async function rigWith(t: ExecutionContext, letters: readonly DeadLetter[]) {
  const rig = await rigOf(t);
  const entities = [DeadLetterRecord, LetterReplayRow, ReplayedLetter];
  const db = await openDatabase(rig.config.usersDatabaseUrl ?? "", entities);
  t.teardown(() => db.close());
  for (const letter of letters) await db.transaction((em) => storeDeadLetter(em, letter));
  const stored = await lettersOf(rig, letters.length);
  return { ...rig, db, cause: stored[0]?.cause ?? "" };
}

const told = async (rig: Pick<Rig, "http">, location: string): Promise<LetterReplay> => {
  const { status, body } = await rig.http("GET", location);
  assert.equal(status, 200);
  return body as LetterReplay;
};

const ended = (rig: Pick<Rig, "http">, location: string): Promise<LetterReplay> =>
  eventually(async () => {
    const replay = await told(rig, location);
    assert.notEqual(replay.status, "running");
    return replay;
  });

async function begun(rig: Pick<Rig, "http">, body: unknown): Promise<string> {
  const answer = await rig.http("POST", path, body);
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  const location = answer.headers.get("location") ?? "";
  assert.equal(location, `${path}/${answer.body.id}`);
  return location;
}

const pending = async (rig: Rig): Promise<string[]> =>
  (await lettersOf(rig, (await rig.http("GET", "/dead-letters")).body.items.length, "status=pending")).map(
    ({ eventId }) => eventId ?? "",
  );

/** The letter can't be marked as replayed until the returned function is called. */
const heldUp = (t: ExecutionContext, rig: Rig) => held(t, rig.usersDb, "select from dead_letters for update");

/** As a process that is gone leaves it: the server ends its sessions, and with them the lock. */
async function lockLost(rig: Rig): Promise<void> {
  const { rows } = await rig.usersDb.query(`
    select pg_terminate_backend(pid) from pg_locks
     where locktype = 'advisory' and objsubid = 1 and classid = ${0x646c_7270}::oid
       and database = (select oid from pg_database where datname = current_database())`);
  assert.equal(rows.length, 1);
}

test("a replay of a cause sends the oldest that failed before, at most so many, tells how many, and is on record", async (t) => {
  const late = { lastFailedAt: new Date("2026-11-02T10:00:00.000Z") };
  const rig = await rigWith(t, [
    ...["a", "b", "c"].map((messageId) => letterOf({ messageId })),
    letterOf({ messageId: "late", ...late }),
    letterOf({ messageId: "other", error: "TypeError" }),
  ]);
  const { cause } = (await lettersOf(rig, 5)).find(({ eventId }) => eventId === "a") ?? {};
  const failedBefore = "2026-11-02T00:00:00.000Z";

  const two = await ended(rig, await begun(rig, { cause, failedBefore, max: 2 }));
  t.like(two, { cause, failedBefore, max: 2, status: "done", error: null, startedBy: "local" });
  t.like(two, { letters: 2, replayed: 2, cameBack: 0 });
  t.deepEqual((await pending(rig)).sort(), ["c", "late", "other"]);

  t.like(await ended(rig, await begun(rig, { cause, failedBefore })), {
    letters: 1,
    replayed: 1,
    max: 1_000,
  });
  t.like(await ended(rig, await begun(rig, { cause })), { letters: 1, replayed: 1 });
  t.like(await ended(rig, await begun(rig, { cause })), { status: "done", letters: 0, replayed: 0 });
  t.deepEqual(await pending(rig), ["other"]);
  await eventually(async () => {
    const { body } = await rig.http("GET", "/activity");
    const deeds = body.items.filter(
      ({ action }: { action: string }) => action === "dead-letters.replay-cause",
    );
    assert.equal(deeds.length, 4);
    assert.deepEqual(deeds.at(-1).target, { kind: "cause", id: cause });
    assert.deepEqual(
      [deeds.at(-1).principal, deeds.at(-1).scope, deeds.at(-1).reason],
      ["local", "letters:write", `at most 2 letters that failed before ${failedBefore}`],
    );
  });
});

test("what fails again is counted as come back, once, whatever is decided on it then", async (t) => {
  const rig = await rigWith(
    t,
    ["a", "b", "c"].map((messageId) =>
      letterOf({ messageId, body: Buffer.from("no event"), reason: "not-json" }),
    ),
  );
  const location = await begun(rig, { cause: rig.cause });
  await eventually(async () => assert.equal((await told(rig, location)).cameBack, 3));
  t.like(await ended(rig, location), { status: "done", letters: 3, replayed: 3 });
  const [one, two] = await lettersOf(rig, 3, "status=pending");
  t.is((await rig.http("DELETE", `/dead-letters/${one?.id}?reason=no`)).status, 204);
  t.is((await rig.http("POST", `/dead-letters/${two?.id}/replay`)).status, 200);
  t.like(await told(rig, location), { replayed: 3, cameBack: 3 });
});

test("one replay of a cause runs at a time in an installation, others beside it, and a repeat begins no other", async (t) => {
  const rig = await rigWith(t, [
    letterOf({ messageId: "a" }),
    letterOf({ messageId: "b", error: "TypeError" }),
  ]);
  const [b, a] = await lettersOf(rig, 2);
  const other = await rig.another();
  const release = await heldUp(t, rig);
  const key = { "idempotency-key": "replay-1" };
  const first = await rig.http("POST", path, { cause: a?.cause }, key);
  t.like(first, { status: 202, body: { status: "running", letters: 1, replayed: 0 } });
  const busy = await other.http("POST", path, { cause: a?.cause });
  t.like(busy, { status: 409, body: { type: "/problems/replay-running" } });
  const beside = await begun(other, { cause: b?.cause });
  const again = await other.http("POST", path, { cause: a?.cause }, key);
  t.is(again.headers.get("idempotent-replayed"), "true");
  t.is(again.body.id, first.body.id);
  await release();
  for (const location of [beside, `${path}/${first.body.id}`])
    t.like(await ended(other, location), { status: "done", replayed: 1 });
});

/** A replay of another process is held up and called interrupted, and the next is begun. */
async function interrupted(t: ExecutionContext, rig: Awaited<ReturnType<typeof rigWith>>) {
  const other = await rig.another();
  const release = await heldUp(t, rig);
  const location = await begun(other, { cause: rig.cause });
  await lockLost(rig);
  await eventually(async () => assert.equal((await told(rig, location)).status, "interrupted"));
  const next = await begun(rig, { cause: rig.cause });
  return { other, release, location, next };
}

test("a replay whose process has ended is interrupted, and another goes on with what is left", async (t) => {
  const rig = await rigWith(
    t,
    ["a", "b", "c"].map((messageId) => letterOf({ messageId })),
  );
  const { other, release, location, next } = await interrupted(t, rig);
  t.is((await told(rig, next)).letters, 3);
  await release();
  t.like(await ended(rig, next), { status: "done", error: null });
  t.deepEqual(await pending(rig), []);
  await other.stop();
  t.is((await told(rig, location)).status, "interrupted");
});

test("a replay that was called interrupted stays so, though its process lives and comes to its end", async (t) => {
  const rig = await rigWith(t, [letterOf({ messageId: "a" })]);
  const { other, release, location, next } = await interrupted(t, rig);
  await release();
  t.like(await ended(rig, next), { status: "done" });
  // It waits for what it does to end.
  await other.stop();
  t.like(await told(rig, location), { status: "interrupted", endedAt: null, error: null });
});

test("a replay that the bus does not take has failed with why, and its letters stay pending", async (t) => {
  const rig = await rigWith(t, [letterOf({ queue: "nobody.reads.this" })]);
  const replay = await ended(rig, await begun(rig, { cause: rig.cause }));
  t.like(replay, { status: "failed", letters: 1, replayed: 0, cameBack: 0 });
  t.regex(replay.error ?? "", /Cannot replay the dead letter/);
  t.is((await pending(rig)).length, 1);
});

test("a cause that no letter has, or a bound too high, is refused, and an old replay is swept with what it sent", async (t) => {
  const rig = await rigWith(t, [letterOf()]);
  const { cause } = rig;
  for (const body of [
    {},
    { cause: "never-seen" },
    { cause: "a b" },
    { cause, max: 0 },
    { cause, max: 10_001 },
    { cause, failedBefore: "yesterday" },
    { cause, all: true },
  ])
    t.is((await rig.http("POST", path, body)).status, 422, JSON.stringify(body));
  for (const id of [randomUUID(), "no-uuid"]) t.is((await rig.http("GET", `${path}/${id}`)).status, 404);
  const location = await begun(rig, { cause });
  t.is((await ended(rig, location)).replayed, 1);
  const sweepAfter = (days: number) => sweepReplays(rig.db, () => new Date(Date.now() + days * dayMs), 30);
  t.is(await sweepAfter(29), 0);
  t.is(await sweepAfter(31), 2);
  t.is((await rig.http("GET", location)).status, 404);
});
