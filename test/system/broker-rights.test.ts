/** Each part of the system with a login of its own at RabbitMQ: what it can do with it, and what somebody else can. */
import { randomUUID } from "node:crypto";
import type { ConfirmChannel } from "amqplib";
import anyTest from "ava";
import { Errors } from "moleculer";
import pg from "pg";
import { actions } from "../../services/contracts/actions.ts";
import type { PeerRole } from "../../services/contracts/peers.ts";
import { type PeerSystem, peerSystem, withChannel } from "../support/broker-peers.ts";
import { partsOf } from "../support/distributed-system.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { type HttpAnswer, request, type TestProcess } from "../support/processes.ts";
import type { BrokerUser } from "../support/resources.ts";
import { startRogue } from "../support/rogue.ts";

// One after another at one system: the first finds that nothing was refused.
const test = anyTest.serial;
const ends: (() => Promise<void>)[] = [];
let system: PeerSystem;
test.before(async () => {
  const t = { teardown: (end: () => Promise<void>) => void ends.unshift(end) };
  system = await peerSystem(t, { RETRY_DELAYS_MS: "30,30", RECONCILE_GRACE_MS: "100" });
});
test.after.always(async () => {
  for (const end of ends) await end();
});

const create = (name: string, correlationId = randomUUID()): Promise<HttpAnswer> =>
  request(`${system.gateway.httpUrl}/users`, {
    body: { displayName: "Ann Lee", primarySmtp: name },
    headers: { "x-correlation-id": correlationId },
  });

const complete = (correlationId: string) =>
  eventually(async () => {
    const { text } = await request(`${system.gateway.httpUrl}/trace/${correlationId}`);
    const { verdict } = JSON.parse(text) as { verdict: { state: string; says: string } };
    if (verdict.state !== "complete") throw new Error(verdict.says);
  });

async function asOperator(
  script: string,
  args: readonly string[] = [],
  typed: readonly string[] = [],
): Promise<TestProcess> {
  const env = {
    ...system.peers.environment("operator"),
    MAILROSTER_URL: system.gateway.httpUrl,
    DATABASE_URL: system.databases.users,
    REGISTRY_DATABASE_URL: system.databases.registry,
    ...(system.gateway.environment.RETRY_DELAYS_MS
      ? { RETRY_DELAYS_MS: system.gateway.environment.RETRY_DELAYS_MS }
      : {}),
  };
  const own = await system.processes.start({ script, args, env, input: typed.length > 0 });
  if (typed.length > 0) own.write(typed.map((line) => `${line}\n`).join(""));
  await own.exited();
  return own;
}

/** As the log tells it. */
const nodeIdOf = (part: TestProcess): unknown => part.logs()[0]?.nodeID;

interface Letter {
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly status: string;
  readonly replays: number;
  readonly correlationId: string | null;
}

const lettersOf = async (): Promise<readonly Letter[]> =>
  (await request(`${system.gateway.httpUrl}/dead-letters?limit=100`)).json<{ items: Letter[] }>().items;

const letter = (correlationId: string, queue: string, fits: (one: Letter) => boolean) =>
  eventually(
    async () => {
      const all = await lettersOf();
      const found = all.find(
        (one) => one.correlationId === correlationId && one.queue === queue && fits(one),
      );
      if (found === undefined) throw new Error(`No such letter: ${JSON.stringify(all)}`);
      return found;
    },
    { timeoutMs: 30_000 },
  );

const auditOf = async (correlationId: string): Promise<readonly unknown[]> =>
  (await request(`${system.gateway.httpUrl}/audit?correlationId=${correlationId}`)).json<{
    items: unknown[];
  }>().items;

const refusedPackets = async (part: TestProcess, reason: string): Promise<number> => {
  const { text } = await request(`${part.opsUrl}/metrics`);
  const [, count = "0"] =
    new RegExp(`^broker_packets_refused_total\\{reason="${reason}"\\} (\\d+)`, "m").exec(text) ?? [];
  return Number(count);
};

test("with a login for each part and the least rights, writes, events, retries, replays, traces, the REPL and the doctor work", async (t) => {
  const first = randomUUID();
  t.is((await create("first@example.com", first)).status, 201);
  await complete(first);

  const registry = new pg.Client({ connectionString: system.databases.registry });
  await registry.connect();
  await registry.query(`
    create function refuse() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
    create trigger refuse before insert or update on watermarks for each row execute function refuse()`);
  const failed = randomUUID();
  t.is((await create("failed@example.com", failed)).status, 201);
  const dead = await letter(
    failed,
    "smtp-registry.user-events",
    ({ reason }) => reason === "retries-exhausted",
  );
  await registry.query("drop trigger refuse on watermarks");
  await registry.end();
  t.is(
    (await request(`${system.gateway.httpUrl}/dead-letters/${dead.id}/replay`, { method: "POST" })).status,
    200,
  );
  await complete(failed);

  const repl = await asOperator(
    "services/commands/repl/main.ts",
    [],
    ["call users.list", "log-level", "reconcile", "outbox", "dead-letters list"],
  );
  t.regex(repl.stdout(), /first@example\.com/);
  t.regex(repl.stdout(), /0 differences/);
  t.notRegex(repl.stdout(), /timed out|without an answer|✗/);
  const trace = await asOperator("services/commands/trace/index.ts", [failed]);
  t.is((await trace.exited()).code, 0, trace.stderr());
  const doctor = await asOperator("services/commands/doctor/index.ts", ["--json"]);
  const { verdict, findings } = JSON.parse(doctor.stdout()) as {
    verdict: string;
    findings: { status: string; part: string; says: string }[];
  };
  t.is(verdict, "healthy", JSON.stringify(findings.filter(({ status }) => status !== "ok")));
  for (const part of partsOf(system))
    for (const reason of ["unknown-user", "foreign-node", "foreign-service", "not-a-caller", "foreign-event"])
      t.is(await refusedPackets(part, reason), 0, reason);
});

const isInternalToTheGateway = ([, { callers }]: [
  string,
  { readonly callers: readonly PeerRole[] },
]): boolean => !callers.includes("gateway");

test("with the gateway's own login nobody calls an internal action, hosts a service, publishes an event or reads what is not its own", async (t) => {
  const { peers } = system;
  const made = (await create("genuine@example.com")).json<{ id: string }>();
  const url = peers.callsUrl(peers.users.gateway);
  const caller = await startRogue(t, url, { nodeID: `${peers.users.gateway.name}-caller` });
  await caller.knows("users");
  t.like(await caller.call("smtp-registry.lookup", { address: "genuine@example.com" }), {
    status: "active",
  });
  // Without FAULT_INJECTION nobody hosts that.
  const internal = Object.entries(actions)
    .filter(isInternalToTheGateway)
    .flatMap(([name]) => (name.startsWith("fault.") ? [] : name));
  t.true(internal.length > 20);
  await Promise.all(
    internal.map((name) =>
      t.throwsAsync(caller.call(name, {}), { instanceOf: Errors.RequestTimeoutError }, name),
    ),
  );
  t.true((await refusedPackets(system.users, "not-a-caller")) > 0);

  const forged = { name: "users", actions: { get: () => ({ id: made.id, displayName: "Forged" }) } };
  await startRogue(t, url, { nodeID: `${peers.users.gateway.name}-host`, services: [forged] });
  await eventually(async () => {
    if ((await refusedPackets(system.gateway, "foreign-service")) === 0)
      throw new Error("Its INFO has not come yet");
  });
  for (let read = 0; read < 20; read += 1)
    t.is(
      (await request(`${system.gateway.httpUrl}/users/${made.id}`)).json<{ displayName: string }>()
        .displayName,
      "Ann Lee",
    );

  const events = peers.eventsUrl(peers.users.gateway);
  await t.throwsAsync(
    withChannel(events, async () => {}),
    { message: /ConnectionClose/ },
  );
  const body = Buffer.from(JSON.stringify(userEvent()));
  const forgery = { userId: peers.users.gateway.name };
  await withChannel(url, async (channel) => {
    channel.sendToQueue("audit.user-events", body, forgery);
    await channel.waitForConfirms();
  });
  await t.throwsAsync(
    withChannel(url, async (channel) => {
      channel.publish("mailroster.users", "user.updated.v1", body, forgery);
      await channel.waitForConfirms();
    }),
  );
  await withChannel(peers.admin.events, async (channel) => {
    t.is((await channel.checkQueue("audit.user-events")).messageCount, 0);
    t.is((await channel.checkQueue("audit.user-events.dlq")).messageCount, 0);
  });
  const foreign = `MOL-mailroster.REQ.${nodeIdOf(system.users)}`;
  for (const tried of [
    (channel: ConfirmChannel): Promise<unknown> => channel.consume(foreign, () => {}),
    (channel: ConfirmChannel) => channel.get(foreign),
    (channel: ConfirmChannel) => channel.purgeQueue(foreign),
    (channel: ConfirmChannel) => channel.deleteQueue(foreign),
  ])
    await t.throwsAsync(withChannel(url, tried), { message: /403|405/ });
});

test("a node with all rights at the broker, which is no peer, is answered nothing and asked nothing", async (t) => {
  const { peers } = system;
  const made = (await create("asked@example.com")).json<{ id: string }>();
  const stranger = await peers.stranger();
  const forged = { name: "users", actions: { get: () => ({ id: made.id, displayName: "Forged" }) } };
  for (const nodeID of ["stranger", `${peers.users.users.name}-1`]) {
    const rogue = await startRogue(t, peers.callsUrl(stranger), { nodeID, services: [forged] });
    await t.throwsAsync(rogue.call("smtp-registry.lookup", { address: "asked@example.com" }));
  }
  for (let read = 0; read < 10; read += 1)
    t.is(
      (await request(`${system.gateway.httpUrl}/users/${made.id}`)).json<{ displayName: string }>()
        .displayName,
      "Ann Lee",
    );
  for (const part of partsOf(system)) t.true((await refusedPackets(part, "unknown-user")) > 0);
});

const auditQueue = "audit.user-events";

test("a forged event takes no effect by any way, not by a replay either, and RabbitMQ closes on a name that is not one's own", async (t) => {
  const { peers } = system;
  const victim = (await create("victim@example.com")).json<{ id: string }>();
  const stranger = await peers.stranger();
  const forge = (parts: Parameters<typeof userEvent>[0] = {}) => {
    const event = userEvent({ userId: victim.id, version: 2, actor: "ceo@example.com", ...parts });
    return { event, body: Buffer.from(JSON.stringify(event)) };
  };
  const send = (user: BrokerUser, use: (channel: ConfirmChannel) => void) =>
    withChannel(peers.eventsUrl(user), async (channel) => {
      use(channel);
      await channel.waitForConfirms();
    });
  const properties = (user: BrokerUser, correlationId: string) => ({
    userId: user.name,
    correlationId,
    messageId: randomUUID(),
  });
  const untrusted = ({ reason }: Letter): boolean => reason === "untrusted-sender";
  const refusedAt = async (queue: string, correlationId: string): Promise<Letter> => {
    const found = await letter(correlationId, queue, untrusted);
    t.deepEqual(await auditOf(correlationId), []);
    return found;
  };

  // a, b: to the exchange; c: the last version; without a name at all.
  for (const parts of [{}, { userId: randomUUID(), version: 1 }, { version: 2_146_000_000 }]) {
    const { event, body } = forge(parts);
    await send(stranger, (channel) =>
      channel.publish("mailroster.users", event.type, body, properties(stranger, event.correlationid)),
    );
    for (const queue of [auditQueue, "smtp-registry.user-events"])
      await refusedAt(queue, event.correlationid);
  }
  const nameless = forge();
  await send(stranger, (channel) =>
    channel.publish("mailroster.users", nameless.event.type, nameless.body, {
      correlationId: nameless.event.correlationid,
    }),
  );
  await refusedAt(auditQueue, nameless.event.correlationid);

  // d: to one queue by the default exchange, also by another part's login, and as if it were a copy of the outbox's.
  for (const [user, headers] of [
    [stranger, {}],
    [stranger, { "x-original-user-id": peers.users.users.name, "x-attempts": 1 }],
    [peers.users.registry, { "x-original-user-id": peers.users.users.name }],
  ] as const) {
    const { event, body } = forge();
    await send(user, (channel) =>
      channel.sendToQueue(auditQueue, body, { ...properties(user, event.correlationid), headers }),
    );
    const { id } = await refusedAt(auditQueue, event.correlationid);
    t.is(
      (await request(`${system.gateway.httpUrl}/dead-letters/${id}/replay`, { method: "POST" })).status,
      200,
    );
    await letter(
      event.correlationid,
      auditQueue,
      (one) => untrusted(one) && one.replays === 1 && one.status === "pending",
    );
    t.deepEqual(await auditOf(event.correlationid), []);
  }

  // e: among the dead letters, with a story of its own.
  const told = forge();
  await send(stranger, (channel) =>
    channel.sendToQueue(`${auditQueue}.dlq`, told.body, {
      ...properties(stranger, told.event.correlationid),
      headers: {
        "x-dead-reason": "retries-exhausted",
        "x-last-error": "ann@example.com told me",
        "x-original-user-id": peers.users.users.name,
      },
    }),
  );
  const { id } = await refusedAt(auditQueue, told.event.correlationid);
  t.false((await request(`${system.gateway.httpUrl}/dead-letters/${id}`)).text.includes("told me"));
  t.is(
    (await request(`${system.gateway.httpUrl}/dead-letters/${id}/replay`, { method: "POST" })).status,
    200,
  );
  await letter(told.event.correlationid, auditQueue, (one) => untrusted(one) && one.replays === 1);

  await t.throwsAsync(
    send(stranger, (channel) =>
      channel.sendToQueue(auditQueue, told.body, { userId: peers.users.users.name }),
    ),
    { message: /406/ },
  );
  // And all of that keeps nobody from the next change.
  const real = randomUUID();
  await request(`${system.gateway.httpUrl}/users/${victim.id}`, {
    method: "PATCH",
    body: { displayName: "Ann Real" },
    headers: { "x-correlation-id": real },
  });
  await complete(real);
  t.is((await auditOf(real)).length, 1);
});
