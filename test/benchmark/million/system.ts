/** The servers and the system of a run: PostgreSQL as it comes (durable, autovacuum on), RabbitMQ, every service. */

import { ServiceBroker } from "moleculer";
import type { Bus } from "../../../mixins/bus/port.ts";
import { processMetrics } from "../../../mixins/metrics/metrics.ts";
import { brokerOptions } from "../../../moleculer.config.ts";
import { loadConfig } from "../../../services/config/index.ts";
import { outboxAppended } from "../../../services/contracts/events.ts";
import { hostedServices } from "../../../services/contracts/services.ts";
import { hostedService, processBus } from "../../../services/runtime/composition.ts";
import { migrate } from "../../../services/runtime/migrations.ts";
import { chaosPostgres } from "../../chaos/postgres.ts";
import { chaosRabbit } from "../../chaos/rabbitmq.ts";
import { eventually } from "../../support/eventually.ts";
import { testLogger } from "../../support/logs.ts";

export interface System {
  readonly urls: { readonly users: string; readonly registry: string; readonly twin: string };
  readonly bus: Bus;
  /** Wakes the relay as a writer does. */
  nudge(): void;
  /** Events that each consumer is done with. */
  processed(): Promise<number[]>;
  postgresVersion(): Promise<string>;
  stop(): Promise<void>;
}

const databases = ["mailroster_users", "mailroster_registry", "mailroster_twin"] as const;

async function hosted(environment: Record<string, string>) {
  const config = loadConfig(environment);
  const log = testLogger({ level: "error", nodeId: config.nodeId });
  const owned = await processBus(config, log);
  await owned.start();
  const metrics = processMetrics();
  const broker = new ServiceBroker(brokerOptions({ ...config, amqpUrl: undefined }, log));
  for (const name of hostedServices(config.services))
    broker.createService(
      await hostedService(name, { log, metrics, bus: owned.bus, now: () => new Date() }, config),
    );
  await broker.start();
  await eventually(
    () => {
      if (!owned.bus.status().connected) throw new Error("The bus does not connect");
    },
    { timeoutMs: 60_000 },
  );
  return { owned, metrics, broker };
}

/** Every service in one process, on servers of their own. */
export async function startSystem(overRabbit: boolean, environment: Record<string, string>): Promise<System> {
  const postgres = await chaosPostgres();
  const rabbit = overRabbit ? await chaosRabbit() : undefined;
  const remove = async (): Promise<void> => {
    await rabbit?.remove();
    await postgres.remove();
  };
  try {
    await postgres.start();
    await rabbit?.start();
    for (const name of databases) await postgres.query("postgres", `create database ${name}`);
    const [users, registry, twin] = databases.map(postgres.url) as [string, string, string];
    for (const url of [users, twin]) await migrate("users", url);
    await migrate("registry", registry);
    const { owned, metrics, broker } = await hosted({
      DATABASE_URL: users,
      REGISTRY_DATABASE_URL: registry,
      ...(rabbit === undefined
        ? { HTTP_PORT: "0" }
        : { SERVICES: "users,audit,outbox,smtp-registry", AMQP_URL: rabbit.url }),
      RECONCILE_MINUTES: "0",
      ...environment,
      NODE_ID: "million-events",
    });
    return {
      urls: { users, registry, twin },
      bus: owned.bus,
      nudge: () => void broker.emit(outboxAppended, {}),
      async processed() {
        const { values } = await metrics.eventsProcessed.get();
        const each = new Map<unknown, number>();
        for (const { labels, value } of values)
          each.set(labels.consumer, (each.get(labels.consumer) ?? 0) + value);
        return [...each.values()];
      },
      async postgresVersion() {
        const [row] = await postgres.query<{ server_version: string }>("postgres", "show server_version");
        return row?.server_version ?? "";
      },
      async stop() {
        await broker.stop();
        await owned.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
