/** The bus port's promise, kept over RabbitMQ, and what only a network and a broker can do to it. */
import { strict as assert } from "node:assert";
import amqp, { type ConfirmChannel, type GetMessage } from "amqplib";
import anyTest, { type ExecutionContext, type TestFn } from "ava";
import { rabbitMqBus } from "../../mixins/bus/rabbitmq.ts";
import { waitQueue } from "../../mixins/bus/topology.ts";
import { amqpHeader, deadLetterQueue, usersExchange } from "../../services/contracts/headers.ts";
import { eventually } from "../support/eventually.ts";
import { rabbitEval, testVhost } from "../support/resources.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";
import {
  type BusMaker,
  type BusOptions,
  busConformance,
  done,
  gate,
  type Letter,
  linesLogger,
  message,
  messages,
  names,
  opened,
  publishAll,
  recorder,
} from "./bus-conformance.ts";

const test = anyTest as TestFn;
const vhost = await testVhost();
const vhostName = decodeURIComponent(new URL(vhost.url).pathname.slice(1));
const broker = await amqp.connect(vhost.url, { noDelay: true });

test.after.always(async () => {
  await broker.close();
  await vhost.drop();
});

/** A channel of the test's own; a mistake on it costs no other test its channel. */
async function withChannel<T>(use: (channel: ConfirmChannel) => Promise<T>): Promise<T> {
  const channel = await broker.createConfirmChannel();
  channel.on("error", () => {});
  try {
    return await use(channel);
  } finally {
    await channel.close().catch(() => {});
  }
}

/** Looks at what is in a queue and leaves it there. */
async function browse(queue: string): Promise<GetMessage[]> {
  return withChannel(async (channel) => {
    const found: GetMessage[] = [];
    for (let got = await channel.get(queue); got !== false; got = await channel.get(queue)) found.push(got);
    return found;
  });
}

function letterOf({ properties, content }: GetMessage): Letter {
  const headers = properties.headers ?? {};
  return {
    messageId: properties.messageId,
    correlationId: properties.correlationId,
    routingKey: headers[amqpHeader.originalRoutingKey],
    body: content.toString(),
    reason: headers[amqpHeader.reason],
    error: headers[amqpHeader.error],
    attempts: headers[amqpHeader.attempts],
    firstFailedAt: new Date(headers[amqpHeader.firstFailedAt]),
    lastFailedAt: new Date(headers[amqpHeader.lastFailedAt]),
  };
}

const letters = async (queue: string) => (await browse(deadLetterQueue(queue))).map(letterOf);

const overUrl = (url: string, extra: { confirmWaitMs?: number } = {}): BusMaker => ({
  letters,
  make: (options: BusOptions) => rabbitMqBus({ ...options, ...extra, url, connectionName: "bus-test" }),
});

busConformance(test, overUrl(vhost.url));

/** A bus whose network can be taken away. */
async function proxied(t: ExecutionContext, extra: { confirmWaitMs?: number } = {}) {
  const proxy = await tcpProxy(vhost.url);
  t.teardown(() => proxy.close());
  return { proxy, maker: overUrl(proxy.through(vhost.url), extra) };
}

const ready = (bus: { status(): { connected: boolean } }) =>
  eventually(() => assert.ok(bus.status().connected));

const ids = (all: readonly { id: string }[]) => all.map(({ id }) => id);

/** Everything that was sent has been seen, in whatever order and number. */
const seenAll = (record: { ids(): (string | undefined)[] }, sent: readonly { id: string }[]) =>
  eventually(() => assert.deepEqual(new Set(record.ids()), new Set(ids(sent))));

test("messages are persistent and carry the properties of the contract", async (t) => {
  const { type, queue } = names();
  const { bus } = opened(t, overUrl(vhost.url), { queues: [{ queue, bindings: [type] }] });
  const sent = message(type, 0);
  await publishAll(bus, [sent]);
  const [found] = await browse(queue);
  t.like(found?.properties, {
    messageId: sent.id,
    correlationId: sent.correlationId,
    type,
    contentType: "application/cloudevents+json",
    deliveryMode: 2,
  });
  t.like(found?.fields, { exchange: usersExchange, routingKey: type });
});

test("queues, wait queues and dead letters are durable quorum queues with their own arguments", async (t) => {
  const { type, queue } = names();
  const { bus } = opened(t, overUrl(vhost.url), {
    queues: [{ queue, bindings: [type] }],
    retryDelaysMs: [250, 30_000],
  });
  await ready(bus);
  const listed = await rabbitEval(
    `[io:format("~s ~s ~s ~s~n", [element(4, amqqueue:get_name(Q)), amqqueue:get_type(Q), amqqueue:is_durable(Q), ` +
      `rabbit_json:encode(maps:from_list([{K, V} || {K, _, V} <- amqqueue:get_arguments(Q)]))]) ` +
      `|| Q <- rabbit_amqqueue:list(<<"${vhostName}">>)], ok.`,
  );
  const own = listed
    .split("\n")
    .filter((line) => line.startsWith(`${queue}.`) || line.startsWith(`${queue} `));
  t.is(own.length, 4);
  for (const line of own) t.regex(line, / rabbit_quorum_queue true /);
  const safely = (to: string) => ({
    "x-queue-type": "quorum",
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": to,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
  });
  const argumentsOf = (name: string) =>
    JSON.parse(
      own
        .find((line) => line.startsWith(`${name} `))
        ?.split(" ")
        .slice(3)
        .join(" ") ?? "{}",
    );
  t.like(argumentsOf(queue), safely(deadLetterQueue(queue)));
  t.true(argumentsOf(queue)["x-delivery-limit"] > 0);
  t.deepEqual(argumentsOf(waitQueue(queue, 250)), { ...safely(queue), "x-message-ttl": 250 });
  t.deepEqual(argumentsOf(`${queue}.retry.30s`), { ...safely(queue), "x-message-ttl": 30_000 });
});

test("what the broker wrote on a message is not published again, and what others wrote is kept", async (t) => {
  const { type, queue } = names();
  const { bus, subscribe } = opened(t, overUrl(vhost.url), {
    queues: [{ queue, bindings: [type] }],
    retryDelaysMs: [40, 40, 40, 40],
  });
  const record = recorder(() => ({ kind: "retry", error: "no" }));
  subscribe(queue, record.handler);
  await ready(bus);
  await withChannel(async (channel) => {
    channel.publish(usersExchange, type, Buffer.from("x"), { messageId: "m", headers: { mine: "kept" } });
    await channel.waitForConfirms();
  });
  await eventually(async () => assert.equal((await letters(queue)).length, 1));
  const [found] = await browse(deadLetterQueue(queue));
  t.deepEqual(
    record.seen.map(({ attempts }) => attempts),
    [0, 1, 2, 3, 4],
  );
  const headers = found?.properties.headers ?? {};
  t.like(headers, {
    mine: "kept",
    [amqpHeader.originalExchange]: usersExchange,
    [amqpHeader.originalRoutingKey]: type,
    [amqpHeader.consumer]: "bus-test",
  });
  t.deepEqual(
    Object.keys(headers).filter((name) => name.includes("death")),
    [],
  );
  t.is(found?.properties.deliveryMode, 2);
});

test("a topology that contradicts ours is tried again until it is put right", async (t) => {
  const { type, queue } = names();
  const wait = waitQueue(queue, 60);
  await withChannel((channel) => channel.assertQueue(wait, { durable: true }));
  const { bus, subscribe, lines } = opened(t, overUrl(vhost.url), {
    queues: [{ queue, bindings: [type] }],
    retryDelaysMs: [60],
  });
  const record = recorder();
  subscribe(queue, record.handler);
  await eventually(() => assert.ok(lines.some(({ msg }) => msg === "RabbitMQ channel can't be opened")));
  t.false(bus.status().connected);
  await withChannel((channel) => channel.deleteQueue(wait));
  await publishAll(bus, [message(type, 0)]);
  await seenAll(record, [message(type, 0)]);
});

test("a failed event is not acknowledged before its wait queue has taken it, so it survives the consumer", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t);
  const { bus, subscribe, lines } = opened(t, maker, {
    queues: [{ queue, bindings: [type] }],
    retryDelaysMs: [60],
  });
  const wait = waitQueue(queue, 60);
  const record = recorder(({ attempts }) => (attempts === 0 ? { kind: "retry", error: "no" } : done));
  const { open, opened: released } = gate();
  subscribe(queue, async (batch) => {
    await released;
    return record.handler(batch);
  });
  await publishAll(bus, [message(type, 0)]);
  await eventually(async () => assert.deepEqual(await browse(queue), []));
  await withChannel(async (channel) => {
    await channel.deleteQueue(wait);
    await channel.assertQueue(wait, { arguments: { "x-max-length": 0, "x-overflow": "reject-publish" } });
  });
  open();
  await eventually(() => assert.ok(lines.some(({ msg }) => msg === "RabbitMQ refuses a failed event")));
  proxy.cut();
  await withChannel((channel) => channel.deleteQueue(wait));
  await eventually(() => assert.ok(record.seen.some(({ attempts }) => attempts === 1)), {
    timeoutMs: 30_000,
  });
  t.deepEqual(new Set(record.ids()), new Set([message(type, 0).id]));
});

test("a connection that is cut heals: nothing is lost on either side", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t);
  const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }], batchMax: 20 });
  const record = recorder();
  subscribe(queue, record.handler);
  let readies = 0;
  bus.onReady(() => {
    readies += 1;
  });
  await ready(bus);
  const sent = messages(type, 400);
  for (let from = 0; from < sent.length; from += 100) {
    const publishing = publishAll(bus, sent.slice(from, from + 100));
    proxy.cut();
    await publishing;
  }
  await seenAll(record, sent);
  t.true(readies >= 2);
});

test("the broker's own closing of connections heals", async (t) => {
  const { type, queue } = names();
  const own = await testVhost();
  t.teardown(() => own.drop());
  const { bus, subscribe } = opened(t, overUrl(own.url), { queues: [{ queue, bindings: [type] }] });
  const record = recorder();
  subscribe(queue, record.handler);
  await publishAll(bus, [message(type, 0)]);
  await seenAll(record, [message(type, 0)]);
  const name = decodeURIComponent(new URL(own.url).pathname.slice(1));
  const closed = await rabbitEval(
    `length([rabbit_networking:close_connection(Pid, "test") || [{pid, Pid}, {vhost, <<"${name}">>}] ` +
      `<- rabbit_networking:connection_info_all([pid, vhost])]).`,
  );
  t.is(closed, "2");
  await publishAll(bus, [message(type, 1)]);
  await seenAll(record, [message(type, 0), message(type, 1)]);
});

test("a broker that is absent at start is joined when it comes", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t);
  await proxy.refuse();
  const { bus, subscribe, lines } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
  const record = recorder();
  subscribe(queue, record.handler);
  await eventually(() => assert.ok(lines.some(({ msg }) => msg === "RabbitMQ can't be reached")));
  t.false(bus.status().connected);
  t.like((await bus.publish([message(type, 0)]))[0], { status: "refused" });
  await proxy.accept();
  await publishAll(bus, [message(type, 0)]);
  await seenAll(record, [message(type, 0)]);
});

test("a second node of the cluster stands in for the first", async (t) => {
  const { type, queue } = names();
  const { proxy } = await proxied(t);
  await proxy.refuse();
  const { bus } = opened(t, overUrl(`${proxy.through(vhost.url)};${vhost.url}`), {
    queues: [{ queue, bindings: [type] }],
  });
  await publishAll(bus, [message(type, 0)]);
  t.is((await browse(queue)).length, 1);
});

test("a queue deleted under its consumer is declared and read again", async (t) => {
  const { type, queue } = names();
  const { bus, subscribe } = opened(t, overUrl(vhost.url), { queues: [{ queue, bindings: [type] }] });
  const record = recorder();
  subscribe(queue, record.handler);
  await publishAll(bus, [message(type, 0)]);
  await seenAll(record, [message(type, 0)]);
  await withChannel((channel) => channel.deleteQueue(queue));
  await publishAll(bus, [message(type, 1)]);
  await seenAll(record, [message(type, 0), message(type, 1)]);
  t.pass();
});

test("a queue deleted with no consumer is declared again by the publisher, and the event refused till then", async (t) => {
  const { type, queue } = names();
  const { bus } = opened(t, overUrl(vhost.url), { queues: [{ queue, bindings: [type] }] });
  await publishAll(bus, [message(type, 0)]);
  await withChannel((channel) => channel.deleteQueue(queue));
  const [outcome] = await bus.publish([message(type, 1)]);
  t.is(outcome?.status, "refused");
  await publishAll(bus, [message(type, 1)]);
  t.is((await browse(queue)).length, 1);
});

test("an exchange deleted under the publisher costs a channel, and is declared again", async (t) => {
  const { type, queue } = names();
  const own = await testVhost();
  t.teardown(() => own.drop());
  const { bus } = opened(t, overUrl(own.url), { queues: [{ queue, bindings: [type] }] });
  await publishAll(bus, [message(type, 0)]);
  const other = await amqp.connect(own.url);
  const channel = await other.createChannel();
  await channel.deleteExchange(usersExchange);
  const outcomes = await bus.publish(messages(type, 50));
  t.true(outcomes.every(({ status }) => status === "refused"));
  await publishAll(bus, messages(type, 50));
  t.is((await channel.checkQueue(queue)).messageCount, 51);
  await other.close();
});

test("a network that swallows everything ends in a refusal within the confirm wait, then heals", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t, { confirmWaitMs: 300 });
  const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
  const record = recorder();
  subscribe(queue, record.handler);
  await ready(bus);
  proxy.freeze();
  const startedAt = Date.now();
  const outcomes = await bus.publish(messages(type, 20));
  t.true(Date.now() - startedAt < 2_000);
  t.true(outcomes.every((outcome) => outcome.status === "refused" && outcome.reason.startsWith("lost")));
  proxy.thaw();
  await publishAll(bus, messages(type, 20));
  await seenAll(record, messages(type, 20));
});

/** connection.blocked and connection.unblocked as RabbitMQ sends them; a real alarm would stop every other test. */
function alarm(proxy: TcpProxy, blocked: boolean): void {
  const reason = Buffer.from("low on memory");
  const payload = blocked
    ? Buffer.concat([Buffer.from([0, 10, 0, 60, reason.length]), reason])
    : Buffer.from([0, 10, 0, 61]);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, payload.length]);
  proxy.sayToClients(Buffer.concat([head, payload, Buffer.from([0xce])]));
}

test("a broker under an alarm gets nothing, and the publisher is told at once", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t);
  const { bus } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
  await ready(bus);
  alarm(proxy, true);
  await eventually(() => assert.ok(bus.status().blocked));
  const [outcome] = await bus.publish([message(type, 0)]);
  t.regex(outcome?.status === "refused" ? outcome.reason : "", /alarm\): low on memory$/);
  t.regex(bus.status().reason ?? "", /alarm\): low on memory$/);
  const relieved = new Promise<void>((resolve) => void bus.onReady(resolve));
  alarm(proxy, false);
  await relieved;
  t.is(bus.status().reason, undefined);
  t.deepEqual(
    (await bus.publish([message(type, 0)])).map(({ status }) => status),
    ["confirmed"],
  );
});

test("a message that AMQP can't carry is refused alone", async (t) => {
  const { type, queue } = names();
  const { bus } = opened(t, overUrl(vhost.url), { queues: [{ queue, bindings: [type] }] });
  await ready(bus);
  const long = { ...message(type, 1), correlationId: "c".repeat(256) };
  t.deepEqual(
    (await bus.publish([message(type, 0), long, message(type, 2)])).map(({ status }) => status),
    ["confirmed", "refused", "confirmed"],
  );
});

test("a handler that outlives its connection neither fails nor loses what it had in hand", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t);
  const { bus, subscribe, lines } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
  const { open, opened: released } = gate();
  const record = recorder(() => ({ kind: "dead", reason: "unparsable", error: "no" }));
  let running = 0;
  let runningMax = 0;
  subscribe(queue, async (batch) => {
    running += 1;
    runningMax = Math.max(runningMax, running);
    const verdicts = await record.handler(batch);
    await released;
    running -= 1;
    return verdicts;
  });
  await publishAll(bus, [message(type, 0)]);
  await eventually(() => assert.equal(record.seen.length, 1));
  const readyAgain = new Promise<void>((resolve) => void bus.onReady(resolve));
  proxy.cut();
  await readyAgain;
  await ready(bus);
  open();
  await eventually(async () => assert.equal((await letters(queue)).length, 1));
  t.is(record.seen.length, 2);
  t.is(runningMax, 1);
  t.is(lines.filter(({ msg }) => msg === "Event dead-lettered").length, 1);
});

test("a bus that never found its broker closes all the same", async (t) => {
  const { type, queue } = names();
  const { log } = linesLogger();
  const { proxy, maker } = await proxied(t);
  await proxy.refuse();
  const bus = maker.make({ queues: [{ queue, bindings: [type] }], retryDelaysMs: [50], log });
  bus.start();
  const subscription = bus.subscribe(queue, recorder().handler);
  await subscription.stop();
  await bus.close();
  t.false(bus.status().connected);
});

test("the queues are told with depth and readers, also after the connection or a queue was lost", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t);
  const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
  await ready(bus);
  const states = () => eventually(() => bus.queues());
  const told = (messages: number, consumers: number) =>
    eventually(async () =>
      assert.deepEqual(
        (await states()).toSorted((a, b) => a.queue.localeCompare(b.queue)),
        [
          { queue, messages, consumers },
          { queue: deadLetterQueue(queue), messages: 0, consumers: 0 },
          { queue: waitQueue(queue, 50), messages: 0, consumers: undefined },
        ],
      ),
    );
  await publishAll(bus, messages(type, 3));
  await told(3, 0);
  proxy.cut();
  await told(3, 0);
  await withChannel((channel) => channel.deleteQueue(waitQueue(queue, 50)));
  await t.throwsAsync(bus.queues());
  await told(3, 0);
  subscribe(queue, recorder().handler);
  await told(0, 1);
});

test("queues that can't be asked for are no zeroes", async (t) => {
  const { type, queue } = names();
  const { proxy, maker } = await proxied(t);
  await proxy.refuse();
  const { bus } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
  await t.throwsAsync(bus.queues(), { message: /not connected/ });
});
