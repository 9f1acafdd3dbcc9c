/** RabbitMQ's `<queue>.dlq` and the table behind it: whatever lies there is stored once, and only then gone. */
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import type { ConfirmChannel, Options } from "amqplib";
import amqp from "amqplib";
import anyTest from "ava";
import pg from "pg";
import { consumers } from "../../services/contracts/consumers.ts";
import { amqpHeader, deadLetterQueue } from "../../services/contracts/headers.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { held } from "../support/held.ts";
import { letterById, lettersOf } from "../support/letters.ts";
import { Processes } from "../support/processes.ts";
import { testDatabase, testVhost } from "../support/resources.ts";
import { rigOf } from "../support/rig.ts";

// One system at a time: each is eight services and two databases.
const test = anyTest.serial;
const audit = consumers.audit.queue;
const dlq = deadLetterQueue(audit);
const failedAt = "2026-11-01T10:00:00.123Z";

const put = (channel: ConfirmChannel, queue: string, body: Buffer, properties: Options.Publish = {}) =>
  new Promise<void>((resolve, reject) => {
    channel.publish("", queue, body, { persistent: true, ...properties }, (error: unknown) =>
      error ? reject(error) : resolve(),
    );
  });

const ourHeaders = {
  [amqpHeader.attempts]: 3,
  [amqpHeader.reason]: "retries-exhausted",
  [amqpHeader.error]: "DriverException 22P05",
  [amqpHeader.firstFailedAt]: failedAt,
  [amqpHeader.lastFailedAt]: failedAt,
};

test("a letter that lies twice in the queue is stored once, and the queue is empty then", async (t) => {
  const rig = await rigOf(t, { bus: "rabbitmq" });
  const event = userEvent();
  const body = Buffer.from(JSON.stringify(event));
  const properties = { messageId: event.id, correlationId: "twice", headers: ourHeaders };
  await rig.withChannel(async (channel) => {
    await put(channel, dlq, body, properties);
    await put(channel, dlq, body, properties);
    const [letter] = await lettersOf(rig, 1);
    t.like(letter, { eventId: event.id, correlationId: "twice", attempts: 3, firstFailedAt: failedAt });
    await eventually(async () => assert.equal((await channel.checkQueue(dlq)).messageCount, 0));
  });
  await lettersOf(rig, 1);
  t.is(rig.lines.filter(({ level }) => level === "error").length, 0);
});

test("a letter that RabbitMQ made itself is stored with its reason, and told in one error line", async (t) => {
  const rig = await rigOf(t, { bus: "rabbitmq" });
  const event = userEvent();
  await rig.withChannel(async (channel) => {
    const { queue } = await channel.assertQueue("", {
      exclusive: true,
      arguments: { "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dlq, "x-message-ttl": 1 },
    });
    const properties = { messageId: event.id, correlationId: "by-broker", type: event.type };
    await put(channel, queue, Buffer.from(JSON.stringify(event)), properties);
    const [letter] = await lettersOf(rig, 1);
    t.like(letter, { queue: audit, eventId: event.id, reason: "broker-expired", userId: event.subject });
    const shown = await letterById(rig, letter?.id ?? "");
    t.is(shown.routingKey, event.type);
    t.is(shown.headers["x-death"][0].queue, queue);
  });
  const told = rig.lines.filter(({ level }) => level === "error");
  t.is(told.length, 1);
  t.like(told[0], { correlationId: "by-broker", eventId: event.id, queue: audit, reason: "broker-expired" });
});

test("what is no letter of ours, and what can't be stored, keep nothing back behind them", async (t) => {
  const rig = await rigOf(t, { bus: "rabbitmq" });
  await rig.usersDb.query(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'refused'; end $$`);
  await rig.usersDb.query(`create trigger refuse before insert on dead_letters for each row
    when (new.message_id = 'unstorable') execute function refuse()`);
  // While the first one waits for the table, the others come together.
  const release = await held(t, rig.usersDb, "lock table dead_letters in exclusive mode");
  await rig.withChannel(async (channel) => {
    await put(channel, dlq, Buffer.from([0, 255]), {
      headers: { [amqpHeader.attempts]: "many", bytes: Buffer.from([1]) },
    });
    await put(channel, dlq, Buffer.from("{}"), { messageId: "unstorable", headers: ourHeaders });
    for (let number = 0; number < 5; number += 1)
      await put(channel, dlq, Buffer.from("{}"), { messageId: `behind-${number}`, headers: ourHeaders });
  });
  await release();
  const letters = await lettersOf(rig, 6);
  t.like(letters.at(-1), { reason: "unknown", eventId: null, attempts: 0 });
  await rig.usersDb.query("drop trigger refuse on dead_letters");
  const all = await lettersOf(rig, 7);
  t.true(all.some(({ eventId }) => eventId === "unstorable"));
});

test("a replay is the original message: id, type, correlation id, body and headers, its failures forgotten", async (t) => {
  const rig = await rigOf(t, { bus: "rabbitmq" });
  const body = Buffer.from('{"odd" :  "spacing"}');
  const headers = { ...ourHeaders, tenant: "a", bytes: Buffer.from([1, 2]) };
  await rig.withChannel(async (channel) => {
    // A queue that nobody reads, so that the replay can be looked at.
    const { queue } = await channel.assertQueue("", { exclusive: true });
    await put(channel, dlq, body, {
      messageId: "m-1",
      correlationId: "c-1",
      type: "user.updated.v1",
      headers,
    });
    const [letter] = await lettersOf(rig, 1);
    await rig.usersDb.query("update dead_letters set queue = $1", [queue]);
    t.is((await rig.http("POST", `/dead-letters/${letter?.id}/replay`)).status, 200);
    const message = await channel.get(queue, { noAck: true });
    if (message === false) return t.fail("nothing came");
    t.deepEqual(message.content, body);
    t.like(message.properties, {
      messageId: "m-1",
      correlationId: "c-1",
      type: "user.updated.v1",
      deliveryMode: 2,
    });
    t.deepEqual(
      { ...message.properties.headers },
      {
        tenant: "a",
        bytes: Buffer.from([1, 2]),
        [amqpHeader.originalRoutingKey]: "user.updated.v1",
        [amqpHeader.replays]: 1,
      },
    );
  });
});

test("a process killed between the delivery of a letter and its commit loses and doubles nothing", async (t) => {
  const processes = new Processes();
  const [database, vhost] = [await testDatabase(), await testVhost()];
  await migrate("users", database.url);
  const env = { SERVICES: "users,audit,outbox", DATABASE_URL: database.url, AMQP_URL: vhost.url };
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  const connection = await amqp.connect(vhost.url);
  t.teardown(async () => {
    await processes.end();
    await connection.close();
    await pool.end();
    await database.drop();
    await vhost.drop();
  });
  const letters = async () => (await pool.query("select message_id from dead_letters")).rows;
  const first = await processes.start({ env });
  await first.ready();
  const release = await held(t, pool, "lock table dead_letters in exclusive mode");
  const channel = await connection.createConfirmChannel();
  const messageId = randomUUID();
  await put(channel, dlq, Buffer.from("{}"), { messageId, headers: ourHeaders });
  await eventually(async () => {
    const { rowCount } = await pool.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
       and application_name = 'mailroster-dead-letters' and query like '%insert into dead_letters%'`,
    );
    assert.equal(rowCount, 1, "the letter is not being stored");
  });
  first.kill("SIGKILL");
  await first.exited();
  await pool.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mailroster-dead-letters' and datname = current_database()",
  );
  await release();
  t.deepEqual(await letters(), []);
  const second = await processes.start({ env });
  await second.ready();
  await eventually(async () => assert.deepEqual(await letters(), [{ message_id: messageId }]));
  await eventually(async () => assert.equal((await channel.checkQueue(dlq)).messageCount, 0));
  t.deepEqual(await letters(), [{ message_id: messageId }]);
  second.kill("SIGTERM");
  t.is((await second.exited()).code, 0);
});
