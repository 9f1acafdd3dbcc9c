/** What `GET /trace/:correlationId` tells of real requests, whole and in every way in which one can be held up. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { ConsumerOutcomeRow, consumerOutcomes } from "../../mixins/bus/consumer-outcomes.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { consumerQueues, consumers } from "../../services/contracts/consumers.ts";
import { Trace, type TraceVerdict, traceChunkMax } from "../../services/contracts/trace.ts";
import { partitionLockClass } from "../../services/outbox/sql.ts";
import { sweepPublished } from "../../services/outbox/trace.ts";
import { gather } from "../../services/trace/gather.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { openDatabase } from "../support/own-database.ts";
import { done, type Rig, rigOf } from "../support/rig.ts";

const kinds = ["in-process", "rabbitmq"] as const;

const traceOf = async (rig: Rig, id: string): Promise<Trace> => {
  const { status, body } = await rig.http("GET", `/trace/${encodeURIComponent(id)}`);
  if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
  return Trace.parse(body);
};

/** The trace, once its verdict is this. */
const verdictIs = (rig: Rig, id: string, state: TraceVerdict["state"], at?: string) =>
  eventually(
    async () => {
      const trace = await traceOf(rig, id);
      if (trace.verdict.state !== state || (at !== undefined && trace.verdict.at !== at))
        throw new Error(JSON.stringify(trace, undefined, 2));
      return trace;
    },
    { timeoutMs: 30_000 },
  );

interface Created {
  readonly id: string;
  readonly primarySmtp: string;
}

const someone = () => ({ displayName: "Ann", primarySmtp: `ann.${randomUUID()}@example.com` });
const create = (rig: Rig, correlationId: string): Promise<Created> =>
  done<Created>(rig, "POST", "/users", someone(), { "x-correlation-id": correlationId });

const steps = (trace: Trace) => trace.writes[0]?.consumers.map(({ consumer, state }) => [consumer, state]);

/** Every event that waits, and whatever failed, was so a minute ago. */
async function age(rig: Rig): Promise<void> {
  await rig.usersDb.query("update outbox set created_at = created_at - interval '1 minute'");
  await rig.usersDb.query("update published_events set published_at = published_at - interval '1 minute'");
}

for (const kind of kinds) {
  test.serial(`${kind}: a write that has arrived everywhere is complete, with every step`, async (t) => {
    const rig = await rigOf(t, { bus: kind });
    const user = await create(rig, "abc");
    // Of two answers the earlier one may not know yet when; the next question finds it.
    const trace = await eventually(async () => {
      const told = await verdictIs(rig, "abc", "complete");
      assert.ok(told.writes[0]?.consumers.every(({ at }) => at !== null));
      return told;
    });
    t.deepEqual([trace.writes.length, trace.replays, trace.letters, trace.unseen], [1, [], [], []]);
    const [found] = trace.writes;
    t.like(found?.request, { did: "POST /users", actor: "local", idempotency: "no key", replays: 0 });
    t.like(found?.transaction, { userId: user.id, version: 1, eventType: "user.created.v1" });
    t.deepEqual(
      found?.transaction?.changes.map(({ field, to }) => [field, to]),
      [
        ["displayName", "Ann"],
        ["primarySmtp", user.primarySmtp],
        ["secondarySmtps", []],
      ],
    );
    t.like(found?.outbox, { state: "published", attempts: 1, refusal: null });
    t.truthy(found?.outbox?.publishedAt);
    for (const step of found?.consumers ?? [])
      t.like(step, { state: "processed", duplicates: 0, failures: 0, letter: null });
    t.is(found?.addresses?.state, "agree");
    t.deepEqual(
      found?.addresses?.registry?.addresses.map(({ address, kind: as, state }) => [address, as, state]),
      [[user.primarySmtp, "primary", "active"]],
    );
  });

  test.serial(`${kind}: an event that no relay takes is in flight, then stuck at the outbox`, async (t) => {
    const rig = await rigOf(t, { bus: kind });
    const blocker = await rig.usersDb.connect();
    try {
      // As if another relay had every partition and did not come on.
      await blocker.query("select pg_advisory_lock($1, p) from generate_series(0, 63) p", [
        partitionLockClass,
      ]);
      await create(rig, "held");
      const fresh = await verdictIs(rig, "held", "in flight", "outbox");
      t.deepEqual(steps(fresh), [
        ["smtp-registry", "waiting"],
        ["audit", "waiting"],
      ]);
      t.is(fresh.writes[0]?.addresses?.state, "behind");
      await age(rig);
      const { verdict } = await verdictIs(rig, "held", "stuck", "outbox");
      t.true((verdict.sinceS ?? 0) >= 60);
      t.regex(verdict.next, /leaves by itself/);
      await blocker.query("select pg_advisory_unlock_all()");
      await verdictIs(rig, "held", "complete");
    } finally {
      blocker.release();
    }
  });

  test.serial(`${kind}: an event that a consumer does not come to is stuck at that consumer`, async (t) => {
    const rig = await rigOf(t, { bus: kind });
    const blocker = await rig.registryDb.connect();
    try {
      await blocker.query("begin");
      await blocker.query("lock table watermarks in exclusive mode");
      await create(rig, "slow");
      // The audit log has a pace of its own: at the first answer the event may be on its way to it, too.
      const fresh = await eventually(async () => {
        const trace = await verdictIs(rig, "slow", "in flight", "smtp-registry");
        if (steps(trace)?.[1]?.[1] === "waiting") throw new Error("The audit log has not come to it");
        return trace;
      });
      t.deepEqual(steps(fresh), [
        ["smtp-registry", "waiting"],
        ["audit", "processed"],
      ]);
      await age(rig);
      const { verdict } = await verdictIs(rig, "slow", "stuck", "smtp-registry");
      t.true((verdict.sinceS ?? 0) >= 60);
      await blocker.query("rollback");
      await verdictIs(rig, "slow", "complete");
    } finally {
      blocker.release();
    }
  });

  test.serial(
    `${kind}: an event that fails tells how often and why, and is stuck when it lasts`,
    async (t) => {
      const rig = await rigOf(t, { bus: kind, environment: { RETRY_DELAYS_MS: "600000" } });
      await rig.breakRegistry();
      await create(rig, "failing");
      const step = await eventually(async () => {
        const found = (await verdictIs(rig, "failing", "in flight")).writes[0]?.consumers[0];
        if (found?.state !== "retrying") throw new Error(`It is ${found?.state}`);
        return found;
      });
      t.like(step, { consumer: "smtp-registry", failures: 1, letter: null });
      t.regex(step.error ?? "", /P0001/);
      await age(rig);
      t.regex((await verdictIs(rig, "failing", "stuck", "smtp-registry")).verdict.says, /failed .* 1 time:/);
    },
  );

  test.serial(`${kind}: a dead letter is where it is stuck, and its replay makes it complete`, async (t) => {
    const rig = await rigOf(t, { bus: kind });
    await rig.breakRegistry();
    await create(rig, "poison");
    const { verdict, writes } = await verdictIs(rig, "poison", "stuck", "smtp-registry");
    const step = writes[0]?.consumers[0];
    t.like(step, { state: "dead", failures: 3, letter: { status: "pending", reason: "retries-exhausted" } });
    t.true(verdict.next.includes(`POST /dead-letters/${step?.letter?.id}/replay`));
    t.is(writes[0]?.addresses?.state, "behind");
    await rig.mendRegistry();
    t.is((await rig.http("POST", `/dead-letters/${step?.letter?.id}/replay`)).status, 200);
    const after = (await verdictIs(rig, "poison", "complete")).writes[0]?.consumers[0];
    t.like(after, { state: "processed", failures: 3, letter: { status: "replayed", replays: 1 } });
  });
}

test.serial(
  "a dead letter that was discarded has left the sides apart, and the trace tells by whom",
  async (t) => {
    const rig = await rigOf(t);
    await rig.breakRegistry();
    const user = await create(rig, "discarded");
    const { writes } = await verdictIs(rig, "discarded", "stuck");
    const id = writes[0]?.consumers[0]?.letter?.id;
    const gone = await rig.http("DELETE", `/dead-letters/${id}`, { reason: "not needed" });
    t.is(gone.status, 204);
    const { verdict } = await verdictIs(rig, "discarded", "diverged", "smtp-registry");
    t.regex(verdict.says, /local discarded .* \(not needed\)/);
    t.true(verdict.next.includes(`reconciler.repair --userIds.0 ${user.id}`));
  },
);

test.serial("a registry row that was changed by hand is diverged", async (t) => {
  const rig = await rigOf(t);
  const user = await create(rig, "damaged");
  await verdictIs(rig, "damaged", "complete");
  await rig.registryDb.query("update addresses set kind = 'secondary' where user_id = $1", [user.id]);
  const { verdict } = await verdictIs(rig, "damaged", "diverged", "addresses");
  t.true(verdict.next.includes(user.id));
  await rig.registryDb.query("update addresses set kind = 'primary' where user_id = $1", [user.id]);
  await rig.registryDb.query("update watermarks set version = 7 where user_id = $1", [user.id]);
  t.regex((await verdictIs(rig, "damaged", "diverged", "addresses")).verdict.says, /version 7 .* ahead/);
});

test.serial("a repeat under an Idempotency-Key leads to the first request, which counts it", async (t) => {
  const rig = await rigOf(t);
  const body = someone();
  const keyed = (id: string) => ({ "x-correlation-id": id, "idempotency-key": "key-1" });
  const user = await done(rig, "POST", "/users", body, keyed("first"));
  for (const id of ["again", "again", "first"]) {
    const answer = await rig.http("POST", "/users", body, keyed(id));
    t.is(answer.headers.get("idempotent-replayed"), "true");
  }
  const again = await verdictIs(rig, "again", "complete");
  t.deepEqual(again.writes, []);
  t.like(again.replays, [{ action: "users.create", of: "first", times: 2 }]);
  t.true(again.verdict.next.includes("first"));
  const first = await verdictIs(rig, "first", "complete");
  t.like(first.writes[0]?.request, { idempotency: "answer stored", replays: 3 });
  t.is(first.writes.length, 1);

  const same = { ...keyed("same"), "idempotency-key": "key-2" };
  await done(rig, "PATCH", `/users/${user.id}`, { displayName: "Ann" }, same);
  const unchanged = await verdictIs(rig, "same", "complete");
  t.like(unchanged.writes, [{ request: { did: "PATCH /users/:id" }, transaction: null, outbox: null }]);
});

test.serial(
  "several writes under one id are told by user and version, each with its own verdict",
  async (t) => {
    const rig = await rigOf(t);
    const headers = { "x-correlation-id": "day" };
    const users = [await create(rig, "day"), await create(rig, "day")];
    for (const { id } of users) {
      await done(rig, "PATCH", `/users/${id}`, { displayName: "Bea" }, headers);
      await verdictIs(rig, "day", "complete");
      t.is((await rig.http("DELETE", `/users/${id}`, undefined, headers)).status, 204);
    }
    await verdictIs(rig, "day", "complete");
    // No clock has a say in their order.
    await rig.usersDb.query("update published_events set created_at = now() - id * interval '1 hour'");
    const { writes } = await traceOf(rig, "day");
    const order = users.map(({ id }) => id).sort();
    t.deepEqual(
      writes.map(({ transaction, request }) => [transaction?.userId, transaction?.version, request.did]),
      order.flatMap((id) => [
        [id, 1, "POST /users"],
        [id, 2, "PATCH /users/:id"],
        [id, 3, "DELETE /users/:id"],
      ]),
    );
    t.true(writes.every(({ verdict }) => verdict.state === "complete"));
  },
);

test.serial("a repeated event and a late one are told as such", async (t) => {
  const rig = await rigOf(t);
  const user = await create(rig, "repeated");
  await verdictIs(rig, "repeated", "complete");
  const { rows } = await rig.usersDb.query("select event_id from published_events");
  const body = await eventBody(rig, user.id, rows[0].event_id);
  const message = { messageId: rows[0].event_id, correlationId: "repeated", type: "user.created.v1", body };
  for (const queue of consumerQueues) await rig.bus.publishTo(queue, { ...message, headers: {}, replays: 1 });
  const again = (await verdictIs(rig, "repeated", "complete")).writes[0]?.consumers;
  t.deepEqual(
    again?.map(({ state, duplicates }) => [state, duplicates]),
    [
      ["processed", 1],
      ["processed", 1],
    ],
  );
  await done(rig, "PATCH", `/users/${user.id}`, { displayName: "Bea" }, { "x-correlation-id": "later" });
  await verdictIs(rig, "later", "complete");
  await rig.bus.publishTo(consumers["smtp-registry"].queue, { ...message, headers: {}, replays: 1 });
  t.like((await traceOf(rig, "repeated")).writes[0]?.consumers[0], { state: "processed", duplicates: 2 });
});

/** The event as it was published; the outbox has it no more. */
async function eventBody(rig: Rig, userId: string, eventId: string): Promise<Uint8Array> {
  const { body } = await rig.http("GET", `/users/${userId}`);
  const at = body.createdAt;
  return Buffer.from(
    JSON.stringify({
      specversion: "1.0",
      id: eventId,
      source: "/mailroster/users",
      type: "user.created.v1",
      subject: userId,
      time: at,
      correlationid: "repeated",
      sequence: 1,
      data: { user: { ...body, version: 1, deletedAt: null }, changes: [] },
    }),
  );
}

test.serial("while a service is away the rest is told, and what can't be seen is named", async (t) => {
  const rig = await rigOf(t);
  await create(rig, "partly");
  await verdictIs(rig, "partly", "complete");
  const stop = async (name: string) => rig.broker.destroyService(rig.broker.getLocalService(name));
  await stop("smtp-registry");
  const { verdict, unseen, writes } = await verdictIs(rig, "partly", "unknown", "smtp-registry");
  t.deepEqual(unseen, [{ service: "smtp-registry", reason: "can't be asked" }]);
  t.regex(verdict.says, /smtp-registry/);
  t.like(writes[0]?.verdict, { state: "unknown", at: "smtp-registry" });
  t.deepEqual(steps({ writes } as Trace), [
    ["smtp-registry", "unknown"],
    ["audit", "processed"],
  ]);
  t.is(writes[0]?.addresses?.users?.addresses.length, 1);
  await stop("outbox");
  t.is((await traceOf(rig, "partly")).writes[0]?.outbox?.state, "unknown");
  await stop("users");
  const without = await traceOf(rig, "partly");
  t.deepEqual(
    without.unseen.map(({ service }) => service),
    ["users", "outbox", "smtp-registry"],
  );
  t.is(
    without.verdict.says,
    "this trace is incomplete, because users, outbox, smtp-registry can't be reached now",
  );
  t.is(without.writes[0]?.transaction?.changes.length, 3, "the audit log still knows the write");
  const { status, body } = await rig.http("GET", "/trace/never");
  t.deepEqual([status, body.verdict.state, body.writes], [200, "unknown", []]);
});

for (const away of ["users", "outbox", "smtp-registry", "audit", "dead-letters"])
  test.serial(
    `while ${away} alone is away a trace is not complete, and tells what the others know`,
    async (t) => {
      const rig = await rigOf(t);
      await create(rig, "partly");
      await verdictIs(rig, "partly", "complete");
      await rig.broker.destroyService(rig.broker.getLocalService(away));
      const { verdict, unseen, writes } = await traceOf(rig, "partly");
      t.deepEqual(unseen, [{ service: away, reason: "can't be asked" }]);
      t.like(verdict, {
        state: "unknown",
        at: away,
        says: `this trace is incomplete, because ${away} can't be reached now`,
      });
      t.is(writes[0]?.transaction?.eventType, "user.created.v1");
    },
  );

async function isUnknown(t: ExecutionContext, rig: Rig, path: string): Promise<void> {
  const { status, body } = await rig.http("GET", path);
  t.deepEqual([status, body.type], [404, "/problems/not-found"]);
}

test.serial("of an id under which nothing was written a 404 says what that may mean", async (t) => {
  const rig = await rigOf(t);
  const user = await create(rig, "known");
  const { body } = await rig.http("GET", "/trace/never");
  t.regex(body.detail, /only a read, was refused before .*, never arrived, or .*older/);
  await isUnknown(t, rig, "/trace/%20");
  await isUnknown(t, rig, `/trace/${"a".repeat(129)}`);
  const refused = { "x-correlation-id": "refused/with slash?" };
  const clash = { primarySmtp: "postmaster@example.com" };
  t.is((await rig.http("PATCH", `/users/${user.id}`, clash, refused)).status, 409);
  await isUnknown(t, rig, `/trace/${encodeURIComponent(refused["x-correlation-id"].replace(" ", ""))}`);
});

test.serial("what is older than its term is forgotten, and the audit log still tells the way", async (t) => {
  const rig = await rigOf(t);
  await create(rig, "old");
  await create(rig, "young");
  for (const id of ["old", "young"]) await verdictIs(rig, id, "complete");
  await rig.usersDb.query(`
    update published_events set published_at = now() - interval '3 days' where correlation_id = 'old';
    insert into published_events (id, aggregate_id, event_id, type, correlation_id, attempts, created_at, published_at)
    select -n, gen_random_uuid(), gen_random_uuid(), 'x', 'x', 1, now(), now() - interval '1 year'
    from generate_series(1, 1200) n;
    insert into consumer_outcomes (consumer, event_id, result, times, at)
    select 'audit', gen_random_uuid(), 'duplicate', 1, now() - interval '1 day' * (n % 2) * 3 from generate_series(1, 8) n`);
  const db = await openDatabase(rig.config.usersDatabaseUrl ?? "", [ConsumerOutcomeRow]);
  try {
    t.is(await sweepPublished(db, 4), 1200);
    t.is(await sweepPublished(db, 2), 1);
    t.is(await sweepPublished(db, 2), 0);
    const outcomesOf = (consumer: string) =>
      consumerOutcomes(db, { consumer, retentionDays: 2, log: testLogger() });
    t.deepEqual([await outcomesOf("other").sweep(), await outcomesOf("audit").sweep()], [0, 4]);
  } finally {
    await db.close();
  }
  const { writes } = await verdictIs(rig, "old", "complete");
  t.like(writes[0], {
    request: { did: "POST /users", idempotency: "unknown" },
    outbox: { state: "forgotten", publishedAt: null },
  });
  t.is((await traceOf(rig, "young")).writes[0]?.outbox?.state, "published");
});

test("what was requested and not given, and why, stays in the audit entry and the trace", async (t) => {
  const rig = await rigOf(t);
  const { primarySmtp } = await create(rig, randomUUID());
  const id = randomUUID();
  const request = { displayName: "Ann", primarySmtp };
  const answer = await done(rig, "POST", "/users", request, { "x-correlation-id": id });
  const assigned = primarySmtp.replace("@", "2@");
  t.like(answer, { primarySmtp: assigned, requestedSmtp: primarySmtp });
  const { writes } = await verdictIs(rig, id, "complete");
  const { assignments } = answer as unknown as { assignments: { reason: string }[] };
  t.like(assignments[0], { requested: primarySmtp, assigned, kind: "primary" });
  t.deepEqual(writes[0]?.transaction?.assignments, assignments as never);
  const audit = await rig.http("GET", `/audit?correlationId=${id}`);
  t.deepEqual(audit.body.items[0].assignments, assignments);
});

/** So many creates under one id, as an import makes them. */
async function createMany(rig: Rig, correlationId: string, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => index);
  const lane = async (): Promise<void> => {
    for (let index = numbers.pop(); index !== undefined; index = numbers.pop())
      await done(rig, "POST", "/users", someone(), {
        "x-correlation-id": correlationId,
        "idempotency-key": `${correlationId}-${index}`,
      });
  };
  await Promise.all(Array.from({ length: 20 }, lane));
}

/** Page by page, as a client reads them. */
async function pagesOf(rig: Rig, id: string): Promise<Trace[]> {
  const pages: Trace[] = [];
  for (let query = ""; query !== "end"; ) {
    const { status, body } = await rig.http("GET", `/trace/${id}${query}`);
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    const page = Trace.parse(body);
    pages.push(page);
    query = page.nextCursor === null ? "end" : `?cursor=${page.nextCursor}`;
  }
  return pages;
}

const placesOf = (pages: readonly Trace[]): string[] =>
  pages.flatMap(({ writes }) => writes.map(({ transaction }) => `${transaction?.userId}`));

test.serial("201 writes under one id are all told, in pages, and blame no service", async (t) => {
  const rig = await rigOf(t);
  await createMany(rig, "import", 201);
  const { total, counts } = await verdictIs(rig, "import", "complete");
  t.deepEqual([total, counts?.complete], [201, 201]);
  const pages = await pagesOf(rig, "import");
  t.deepEqual(
    pages.map(({ writes }) => writes.length),
    [100, 100, 1],
  );
  const places = placesOf(pages);
  t.deepEqual(places, [...new Set(places)].toSorted());
  for (const { verdict, unseen } of pages) t.deepEqual([verdict.state, unseen], ["complete", []]);
  for (const { request } of pages.flatMap(({ writes }) => writes)) t.is(request.idempotency, "answer stored");
  const short = (await rig.http("GET", "/trace/import?limit=7")).body;
  t.deepEqual([short.writes.length, short.total, short.counts.complete], [7, 201, 201]);
  t.is((await rig.http("GET", "/trace/import?limit=101")).status, 422);
  t.is((await rig.http("GET", "/trace/import?cursor=abc")).status, 422);
});

test.serial(
  "of thousands of writes each is counted by its verdict, and what was not looked at is unknown",
  async (t) => {
    const rig = await rigOf(t);
    const count = 2_600; // in three parts
    await createMany(rig, "large", count);
    const ask = (withinMs: number): Promise<Trace> =>
      callAction(rig.broker, "trace.explain", { correlationId: "large", withinMs }, { timeout: 60_000 });
    await eventually(
      async () => {
        const { counts } = await ask(60_000);
        if (counts?.complete !== count) throw new Error(JSON.stringify(counts));
      },
      { timeoutMs: 60_000 },
    );
    const [last = ""] = placesOf(await pagesOf(rig, "large")).slice(-1);
    await rig.registryDb.query("delete from addresses where user_id = $1", [last]);
    // On a busy machine a service may not answer for a part in its time, which is then unknown.
    const whole = await eventually(
      async () => {
        const trace = await ask(60_000);
        if (trace.counts?.unknown !== 0) throw new Error(JSON.stringify(trace.counts));
        return trace;
      },
      { timeoutMs: 60_000 },
    );
    t.deepEqual(whole.counts, { complete: count - 1, diverged: 1, stuck: 0, unknown: 0, "in flight": 0 });
    t.deepEqual([whole.total, whole.verdict.state, whole.unseen], [count, "diverged", []]);
    const hasty = await ask(0);
    t.deepEqual(hasty.counts, { complete: 500, diverged: 0, stuck: 0, unknown: count - 500, "in flight": 0 });
    t.is(hasty.verdict.state, "unknown");
    t.regex(hasty.verdict.says, /^2100 of 2600 writes were not looked at in time$/);
  },
);

test.serial("who does not understand the question is there, and is told as such", async (t) => {
  const rig = await rigOf(t);
  const { facts } = await gather(rig.broker, "abc", null, traceChunkMax + 1);
  t.deepEqual(
    facts.unseen.map(({ service }) => service),
    ["outbox", "audit"],
  );
  for (const { reason } of facts.unseen) t.regex(reason, /^does not understand the question/);
});
