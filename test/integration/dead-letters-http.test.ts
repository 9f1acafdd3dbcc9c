/** The rows of the dead letters over HTTP, on the real service. */
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import anyTest, { type ExecutionContext } from "ava";
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import type { DeadLetter } from "../../mixins/bus/port.ts";
import { consumers } from "../../services/contracts/consumers.ts";
import { DeadLetterCauses, DeadLetterDetail } from "../../services/contracts/dead-letters.ts";
import { sweepSettled } from "../../services/dead-letters/upkeep.ts";
import { eventually } from "../support/eventually.ts";
import { letterOf as anyLetter, letterById, lettersOf, pendingByQueue } from "../support/letters.ts";
import { nextOf } from "../support/links.ts";
import { openDatabase } from "../support/own-database.ts";
import { rigOf } from "../support/rig.ts";

// One system at a time: each is eight services and two databases.
const test = anyTest.serial;
const dayMs = 86_400_000;

const letterOf = (parts: Partial<DeadLetter> = {}): DeadLetter =>
  anyLetter({ headers: { "x-attempts": 6, note: "a\0b", "x-death": [{ count: 1 }] }, ...parts });

async function rigWith(t: ExecutionContext, letters: readonly DeadLetter[]) {
  const rig = await rigOf(t);
  const db = await openDatabase(rig.config.usersDatabaseUrl ?? "", [DeadLetterRecord]);
  t.teardown(() => db.close());
  const store = (letter: DeadLetter) => db.transaction((em) => storeDeadLetter(em, letter));
  for (const letter of letters) await store(letter);
  return { ...rig, db, store };
}

test("pages go from the newest letter to the oldest without a gap or a repeat, also of one queue or status", async (t) => {
  const queues = [consumers.audit.queue, consumers["smtp-registry"].queue];
  const stored = Array.from({ length: 11 }, (_, index) =>
    letterOf({ queue: queues[index % 2] ?? "", messageId: `m-${index}` }),
  );
  const rig = await rigWith(t, stored);
  const walk = async (filter: string): Promise<string[]> => {
    const seen: string[] = [];
    for (let path: string | undefined = `/dead-letters?limit=3${filter}`; path !== undefined; ) {
      const { body, headers } = await rig.http("GET", path);
      t.true(body.items.length <= 3);
      seen.push(...body.items.map(({ eventId }: { eventId: string }) => eventId));
      path = nextOf(headers);
      t.is(path === undefined, body.nextCursor === null);
    }
    return seen;
  };
  const all = stored.map(({ messageId }) => messageId ?? "").toReversed();
  t.deepEqual(await walk(""), all);
  t.deepEqual(
    await walk(`&queue=${consumers["smtp-registry"].queue}`),
    all.filter((_, index) => index % 2 === 1),
  );
  t.deepEqual(
    await walk(`&queue=${consumers["smtp-registry"].queue}.dlq`),
    all.filter((_, index) => index % 2 === 1),
  );
  t.deepEqual(await walk("&status=all"), all);
  t.deepEqual(await walk("&status=replayed"), []);
  t.deepEqual(await walk("&queue=none"), []);
  for (const query of ["cursor=nonsense", "limit=0", "status=lost", "nope=1", "queue="])
    t.is((await rig.http("GET", `/dead-letters?${query}`)).status, 422, query);
});

test("what is pending is listed by cause, however the errors name their particulars, and found by it", async (t) => {
  const times = (hour: string) => ({
    firstFailedAt: new Date(`2026-11-01T${hour}:00:00.000Z`),
    lastFailedAt: new Date(`2026-11-01T${hour}:30:00.000Z`),
  });
  const rig = await rigWith(t, [
    letterOf({ messageId: "a", error: "no room for 17 of user 4", ...times("10") }),
    letterOf({ messageId: "b", error: "no room for 2 of user 99", ...times("12") }),
    letterOf({ messageId: "c", error: "no room at all", ...times("11") }),
    letterOf({ messageId: "d", error: "no room for 5 of user 7", ...times("09") }),
  ]);
  const [settled, other, newest] = await lettersOf(rig, 4);
  await rig.http("DELETE", `/dead-letters/${settled?.id}?reason=no`);
  const { body } = await rig.http("GET", "/dead-letters/causes");
  const { items } = DeadLetterCauses.parse(body);
  t.deepEqual(
    items.map(({ letters, error, exampleId, firstFailedAt, lastFailedAt }) => [
      letters,
      error,
      exampleId,
      firstFailedAt,
      lastFailedAt,
    ]),
    [
      [2, "no room for 2 of user 99", newest?.id, "2026-11-01T10:00:00.000Z", "2026-11-01T12:30:00.000Z"],
      [1, "no room at all", other?.id, "2026-11-01T11:00:00.000Z", "2026-11-01T11:30:00.000Z"],
    ],
  );
  const found = await lettersOf(rig, 2, `status=pending&cause=${items[0]?.cause}`);
  t.deepEqual(
    found.map(({ eventId }) => eventId),
    ["b", "a"],
  );
  t.is((await rig.http("GET", "/dead-letters?cause=no%20room")).status, 422);
  t.is((await rig.http("DELETE", "/dead-letters/causes")).status, 405);
});

test("a letter shows the event, why and when it failed, its headers and its body", async (t) => {
  const letter = letterOf();
  const rig = await rigWith(t, [
    letter,
    letterOf({ messageId: undefined, body: Buffer.from([0, 255, 254]) }),
  ]);
  const [binary, json] = await lettersOf(rig, 2);
  const shown = DeadLetterDetail.parse(await letterById(rig, json?.id ?? ""));
  const event = JSON.parse(Buffer.from(letter.body).toString());
  t.like(shown, {
    queue: consumers.audit.queue,
    status: "pending",
    eventId: letter.messageId,
    eventType: event.type,
    userId: event.subject,
    correlationId: letter.correlationId,
    reason: letter.reason,
    error: letter.error,
    attempts: 6,
    replays: 0,
    firstFailedAt: "2026-11-01T10:00:00.000Z",
    lastFailedAt: "2026-11-01T10:12:00.000Z",
    payloadEncoding: "json",
    discarded: null,
  });
  t.deepEqual(shown.payload, event);
  t.deepEqual(shown.headers, { "x-attempts": 6, note: "a\u{fffd}b", "x-death": [{ count: 1 }] });
  t.is(binary?.cause, json?.cause);
  t.like(await letterById(rig, binary?.id ?? ""), {
    payload: "AP/+",
    payloadEncoding: "base64",
    eventId: null,
    userId: null,
  });
});

test("a discard takes its reason from the body or the query, and keeps who, when, why and the correlation id", async (t) => {
  const rig = await rigWith(
    t,
    ["a", "b", "c"].map((messageId) => letterOf({ messageId })),
  );
  const [third, second, first] = await lettersOf(rig, 3);
  const path = `/dead-letters/${first?.id}`;
  const refusals: [body: unknown, query: string][] = [
    [{ reason: "" }, ""],
    [{ reason: "  " }, ""],
    [{ reason: 7 }, ""],
    [{ reason: "x".repeat(501) }, ""],
    [undefined, "?reason="],
    [{ reason: "a" }, "?reason=b"],
  ];
  for (const [body, query] of refusals) {
    const answer = await rig.http("DELETE", path + query, body);
    t.is(answer.status, 422, JSON.stringify([body, query]));
    const place = query === "" ? { pointer: "#/reason" } : { parameter: "reason" };
    t.like(answer.body.errors[0], place);
  }
  t.is((await rig.http("DELETE", path, { reason: "a", id: randomUUID() })).status, 422);
  t.is((await letterById(rig, first?.id ?? "")).status, "pending");

  const headers = { "x-correlation-id": "discard-1" };
  const answer = await rig.http("DELETE", path, { reason: "handled by hand" }, headers);
  t.is(answer.status, 204);
  t.is(answer.body, undefined);
  const shown = await letterById(rig, first?.id ?? "");
  t.like(shown, {
    status: "discarded",
    discarded: { by: "local", reason: "handled by hand", correlationId: "discard-1" },
  });
  t.true(Math.abs(Date.now() - new Date(shown.discarded.at).getTime()) < 60_000);
  const told = rig.lines.filter(({ msg }) => msg === "dead letter discarded");
  t.is(told.length, 1);
  t.like(told[0], {
    deadLetterId: first?.id,
    by: "local",
    reason: "handled by hand",
    correlationId: "discard-1",
  });

  t.is((await rig.http("DELETE", `/dead-letters/${second?.id}?reason=a%20duplicate`)).status, 204);
  t.like((await letterById(rig, second?.id ?? "")).discarded, { by: "local", reason: "a duplicate" });
  t.is((await rig.http("DELETE", `/dead-letters/${third?.id}`)).status, 204);
  t.like((await letterById(rig, third?.id ?? "")).discarded, { by: "local", reason: "none given" });
  t.deepEqual(
    (await rig.http("GET", "/dead-letters")).body.items,
    [],
    "nobody has to decide on them any more",
  );
  await lettersOf(rig, 3, "status=discarded");
});

test("what is settled can be neither replayed nor discarded, and what is not there is not found", async (t) => {
  const rig = await rigWith(t, [letterOf({ messageId: "a" }), letterOf({ messageId: "b" })]);
  const [replayed, discarded] = await lettersOf(rig, 2);
  t.is((await rig.http("POST", `/dead-letters/${replayed?.id}/replay`)).status, 200);
  t.is((await rig.http("DELETE", `/dead-letters/${discarded?.id}?reason=no`)).status, 204);
  for (const id of [replayed?.id, discarded?.id]) {
    const again = await rig.http("POST", `/dead-letters/${id}/replay`);
    t.like(again, { status: 409, body: { type: "/problems/dead-letter-settled" } });
    t.is((await rig.http("DELETE", `/dead-letters/${id}?reason=no`)).status, 409);
  }
  for (const id of [randomUUID(), "7"]) {
    t.is((await rig.http("GET", `/dead-letters/${id}`)).status, 404);
    t.is((await rig.http("POST", `/dead-letters/${id}/replay`)).status, 404);
    t.is((await rig.http("DELETE", `/dead-letters/${id}?reason=no`)).status, 404);
  }
  t.is(
    (await rig.http("PUT", `/dead-letters/${replayed?.id}`, {})).headers.get("allow"),
    "GET, HEAD, DELETE, OPTIONS",
  );
});

test("a replay or discard repeated under its Idempotency-Key takes effect once and gets the first answer", async (t) => {
  const rig = await rigWith(t, [letterOf({ messageId: "a" }), letterOf({ messageId: "b" })]);
  const [one, two] = await lettersOf(rig, 2);
  const replay = () =>
    rig.http("POST", `/dead-letters/${one?.id}/replay`, undefined, { "idempotency-key": "r" });
  const [first, second] = [await replay(), await replay()];
  t.deepEqual([first.status, second.status], [200, 200]);
  t.is(second.headers.get("idempotent-replayed"), "true");
  t.deepEqual(second.body, first.body);
  t.is((await letterById(rig, one?.id ?? "")).replays, 1);
  const discard = (reason: string) =>
    rig.http("DELETE", `/dead-letters/${two?.id}`, { reason }, { "idempotency-key": "d" });
  t.deepEqual([(await discard("a")).status, (await discard("a")).status], [204, 204]);
  t.is((await discard("b")).body.type, "/problems/idempotency-key-reused");
  t.is((await letterById(rig, two?.id ?? "")).discarded.reason, "a");
});

test("two replays at once are harmless, and the letter counts one", async (t) => {
  const rig = await rigWith(t, [letterOf()]);
  const [letter] = await lettersOf(rig, 1);
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => rig.http("POST", `/dead-letters/${letter?.id}/replay`)),
  );
  for (const { status } of answers) t.true(status === 200 || status === 409, `${status}`);
  t.like(await letterById(rig, letter?.id ?? ""), { status: "replayed", replays: 1 });
  const { rows } = await rig.usersDb.query("select count(*)::int as entries from audit_entries");
  t.is(rows[0]?.entries, 1);
});

test("a replay that the bus does not take is a 503, and the letter stays pending", async (t) => {
  const rig = await rigWith(t, [letterOf({ queue: "nobody.reads.this" })]);
  const [letter] = await lettersOf(rig, 1);
  const answer = await rig.httpOnce("POST", `/dead-letters/${letter?.id}/replay`);
  t.is(answer.status, 503);
  t.truthy(answer.headers.get("retry-after"));
  t.like(await letterById(rig, letter?.id ?? ""), { status: "pending", replays: 0 });
});

test("a letter older than the last replay, or than the decision to discard it, changes nothing", async (t) => {
  const [replayed, discarded] = [letterOf({ messageId: "a" }), letterOf({ messageId: "b" })];
  const rig = await rigWith(t, [replayed, discarded]);
  const [b, a] = await lettersOf(rig, 2);
  await rig.http("POST", `/dead-letters/${a?.id}/replay`);
  await rig.http("DELETE", `/dead-letters/${b?.id}?reason=no`);
  t.false(await rig.store(replayed));
  t.false(await rig.store(discarded));
  t.like(await letterById(rig, a?.id ?? ""), { status: "replayed", replays: 1 });
  t.like(await letterById(rig, b?.id ?? ""), { status: "discarded" });
  t.true(await rig.store({ ...replayed, replays: 1, attempts: 2 }));
  t.like(await letterById(rig, a?.id ?? ""), { status: "pending", replays: 1, attempts: 2 });
  t.false(await rig.store({ ...replayed, replays: 1 }));
  // Published, and its process killed before it could mark the row: the letter itself tells of the replay.
  t.true(await rig.store({ ...replayed, replays: 2 }));
  t.like(await letterById(rig, a?.id ?? ""), { status: "pending", replays: 2 });
});

test("what was settled leaves the table after its term, what is pending never does", async (t) => {
  const rig = await rigWith(
    t,
    ["a", "b", "c"].map((messageId) => letterOf({ messageId })),
  );
  const [pending, replayed, discarded] = await lettersOf(rig, 3);
  await rig.http("POST", `/dead-letters/${replayed?.id}/replay`);
  await rig.http("DELETE", `/dead-letters/${discarded?.id}?reason=no`);
  const sweepAfter = (days: number) => sweepSettled(rig.db, () => new Date(Date.now() + days * dayMs), 30);
  t.is(await sweepAfter(29), 0);
  t.is(await sweepAfter(31), 2);
  t.deepEqual(
    (await lettersOf(rig, 1)).map(({ id }) => id),
    [pending?.id],
  );
  await eventually(async () => assert.equal((await pendingByQueue(rig))[consumers.audit.queue], 1));
});
