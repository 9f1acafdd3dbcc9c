/**
 * What a test of a service stands on: real services in one broker, by name, on two databases and a bus of its own. What
 * is not hosted is away, but for the queues of a consumer that is not: whatever comes there counts as done.
 */
import { randomUUID } from "node:crypto";
import amqp from "amqplib";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import type pg from "pg";
import type { Bus } from "../../mixins/bus/port.ts";
import { type Metrics, processMetrics } from "../../mixins/metrics/metrics.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { Platform } from "../../mixins/platform.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { type Config, loadConfig } from "../../services/config/index.ts";
import type {
  ActionInput,
  ActionName,
  ActionResult,
  CallMeta,
  Health,
} from "../../services/contracts/actions.ts";
import { consumers } from "../../services/contracts/consumers.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { UserEvent } from "../../services/contracts/events.ts";
import { type HostedName, hostedNames, services } from "../../services/contracts/services.ts";
import gatewayService, {
  defaultLimits,
  type GatewayLimits,
  gatewayAddress,
} from "../../services/gateway/index.ts";
import type { Operation } from "../../services/gateway/routes/index.ts";
import { hostedService, processBus } from "../../services/runtime/composition.ts";
import { comingAgain } from "./coming-again.ts";
import { eventually } from "./eventually.ts";
import { testLogger } from "./logs.ts";
import { ownDatabase } from "./own-database.ts";
import { type Resource, testVhost } from "./resources.ts";

// biome-ignore lint/suspicious/noExplicitAny: a foreign answer is looked at member by member
export interface Answer<T = any> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** A process's worth of services. */
export interface Instance {
  readonly config: Config;
  readonly platform: Platform;
  readonly bus: Bus;
  readonly broker: ServiceBroker;
  readonly metrics: Metrics;
  /** Log lines, parsed. */
  readonly lines: Record<string, unknown>[];
  /** Of its gateway. */
  readonly url: string;
  readonly port: number;
  /** By a client that comes again when it is told to. */
  http(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The first answer, for a test of what is refused. */
  httpOnce: Instance["http"];
  /** By a caller that comes again when it is told to. */
  call<N extends ActionName>(name: N, params: ActionInput<N>, meta?: CallMeta): Promise<ActionResult<N>>;
  /** The first answer, for a test of what is refused. */
  callOnce: Instance["call"];
  /** The answer and the meta that came back with it. */
  callWithMeta<N extends ActionName>(
    name: N,
    params: ActionInput<N>,
    meta: CallMeta,
  ): Promise<{ result: ActionResult<N>; meta: CallMeta }>;
  stop(): Promise<void>;
}

export interface Rig extends Instance {
  readonly urls: { readonly users: string; readonly registry: string };
  readonly usersDb: pg.Pool;
  readonly registryDb: pg.Pool;
  /** Another process's worth of the same services on the same databases. */
  another(): Promise<Instance>;
  /** What a user's changes have put into the outbox, in the order of its ids. */
  eventsOf(userId: string): Promise<UserEvent[]>;
  /** From now on the database refuses to store events of this correlation. */
  refuseEventsOf(correlationId: string): Promise<void>;
  /** smtp-registry's database refuses every effect, or does not any more. */
  breakRegistry(): Promise<void>;
  mendRegistry(): Promise<void>;
  /** Uses a channel of the test's own; RabbitMQ only. */
  withChannel<T>(use: (channel: amqp.ConfirmChannel) => Promise<T>): Promise<T>;
}

interface InstanceOptions {
  /** Real ones; all of them when absent. */
  readonly services?: readonly HostedName[];
  /** What a test needs a fault in. */
  readonly standIns?: readonly ServiceSchema[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly now?: (() => Date) | undefined;
  /** Of the gateway. */
  readonly limits?: Partial<GatewayLimits>;
  /** Its rows, instead of the whole table. */
  readonly table?: readonly Operation[];
}

/** The console would be made beside the test, by a process. */
const quiet: Partial<GatewayLimits> = { consoleAfterMs: 3_600_000 };

interface RigOptions extends InstanceOptions {
  readonly bus?: Bus["kind"] | undefined;
  /** Instead of databases of the test's server; the rig drops them. */
  readonly databases?: { readonly users?: Resource; readonly registry?: Resource };
}

/** Does what a client does that is told to come again: the same call. */
async function persistently<T>(call: () => Promise<T>): Promise<T> {
  const outcome = await eventually(async () => {
    try {
      return { result: await call() };
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      return { error };
    }
  });
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}

async function request(
  url: string,
  ...[method, path, body, headers]: Parameters<Instance["http"]>
): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const { status, headers: told } = answer;
  return { status, headers: told, body: text === "" ? undefined : JSON.parse(text) };
}

async function connectedBus(config: Config, hosted: readonly HostedName[], log: Platform["log"]) {
  const owned = await processBus(config, log);
  await owned.start();
  for (const [name, { queue }] of Object.entries(consumers))
    if (!hosted.includes(name as HostedName))
      owned.bus.subscribe(queue, async (batch) => batch.map(() => ({ kind: "done" })));
  await eventually(() => {
    if (!owned.bus.status().connected) throw new Error("The bus does not connect");
  });
  return owned;
}

/** Real services on databases that are there. */
export async function startInstance({
  services: hosted = hostedNames,
  standIns = [],
  environment = {},
  now = () => new Date(),
  limits = {},
  table,
}: InstanceOptions): Promise<Instance> {
  const config = loadConfig({ HTTP_PORT: "0", NODE_ID: `rig-${randomUUID()}`, ...environment });
  const lines: Record<string, unknown>[] = [];
  const log = testLogger({ lines, level: "info", nodeId: config.nodeId });
  const metrics = processMetrics();
  // What has no business on the bus has none, and would fail here if it had.
  const needsBus = hosted.some((name) => services[name].bus === true);
  const owned = needsBus ? await connectedBus(config, hosted, log) : undefined;
  const platform = { log, metrics, bus: owned?.bus, now } as Platform;
  const broker = new ServiceBroker(brokerOptions({ ...config, amqpUrl: undefined }, log, metrics));
  for (const standIn of standIns) broker.createService(standIn);
  for (const name of hosted)
    broker.createService(
      name === "gateway"
        ? gatewayService(platform, config, { ...defaultLimits, ...quiet, ...limits }, table)
        : await hostedService(name, platform, config),
    );
  await broker.start();
  const port = hosted.includes("gateway") ? (gatewayAddress(broker)?.port ?? 0) : 0;
  const url = `http://127.0.0.1:${port}`;
  const callOnce: Instance["call"] = (name, params, meta = {}) => callAction(broker, name, params, { meta });
  return {
    config,
    platform,
    bus: platform.bus,
    broker,
    metrics,
    lines,
    url,
    port,
    http: (...asked) => comingAgain(() => request(url, ...asked)),
    httpOnce: (...asked) => request(url, ...asked),
    call: (...asked) => persistently(() => callOnce(...asked)),
    callOnce,
    callWithMeta: (name, params, meta) =>
      persistently(async () => {
        const pending = callOnce(name, params, { ...meta });
        const result = await pending;
        return { result, meta: (pending as unknown as { ctx: { meta: CallMeta } }).ctx.meta };
      }),
    async stop() {
      await broker.stop();
      await owned?.close();
    },
  };
}

/** A gateway on a free port, in front of stand-ins. */
export const startGateway = (options: Omit<InstanceOptions, "services"> = {}): Promise<Instance> =>
  startInstance({ ...options, services: ["gateway"] });

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const { databases = {} } = options;
  const users = await ownDatabase("users", databases.users);
  const registry = await ownDatabase("registry", databases.registry);
  const vhost = options.bus === "rabbitmq" ? await testVhost() : undefined;
  const environment = {
    DATABASE_URL: users.url,
    REGISTRY_DATABASE_URL: registry.url,
    RETRY_DELAYS_MS: "30,30",
    ...(vhost === undefined ? {} : { AMQP_URL: vhost.url }),
    ...options.environment,
  };
  const start = () => startInstance({ ...options, environment });
  const first = await start();
  const instances = [first];
  return {
    ...first,
    urls: { users: users.url, registry: registry.url },
    usersDb: users.pool,
    registryDb: registry.pool,
    async another() {
      const instance = await start();
      instances.push(instance);
      return instance;
    },
    async eventsOf(userId) {
      const { rows } = await users.pool.query<{ body: string }>(
        "select body from outbox where aggregate_id = $1 order by id",
        [userId],
      );
      return rows.map(({ body }) => UserEvent.parse(JSON.parse(body)));
    },
    async refuseEventsOf(correlationId) {
      await users.pool.query(`
        create function refuse_event() returns trigger language plpgsql as
          $$ begin raise exception 'no room'; end $$;
        create trigger refuse_event before insert on outbox for each row
          when (new.correlation_id = '${correlationId}') execute function refuse_event()`);
    },
    async breakRegistry() {
      await registry.pool.query(`
        create or replace function refuse() returns trigger language plpgsql as
          $$ begin raise exception 'refused'; end $$;
        create trigger refuse before insert or update on watermarks for each row execute function refuse()`);
    },
    mendRegistry: async () => void (await registry.pool.query("drop trigger refuse on watermarks")),
    async withChannel(use) {
      const connection = await amqp.connect(vhost?.url ?? "");
      try {
        return await use(await connection.createConfirmChannel());
      } finally {
        await connection.close();
      }
    },
    async stop() {
      for (const instance of instances) await instance.stop();
      await users.close();
      await registry.close();
      await vhost?.drop();
    },
  };
}

/** The body of an answer that must be one of success. */
export async function done<T = Record<string, unknown>>(
  rig: Pick<Instance, "http">,
  ...request: Parameters<Instance["http"]>
): Promise<T> {
  const { status, body } = await rig.http(...request);
  if (status >= 300) throw new Error(`${request.slice(0, 2).join(" ")}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** What a service tells of itself once it is up. */
export const healthOf = (
  rig: Pick<Instance, "callOnce">,
  action: Extract<ActionName, `${string}.health`>,
): Promise<Health> =>
  eventually(async () => {
    const told = await rig.callOnce(action, {});
    if (told.status !== "up") throw new Error(`${action}: ${JSON.stringify(told)}`);
    return told;
  });

/** One that stops with its test. */
export async function rigOf(
  t: { teardown(end: () => Promise<void>): void },
  options?: RigOptions,
): Promise<Rig> {
  const rig = await startRig(options);
  t.teardown(rig.stop);
  return rig;
}
