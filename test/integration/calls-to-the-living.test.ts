/** Calls over the real RabbitMQ when an instance is gone, frozen, or of a release of before. */
import { connect } from "amqplib";
import test, { type ExecutionContext } from "ava";
import { ServiceBroker, type ServiceSchema, Transporters } from "moleculer";
import { brokerOptions } from "../../moleculer.config.ts";
import { loadConfig } from "../../services/config/index.ts";
import { acquaintance } from "../../services/runtime/peers.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { rabbitEval, testVhost } from "../support/resources.ts";

/** A process that hosts these services, as ours are made. */
async function node(
  t: ExecutionContext,
  url: string,
  id: string,
  services: readonly ServiceSchema[],
  written: string[] = [],
): Promise<ServiceBroker> {
  const config = loadConfig({ AMQP_URL: url, SERVICES: "gateway", NODE_ID: id });
  const log = testLogger({ level: "info", nodeId: id, written });
  const broker = new ServiceBroker(brokerOptions(config, log));
  for (const schema of services) broker.createService(schema);
  t.teardown(() => broker.stop());
  await broker.start();
  return broker;
}

async function vhostOf(t: ExecutionContext): Promise<string> {
  const vhost = await testVhost();
  t.teardown(() => vhost.drop());
  return vhost.url;
}

/** Answers with its node's id; what it has begun is counted. */
function users(begun: string[], id: string): ServiceSchema {
  const answer = () => {
    begun.push(id);
    return id;
  };
  return { name: "users", actions: { get: answer, create: answer } };
}

/** A node as the registry of others knows it, none of whose queues is there. */
const joinGhost = (broker: ServiceBroker, id: string) =>
  (broker.registry as unknown as { processNodeInfo(info: object): void }).processNodeInfo({
    sender: id,
    seq: 1,
    instanceID: id,
    services: [
      {
        name: "users",
        fullName: "users",
        actions: { "users.get": { name: "users.get" }, "users.create": { name: "users.create" } },
      },
    ],
  });

const seen = (broker: ServiceBroker, action: string, count: number) =>
  eventually(async () => {
    const list = broker.registry.getActionEndpoints(action) as unknown as { count(): number } | undefined;
    if (list?.count() !== count) throw new Error(`${action} has ${list?.count() ?? 0} endpoints`);
  });

const callOf = (broker: ServiceBroker) =>
  broker.call as (name: string, params?: object, options?: object) => Promise<unknown>;

test("a call that finds no queue is made elsewhere at once, a write as well, and is begun once", async (t) => {
  const url = await vhostOf(t);
  const begun: string[] = [];
  await node(t, url, "living", [users(begun, "living")]);
  const caller = await node(t, url, "caller", []);
  await seen(caller, "users.create", 1);
  joinGhost(caller, "ghost");
  await seen(caller, "users.create", 2);
  const call = callOf(caller);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => call.call(caller, "users.create", {}, { timeout: 1_800 })),
  );
  t.deepEqual(new Set(answers), new Set(["living"]));
  t.is(begun.length, 20);
});

test("a call that comes to a process whose services are not there yet is made elsewhere, and is begun once", async (t) => {
  const url = await vhostOf(t);
  const begun: string[] = [];
  await node(t, url, "living", [users(begun, "living")]);
  await node(t, url, "starting", []);
  const caller = await node(t, url, "caller", []);
  await seen(caller, "users.create", 1);
  joinGhost(caller, "starting");
  const call = callOf(caller);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => call.call(caller, "users.create", {}, { timeout: 1_800 })),
  );
  t.deepEqual(new Set(answers), new Set(["living"]));
  t.is(begun.length, 20);
});

test("a call to a named node that finds no queue is refused, and made nowhere else", async (t) => {
  const url = await vhostOf(t);
  const begun: string[] = [];
  await node(t, url, "living", [users(begun, "living")]);
  const caller = await node(t, url, "caller", []);
  await seen(caller, "users.get", 1);
  joinGhost(caller, "ghost");
  const call = callOf(caller).call(caller, "users.get", {}, { timeout: 1_800, nodeID: "ghost" });
  await t.throwsAsync(call, { name: "ServiceNotAvailableError" });
  t.deepEqual(begun, []);
});

/** Takes everything and says nothing, as a process that SIGSTOP has stopped. */
function freeze(broker: ServiceBroker): void {
  const nothing = () => Promise.resolve();
  Object.assign(broker.transit?.tx ?? {}, { incomingMessage: nothing, prepublish: nothing });
}

test("what a frozen instance does not answer is made elsewhere when it may be: a read, or a write under its key", async (t) => {
  const url = await vhostOf(t);
  const begun: string[] = [];
  const frozen = await node(t, url, "frozen", [users(begun, "frozen")]);
  await node(t, url, "living", [users(begun, "living")]);
  const caller = await node(t, url, "caller", []);
  await seen(caller, "users.get", 2);
  freeze(frozen);
  const call = callOf(caller);
  const meta = { idempotencyKey: "k" };
  const first = await Promise.allSettled([
    ...[1, 2].map(() => call.call(caller, "users.get", {}, { timeout: 1_800 })),
    ...[1, 2].map(() => call.call(caller, "users.create", {}, { timeout: 1_800, meta })),
    ...[1, 2].map(() => call.call(caller, "users.create", {}, { timeout: 1_800 })),
  ]);
  t.deepEqual(
    first
      .slice(0, 4)
      .map((outcome) => (outcome.status === "fulfilled" ? outcome.value : String(outcome.reason))),
    Array(4).fill("living"),
  );
  const unkeyed = first.slice(4).filter(({ status }) => status === "rejected");
  t.is(unkeyed.length, 1, "the write without a key that went to the frozen one is made nowhere else");
  const later = await Promise.all([1, 2, 3, 4].map(() => call.call(caller, "users.create")));
  t.deepEqual(later, Array(4).fill("living"), "and it is passed over");
});

test("a node that does not say that it reads frames gets none, whatever leaves together", async (t) => {
  const url = await vhostOf(t);
  const begun: string[] = [];
  const former = new ServiceBroker({
    namespace: "mailroster",
    nodeID: "former",
    transporter: new Transporters.AMQP({ url, socketOptions: { noDelay: true } } as never),
    logger: false,
  });
  former.createService(users(begun, "former"));
  t.teardown(() => former.stop());
  await former.start();
  const asked: string[] = [];
  const newest = await node(t, url, "newest", [
    { name: "audit", actions: { list: () => void asked.push("list") } },
  ]);
  await seen(newest, "users.get", 1);
  await seen(former, "audit.list", 1);
  const many = <T>(make: () => Promise<T>) => Promise.all(Array.from({ length: 50 }, make));
  await many(() => callOf(newest).call(newest, "users.get", {}, { timeout: 5_000 }));
  await many(() => callOf(former).call(former, "audit.list", {}, { timeout: 5_000 }));
  t.is(begun.length, 50);
  t.is(asked.length, 50);
});

test("no queue of calls is one that RabbitMQ would keep for a node of its that is gone", async (t) => {
  const url = await vhostOf(t);
  await node(t, url, "transient", []);
  const vhost = decodeURIComponent(new URL(url).pathname.slice(1));
  const kinds = `[{element(4, element(2, Q)), element(3, Q), element(4, Q)} || Q <- rabbit_amqqueue:list(<<"${vhost}">>)].`;
  const told = await rabbitEval(kinds);
  const names = told.match(/<<"MOL-mailroster\.[A-Z]+\.transient">>/g) ?? [];
  t.is(names.length, 9, told);
  const kept = told.match(/\{<<"MOL-[^{}]*true,\w+\}/g);
  t.is(kept, null, "durable ones");
});

test("durable queues that a process of before has left under our id are no obstacle", async (t) => {
  const url = await vhostOf(t);
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const command of ["REQ", "RES", "EVENT"])
    await channel.assertQueue(`MOL-mailroster.${command}.again`, { expires: 120_000 });
  await connection.close();
  const begun: string[] = [];
  await node(t, url, "again", [users(begun, "again")]);
  const caller = await node(t, url, "caller", []);
  await seen(caller, "users.get", 1);
  t.is(await callOf(caller).call(caller, "users.get"), "again");
});

test("a process is not ready before the others know of what it hosts, and is once they do", async (t) => {
  const url = await vhostOf(t);
  const peer = await node(t, url, "peer", [{ name: "audit", actions: { list: () => [] } }]);
  const tx = peer.transit?.tx as unknown as { messageHandler: (command: string, packet: unknown) => unknown };
  const { messageHandler } = tx;
  const missed: unknown[] = [];
  tx.messageHandler = (command, packet) =>
    command === "INFO" ? void missed.push(packet) : messageHandler(command, packet);
  const fresh = await node(t, url, "fresh", [users([], "fresh")]);
  await seen(fresh, "audit.list", 1);
  const stopping = new AbortController();
  t.teardown(() => stopping.abort());
  const { check } = acquaintance(fresh, () => true, testLogger(), stopping.signal);
  const said = (): string => {
    try {
      check();
      return "ready";
    } catch (error) {
      return (error as Error).message;
    }
  };
  await eventually(async () => {
    if (said().startsWith("not connected")) throw new Error("It has not asked yet");
  });
  t.is(said(), "not known to peer yet");
  tx.messageHandler = messageHandler;
  for (const packet of missed) messageHandler("INFO", packet);
  await eventually(async () => check());
  t.pass();
});

test("a process that has nobody to be known to is ready", async (t) => {
  const first = await node(t, await vhostOf(t), "first", [users([], "first")]);
  const { check } = acquaintance(first, () => true, testLogger(), new AbortController().signal);
  await eventually(async () => check());
  t.pass();
});

test("a process whose id another one has is told so, and what to do", async (t) => {
  const url = await vhostOf(t);
  const written: string[] = [];
  await node(t, url, "same", []);
  await node(t, url, "same", [], written);
  await eventually(async () => {
    const told = written.find((line) => line.includes("does not carry our calls"));
    if (told === undefined) throw new Error("Nothing is told");
    t.regex(told, /Another process has the id same/);
  });
});
