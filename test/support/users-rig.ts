/**
 * The users service beside the real smtp-registry, in one broker on two databases of their own. With `relay`, events go
 * their whole way to the registry; without it they stay in the outbox, where a test can look at them.
 */
import type { EntitySchema } from "@mikro-orm/core";
import { ServiceBroker } from "moleculer";
import pg from "pg";
import { inProcessBus } from "../../mixins/bus/in-process.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { createMetrics, type Metrics } from "../../mixins/metrics/metrics.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { type Database, database } from "../../mixins/postgres/database.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { loadConfig } from "../../services/config/index.ts";
import type { ActionInput, ActionName, ActionResult, CallMeta } from "../../services/contracts/actions.ts";
import { consumers } from "../../services/contracts/consumers.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { eventTypes, UserEvent } from "../../services/contracts/events.ts";
import outboxService from "../../services/outbox/index.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import smtpRegistryService from "../../services/smtp-registry/index.ts";
import usersService from "../../services/users/index.ts";
import { testLogger } from "./logs.ts";
import { testDatabase } from "./resources.ts";

export interface Instance {
  readonly broker: ServiceBroker;
  readonly metrics: Metrics;
  /** Log lines, parsed. */
  readonly lines: Record<string, unknown>[];
  call<N extends ActionName>(name: N, params: ActionInput<N>, meta?: CallMeta): Promise<ActionResult<N>>;
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
  /** Another process's worth of both services on the same databases. */
  another(): Promise<Instance>;
  /** What a user's changes have put into the outbox, in the order of its ids. */
  eventsOf(userId: string): Promise<UserEvent[]>;
  /** From now on the database refuses to store events of this correlation. */
  refuseEventsOf(correlationId: string): Promise<void>;
}

/** Does what a client does on a 503: the same request again. */
export async function persistently<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof Unavailable) || attempt === 20) throw error;
    }
  }
}

/** A database that is open without a service around it. */
export async function openDatabase(
  url: string,
  entities: readonly unknown[],
  poolMax = 2,
): Promise<Database & { close(): Promise<void> }> {
  const db = database({
    url,
    entities: entities as readonly EntitySchema[],
    applicationName: "mailroster-test",
    poolMax,
    statementTimeoutMs: 1_000,
  });
  const { started, stopped } = db.mixin as Record<"started" | "stopped", () => Promise<void>>;
  await started();
  return { ...db, close: stopped };
}

interface RigOptions {
  readonly relay?: boolean;
  readonly environment?: Record<string, string>;
}

let nodes = 0;

async function startInstance(
  urls: { users: string; registry: string },
  options: RigOptions,
): Promise<Instance> {
  nodes += 1;
  const config = loadConfig({
    DATABASE_URL: urls.users,
    REGISTRY_DATABASE_URL: urls.registry,
    NODE_ID: `users-rig-${process.pid}-${nodes}`,
    ...options.environment,
  });
  const lines: Record<string, unknown>[] = [];
  const log = testLogger({ lines, level: "info", nodeId: config.nodeId });
  const metrics = createMetrics();
  const bus: Bus = inProcessBus({
    queues: [{ queue: consumers["smtp-registry"].queue, bindings: eventTypes }],
    retryDelaysMs: config.retryDelaysMs,
    deadLetter: (letter) => Promise.reject(new Error(`Cannot go on: ${letter.reason} in a test`)),
    log,
  });
  const platform = { log, metrics, bus, now: () => new Date() };
  const broker = new ServiceBroker(brokerOptions({ ...config, amqpUrl: undefined }, log));
  broker.createService(usersService(platform, config));
  broker.createService(smtpRegistryService(platform, config));
  if (options.relay) broker.createService(outboxService(platform, config));
  bus.start();
  await broker.start();
  return {
    broker,
    metrics,
    lines,
    call: (name, params, meta = {}) => callAction(broker, name, params, { meta }),
    async callWithMeta(name, params, meta) {
      const pending = callAction(broker, name, params, { meta });
      const result = await pending;
      return { result, meta: (pending as unknown as { ctx: { meta: CallMeta } }).ctx.meta };
    },
    async stop() {
      await broker.stop();
      await bus.close();
    },
  };
}

export async function startUsersRig(options: RigOptions = {}): Promise<Rig> {
  const [users, registry] = [await testDatabase(), await testDatabase()];
  const urls = { users: users.url, registry: registry.url };
  await migrate("users", urls.users);
  await migrate("registry", urls.registry);
  const usersDb = new pg.Pool({ connectionString: urls.users, max: 2 });
  const registryDb = new pg.Pool({ connectionString: urls.registry, max: 2 });
  const instances = [await startInstance(urls, options)];
  const [first] = instances as [Instance];
  return {
    ...first,
    urls,
    usersDb,
    registryDb,
    async another() {
      const instance = await startInstance(urls, options);
      instances.push(instance);
      return instance;
    },
    async eventsOf(userId) {
      const { rows } = await usersDb.query<{ body: string }>(
        "select body from outbox where aggregate_id = $1 order by id",
        [userId],
      );
      return rows.map(({ body }) => UserEvent.parse(JSON.parse(body)));
    },
    async refuseEventsOf(correlationId) {
      await usersDb.query(`
        create function refuse_event() returns trigger language plpgsql as
          $$ begin raise exception 'no room'; end $$;
        create trigger refuse_event before insert on outbox for each row
          when (new.correlation_id = '${correlationId}') execute function refuse_event()`);
    },
    async stop() {
      for (const instance of instances) await instance.stop();
      await Promise.all([usersDb.end(), registryDb.end()]);
      await users.drop();
      await registry.drop();
    },
  };
}
