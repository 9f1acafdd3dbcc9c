/** The whole system in one broker, over HTTP, on either bus, with consumers that a test can make fail. */

import { randomUUID } from "node:crypto";
import amqp from "amqplib";
import type { ExecutionContext } from "ava";
import { ServiceBroker } from "moleculer";
import pg from "pg";
import type { Bus } from "../../mixins/bus/port.ts";
import { createMetrics, type Metrics } from "../../mixins/metrics/metrics.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { type Config, loadConfig } from "../../services/config/index.ts";
import { consumerQueues } from "../../services/contracts/consumers.ts";
import { type DeadLetter, DeadLetterPage } from "../../services/contracts/dead-letters.ts";
import type { UserEvent } from "../../services/contracts/events.ts";
import { hostedServices } from "../../services/contracts/services.ts";
import { gatewayAddress } from "../../services/gateway/index.ts";
import { createBus, makeService } from "../../services/runtime/composition.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { type EventParts, userEvent } from "./events.ts";
import { eventually } from "./eventually.ts";
import { testLogger } from "./logs.ts";
import { testDatabase, testVhost } from "./resources.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a foreign answer is looked at member by member
  readonly body: any;
}

export interface DeadLettersRig {
  readonly bus: Bus;
  readonly broker: ServiceBroker;
  readonly metrics: Metrics;
  readonly config: Config;
  /** Log lines, parsed. */
  readonly lines: Record<string, unknown>[];
  readonly usersDb: pg.Pool;
  readonly registryDb: pg.Pool;
  http(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** The letters that the list shows, once there are so many. */
  letters(count: number, query?: string): Promise<DeadLetter[]>;
  letter(id: string): Promise<Answer["body"]>;
  gauge(): Promise<Record<string, number>>;
  /** smtp-registry's database refuses every effect, or does not any more. */
  breakRegistry(): Promise<void>;
  mendRegistry(): Promise<void>;
  /** Uses a channel of the test's own; RabbitMQ only. */
  withChannel<T>(use: (channel: amqp.ConfirmChannel) => Promise<T>): Promise<T>;
}

/** An event of a user that has just this address. */
export function addressEvent(primarySmtp: string, parts: EventParts): UserEvent {
  const event = userEvent(parts);
  return { ...event, data: { ...event.data, user: { ...event.data.user, primarySmtp } } };
}

async function client(url: string, ...[method, path, body, headers]: Parameters<DeadLettersRig["http"]>) {
  const answer = await fetch(url + path, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    body: text === "" ? undefined : JSON.parse(text),
  };
}

async function started(config: Config, lines: Record<string, unknown>[], now: () => Date) {
  const log = testLogger({ lines, level: "info", nodeId: config.nodeId });
  const owned = await createBus(config, log);
  await owned.start();
  const metrics = createMetrics();
  const platform = { log, metrics, bus: owned.bus, now };
  const broker = new ServiceBroker(brokerOptions({ ...config, amqpUrl: undefined }, log));
  for (const name of hostedServices(config.services))
    broker.createService(await makeService(name, platform, config));
  await broker.start();
  await eventually(() => {
    if (!owned.bus.status().connected) throw new Error("The bus does not connect");
  });
  return { owned, metrics, broker };
}

export async function deadLettersRig(
  t: ExecutionContext,
  kind: Bus["kind"],
  environment: Record<string, string> = {},
  now: () => Date = () => new Date(),
): Promise<DeadLettersRig> {
  const [users, registry] = [await testDatabase(), await testDatabase()];
  await migrate("users", users.url);
  await migrate("registry", registry.url);
  const vhost = kind === "rabbitmq" ? await testVhost() : undefined;
  const config = loadConfig({
    DATABASE_URL: users.url,
    REGISTRY_DATABASE_URL: registry.url,
    HTTP_PORT: "0",
    RETRY_DELAYS_MS: "30,30",
    NODE_ID: `dead-letters-${randomUUID()}`,
    ...(vhost === undefined ? {} : { AMQP_URL: vhost.url }),
    ...environment,
  });
  const lines: Record<string, unknown>[] = [];
  const { owned, metrics, broker } = await started(config, lines, now);
  const usersDb = new pg.Pool({ connectionString: users.url, max: 2 });
  const registryDb = new pg.Pool({ connectionString: registry.url, max: 2 });
  await registryDb.query(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'refused'; end $$`);
  t.teardown(async () => {
    await broker.stop();
    await owned.close();
    await usersDb.end();
    await registryDb.end();
    for (const resource of [users, registry, vhost]) await resource?.drop();
  });
  const url = `http://127.0.0.1:${gatewayAddress(broker)?.port}`;
  const http: DeadLettersRig["http"] = (...request) => client(url, ...request);
  return {
    bus: owned.bus,
    broker,
    metrics,
    config,
    lines,
    usersDb,
    registryDb,
    http,
    letters: (count, query = "limit=200") =>
      eventually(async () => {
        const of = query.includes("status=") ? query : `${query}&status=all`;
        const { body } = await http("GET", `/dead-letters?${of}`);
        const { items } = DeadLetterPage.parse(body);
        if (items.length !== count) throw new Error(`${items.length} letters instead of ${count}`);
        return items;
      }),
    letter: async (id) => (await http("GET", `/dead-letters/${id}`)).body,
    async gauge() {
      await metrics.expose();
      const { values } = await metrics.deadLetters.get();
      return Object.fromEntries(values.map(({ labels, value }) => [String(labels.queue), value]));
    },
    breakRegistry: async () =>
      void (await registryDb.query(
        "create trigger refuse before insert or update on watermarks for each row execute function refuse()",
      )),
    mendRegistry: async () => void (await registryDb.query("drop trigger refuse on watermarks")),
    async withChannel(use) {
      const connection = await amqp.connect(vhost?.url ?? "");
      try {
        return await use(await connection.createConfirmChannel());
      } finally {
        await connection.close();
      }
    },
  };
}

export const bothQueues = consumerQueues;
