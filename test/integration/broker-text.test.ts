/** What RabbitMQ, or the way to it, says when it refuses: as it reaches whoever asks. */
import { strict as assert } from "node:assert";
import amqp, { type ChannelModel } from "amqplib";
import test, { type ExecutionContext } from "ava";
import { brokerText } from "../../mixins/bus/broker-text.ts";
import { rabbitMqBus } from "../../mixins/bus/rabbitmq.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { testLogger } from "../support/logs.ts";
import { brokerUser, rabbitEval, testVhost } from "../support/resources.ts";

const vhost = await testVhost();
const vhostName = decodeURIComponent(new URL(vhost.url).pathname.slice(1));

test.after.always(() => vhost.drop());

const at = (change: (url: URL) => void): string => {
  const url = new URL(vhost.url);
  change(url);
  return url.href;
};

async function refusalOf(url: string): Promise<string | undefined> {
  const connection = await amqp.connect(url, { timeout: 3_000 }).catch((error: unknown) => error as Error);
  if (connection instanceof Error) return brokerText(connection);
  await connection.close();
  return "it was not refused";
}

async function connected(t: ExecutionContext, url: string): Promise<ChannelModel> {
  const connection = await amqp.connect(url);
  connection.on("error", () => {});
  t.teardown(() => connection.close().catch(() => {}));
  return connection;
}

test("a virtual host that is not there is told in the broker's words", async (t) => {
  const url = at((target) => {
    target.pathname = "/no-such-host";
  });
  t.is(await refusalOf(url), "NOT_ALLOWED - vhost no-such-host not found");
});

test("a virtual host that is not the user's is told in the broker's words", async (t) => {
  const user = await brokerUser(t);
  const url = at((target) => user.signIn(target));
  t.is(await refusalOf(url), `NOT_ALLOWED - access to vhost '${vhostName}' refused for user '${user.name}'`);
});

test("a wrong password is told in the broker's words", async (t) => {
  const url = at((target) => {
    target.password = "wrong";
  });
  t.regex((await refusalOf(url)) ?? "", /^ACCESS_REFUSED - Login was refused/);
});

test("a limit of connections is told in the broker's words", async (t) => {
  const limited = await testVhost();
  t.teardown(() => limited.drop());
  const name = new URL(limited.url).pathname.slice(1);
  await rabbitEval(`rabbit_vhost_limit:set(<<"${name}">>, [{<<"max-connections">>, 0}], <<"test">>).`);
  t.regex((await refusalOf(limited.url)) ?? "", /^NOT_ALLOWED - .*connection limit \(0\) is reached/);
});

test("a permission that is missing is told in the broker's words, with what it is missing for", async (t) => {
  const user = await brokerUser(t);
  await user.mayDo(vhostName, { configure: "", write: "", read: "" });
  const connection = await connected(
    t,
    at((target) => user.signIn(target)),
  );
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  const error = await t.throwsAsync(channel.assertQueue("audit.user-events"));
  t.is(
    brokerText(error),
    `ACCESS_REFUSED - access to queue 'audit.user-events' in vhost '${vhostName}' refused for user '${user.name}'`,
  );
});

test("an event that may not be published is refused in the broker's words", async (t) => {
  const user = await brokerUser(t);
  await user.mayDo(vhostName, { configure: ".*", write: "^(?!mailroster.users$).*", read: ".*" });
  const type = "user.created.v1";
  const admin = await (await connected(t, vhost.url)).createChannel();
  await admin.assertExchange("mailroster.users", "topic", { durable: true });
  const bus = rabbitMqBus({
    url: at((target) => user.signIn(target)),
    queues: [{ queue: "broker-text.user-events", bindings: [] }],
    retryDelaysMs: [1_000],
    connectionName: "broker-text",
    log: testLogger(),
  });
  t.teardown(() => bus.close());
  const ready = new Promise<void>((resolve) => void bus.onReady(resolve));
  bus.start();
  await ready;
  const [outcome] = await bus.publish([{ id: "1", type, correlationId: "c", body: "{}" }]);
  const says = `ACCESS_REFUSED - access to exchange 'mailroster.users' in vhost '${vhostName}' refused for user '${user.name}'`;
  t.deepEqual(outcome, { status: "refused", reason: `lost: ${says}` });
  t.is(bus.status().reason, says);
});

test("a port that nobody listens on, and a name that nobody has, are told in the system's words", async (t) => {
  const port = await fixedPort();
  t.is(await refusalOf(`amqp://127.0.0.1:${port}`), `connect ECONNREFUSED 127.0.0.1:${port}`);
  t.is(await refusalOf("amqp://no-such-host.invalid"), "getaddrinfo ENOTFOUND no-such-host.invalid");
});

test("a server that is no RabbitMQ is told as one, with TLS and without", async (t) => {
  const database = process.env.TEST_DATABASE_URL ?? assert.fail("TEST_DATABASE_URL is not set");
  const { host } = new URL(database);
  t.regex((await refusalOf(`amqp://${host}`)) ?? "", /is that port RabbitMQ's\?$/);
  t.regex(
    (await refusalOf(vhost.url.replace("amqp:", "amqps:"))) ?? "",
    /^the server does not speak TLS as we do \(ERR_SSL_/,
  );
});

test("what says nothing of the broker has no text, and what it was caused by has its own", (t) => {
  t.is(brokerText(new TypeError("Cannot read properties of undefined")), undefined);
  t.is(brokerText(new Error("Channel ended, no reply will be forthcoming")), undefined);
  t.is(brokerText("a text"), undefined);
  const cause = new Error(
    'Connection closed: 320 (CONNECTION-FORCED) with message "CONNECTION_FORCED - going down"',
  );
  t.is(brokerText(new Error("Cannot send", { cause })), "CONNECTION_FORCED - going down");
  const both = new AggregateError([
    Object.assign(new Error("connect ECONNREFUSED ::1:9"), { code: "ECONNREFUSED", syscall: "connect" }),
  ]);
  t.is(brokerText(both), "connect ECONNREFUSED ::1:9");
  t.is(brokerText(new Error(`Operation failed: with message "${"x".repeat(200_000)}"`))?.length, 300);
});
