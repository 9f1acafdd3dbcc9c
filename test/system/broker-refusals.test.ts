/** What the broker said reaches whoever looks: readiness, the start, the log, the outbox and the trace. */
import amqp from "amqplib";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, request, type TestProcess } from "../support/processes.ts";
import { type BrokerUser, brokerUser, rabbitEval, testDatabase, testVhost } from "../support/resources.ts";

interface Ready {
  readonly status: string;
  readonly checks: Readonly<Record<string, { status: string; detail?: string }>>;
}

/** The whole system in one process, on databases of its own. */
async function systemAt(
  t: ExecutionContext,
  amqpUrl: string,
  processes = new Processes(),
): Promise<TestProcess> {
  const [users, registry] = [await testDatabase(), await testDatabase()];
  t.teardown(async () => {
    await processes.end();
    for (const database of [users, registry]) await database.drop();
  });
  return processes.start({
    env: { AMQP_URL: amqpUrl, DATABASE_URL: users.url, REGISTRY_DATABASE_URL: registry.url },
  });
}

const until = <T>(look: () => Promise<T>): Promise<T> => eventually(look, { timeoutMs: 60_000 });

const detailsOf = async (system: TestProcess, ...names: readonly string[]): Promise<string[]> => {
  const { checks } = (await request(`${system.opsUrl}/health/ready`)).json<Ready>();
  return names.map((name) => checks[name]?.detail ?? "");
};

/** Both of these checks say it. */
const bothSay = (system: TestProcess, says: RegExp) =>
  until(async () => {
    const details = await detailsOf(system, "bus", "transporter");
    if (!details.every((detail) => says.test(detail))) throw new Error(`It says: ${details.join(" | ")}`);
  });

async function create(system: TestProcess, correlationId: string): Promise<void> {
  await until(async () => {
    const { status, text } = await request(`${system.httpUrl}/users`, {
      body: { displayName: "Ann Lee", primarySmtp: "ann@example.com" },
      headers: { "x-correlation-id": correlationId, "idempotency-key": correlationId },
    });
    if (status !== 201) throw new Error(`${status} ${text}`);
  });
}

const traceOf = async (system: TestProcess, correlationId: string) =>
  (await request(`${system.httpUrl}/trace/${correlationId}`)).json<{
    verdict: { state: string; says: string };
    writes: { outbox: { refusal: string | null } }[];
  }>();

const traceSays = (system: TestProcess, correlationId: string, says: RegExp) =>
  until(async () => {
    const { verdict, writes } = await traceOf(system, correlationId);
    if (!says.test(verdict.says)) throw new Error(`It says: ${verdict.says}`);
    if (!says.test(writes[0]?.outbox.refusal ?? ""))
      throw new Error(`The refusal: ${writes[0]?.outbox.refusal}`);
  });

const logged = (system: TestProcess, message: string, reason: RegExp) =>
  until(async () => {
    const lines = system.logs().filter(({ msg }) => msg === message);
    if (!lines.some((line) => reason.test(String(line.reason))))
      throw new Error(`No line "${message}" has ${reason}: ${JSON.stringify(lines)}`);
  });

const arrives = (system: TestProcess, correlationId: string) =>
  until(async () => {
    const { verdict } = await traceOf(system, correlationId);
    if (verdict.state !== "complete") throw new Error(verdict.says);
  });

test.serial(
  "a virtual host that is not there is named by readiness, the start, the log, the trace and the outbox",
  async (t) => {
    const url = new URL(process.env.TEST_AMQP_URL ?? "");
    url.pathname = "/no-such-host";
    const system = await systemAt(t, url.href);
    const says = /NOT_ALLOWED - vhost no-such-host not found/;
    await bothSay(system, says);
    await until(async () => {
      if (
        !/mailroster has started .*not ready: .*NOT_ALLOWED - vhost no-such-host not found/.test(
          system.stderr(),
        )
      )
        throw new Error(system.stderr());
    });
    await create(system, "no-host");
    await traceSays(system, "no-host", says);
    await logged(system, "the bus takes no events, they wait", says);
    t.pass();
  },
);

/** A system that signs in as a user of its own, with all rights on a virtual host of its own. */
async function systemWithRights(t: ExecutionContext) {
  const vhost = await testVhost();
  t.teardown(() => vhost.drop());
  const user = await brokerUser(t);
  const url = new URL(vhost.url);
  user.signIn(url);
  const vhostName = url.pathname.slice(1);
  await user.mayDo(vhostName, everything);
  const processes = new Processes();
  const system = await systemAt(t, url.href, processes);
  await system.ready();
  const doctor = async (): Promise<string> => {
    const script = "services/commands/doctor/index.ts";
    const visit = await processes.start({ script, env: { AMQP_URL: vhost.url } });
    await visit.exited();
    return visit.stdout();
  };
  return { system, user, vhostName, vhostUrl: vhost.url, doctor };
}

const everything = { configure: ".*", write: ".*", read: ".*" };
const closeConnectionsOf = ({ name }: BrokerUser) =>
  rabbitEval(`rabbit_networking:close_all_user_connections(<<"${name}">>, <<"test">>).`);

test.serial(
  "a permission to publish that was withdrawn is named wherever the event is looked for, and its return heals",
  async (t) => {
    const { system, user, vhostName } = await systemWithRights(t);
    await user.mayDo(vhostName, { ...everything, write: "^(?!mailroster.users$).*" });
    await closeConnectionsOf(user); // a channel remembers for a while what it was allowed
    await create(system, "no-right");
    const says = /ACCESS_REFUSED - access to exchange 'mailroster.users' in vhost/;
    await traceSays(system, "no-right", says);
    await logged(system, "the bus takes no events, they wait", says);
    await until(async () => {
      const [detail = ""] = await detailsOf(system, "bus");
      if (!says.test(detail)) throw new Error(detail);
    });
    await user.mayDo(vhostName, everything);
    await arrives(system, "no-right");
    await system.ready();
    t.pass();
  },
);

test.serial(
  "a permission to declare that was withdrawn is named by both ways to the broker, and its return heals both",
  async (t) => {
    const { system, user, vhostName } = await systemWithRights(t);
    await user.mayDo(vhostName, { configure: "", write: ".*", read: ".*" });
    await closeConnectionsOf(user);
    await bothSay(system, /ACCESS_REFUSED - access to (?:exchange|queue) '.+' in vhost/);
    await user.mayDo(vhostName, everything);
    await system.ready();
    await create(system, "right-again");
    await arrives(system, "right-again");
    t.pass();
  },
);

test.serial("a process whose channel for calls the broker has closed connects anew", async (t) => {
  const { system, vhostUrl } = await systemWithRights(t);
  const heartbeats = "MOL-mailroster.HEARTBEAT";
  const admin = await amqp.connect(vhostUrl);
  t.teardown(() => admin.close());
  const remover = await admin.createChannel();
  await remover.deleteExchange(heartbeats); // the next heartbeat, within 3 s, costs the channel
  await until(async () => {
    const channel = await admin.createChannel();
    channel.on("error", () => {}); // shows as the failure of the question
    await channel.checkExchange(heartbeats);
  });
  await system.ready();
  t.pass();
});

test.serial("a permission to read that was withdrawn is named by the services that consume", async (t) => {
  const { system, user, vhostName, doctor } = await systemWithRights(t);
  await user.mayDo(vhostName, { ...everything, read: "^(?!audit.user-events$).*" });
  await closeConnectionsOf(user);
  await until(async () => {
    const [bus = "", transporter] = await detailsOf(system, "bus", "transporter");
    if (!/ACCESS_REFUSED - access to queue 'audit.user-events' in vhost/.test(bus) || transporter !== "")
      throw new Error(`bus: ${bus}, transporter: ${transporter}`);
  });
  const told = await doctor();
  t.regex(
    told,
    /^✗ gateway .* not ready at .*: [^()]*audit[^()]* \(bus: .*ACCESS_REFUSED - access to queue 'audit.user-events'/m,
  );
  t.is(told.split("ACCESS_REFUSED").length, 2, "one cause is told once");
  await user.mayDo(vhostName, everything);
  await system.ready();
  t.pass();
});
