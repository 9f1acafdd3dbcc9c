/** The bus port's promise, kept within one process; its dead letters go to a real table. */
import { MikroORM } from "@mikro-orm/postgresql";
import anyTest, { type TestFn } from "ava";
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import { inProcessBus } from "../../mixins/bus/in-process.ts";
import { type EntityManager, ormOptions } from "../../mixins/postgres/database.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { testDatabase } from "../support/resources.ts";
import { busConformance, done, message, names, opened, publishAll, recorder } from "./bus-conformance.ts";

const test = anyTest as TestFn;
const database = await testDatabase();
await migrate("users", database.url);
const orm = await MikroORM.init(
  ormOptions({
    url: database.url,
    entities: [DeadLetterRecord],
    applicationName: "bus-in-process-test",
    poolMax: 4,
    statementTimeoutMs: 5_000,
  }),
);
const em = () => orm.em.fork() as EntityManager;

test.after.always(async () => {
  await orm.close();
  await database.drop();
});

const letters = async (queue: string) =>
  (await em().find(DeadLetterRecord, { queue })).map((record) => ({
    messageId: record.messageId ?? undefined,
    correlationId: record.correlationId ?? undefined,
    routingKey: record.routingKey,
    body: Buffer.from(record.body).toString(),
    reason: record.reason,
    error: record.error,
    attempts: record.attempts,
    firstFailedAt: record.firstFailedAt,
    lastFailedAt: record.lastFailedAt,
  }));

const maker = {
  letters,
  make: (options: Parameters<Parameters<typeof busConformance>[1]["make"]>[0]) =>
    inProcessBus({ ...options, deadLetter: (letter) => storeDeadLetter(em(), letter) }),
};

busConformance(test, maker);

test("a letter that can't be stored is not settled: the event stays with the publisher", async (t) => {
  const { type, queue } = names();
  let broken = true;
  const { bus, subscribe } = opened(
    t,
    {
      make: (options) =>
        inProcessBus({
          ...options,
          deadLetter: async (letter) => {
            if (broken) throw new Error("no table");
            await storeDeadLetter(em(), letter);
          },
        }),
    },
    { queues: [{ queue, bindings: [type] }] },
  );
  subscribe(queue, recorder(() => ({ kind: "dead", reason: "unparsable", error: "no" })).handler);
  t.is((await bus.publish([message(type, 0)]))[0]?.status, "refused");
  broken = false;
  await publishAll(bus, [message(type, 0)]);
  t.is((await letters(queue)).length, 1);
});

test("a retry is refused with the time that is left, also when published before it", async (t) => {
  const { type, queue } = names();
  const { bus, subscribe } = opened(t, maker, {
    queues: [{ queue, bindings: [type] }],
    retryDelaysMs: [60_000],
  });
  const record = recorder(() => ({ kind: "retry", error: "no" }));
  subscribe(queue, record.handler);
  for (let round = 0; round < 3; round += 1) {
    const [outcome] = await bus.publish([message(type, 0)]);
    const retryAfterMs = outcome?.status === "refused" ? (outcome.retryAfterMs ?? 0) : 0;
    t.true(retryAfterMs > 40_000 && retryAfterMs <= 60_000);
  }
  t.is(record.seen.length, 1);
});

test("a confirmed event that is published again is handed out again", async (t) => {
  const { type, queue } = names();
  const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
  const record = recorder(() => done);
  subscribe(queue, record.handler);
  await publishAll(bus, [message(type, 0)]);
  await publishAll(bus, [message(type, 0)]);
  t.is(record.seen.length, 2);
});

test("a letter stored twice is one record, with the first and the last failure", async (t) => {
  const { type, queue } = names();
  const letter = {
    queue,
    messageId: "same",
    correlationId: "c",
    routingKey: type,
    body: Buffer.from([0, 255, 1]),
    reason: "retries-exhausted",
    error: "with a \0 in it",
    attempts: 2,
    firstFailedAt: new Date("2026-01-01T00:00:00.123Z"),
    lastFailedAt: new Date("2026-01-01T00:00:01.456Z"),
  };
  await storeDeadLetter(em(), letter);
  const again = {
    ...letter,
    firstFailedAt: new Date("2026-01-02T00:00:00Z"),
    lastFailedAt: new Date("2026-01-02T00:00:00Z"),
  };
  await storeDeadLetter(em(), { ...again, attempts: 1 });
  const records = await em().find(DeadLetterRecord, { queue });
  t.is(records.length, 1);
  t.deepEqual(records[0]?.firstFailedAt, letter.firstFailedAt);
  t.deepEqual(records[0]?.lastFailedAt, again.lastFailedAt);
  t.is(records[0]?.attempts, 2);
  t.deepEqual([...(records[0]?.body ?? [])], [0, 255, 1]);
  await storeDeadLetter(em(), { ...letter, body: Buffer.from("another") });
  t.is(await em().count(DeadLetterRecord, { queue }), 2);
});
