/** Services of the system in the benchmark's own process, as their own process would host them, on its bus. */
import { ServiceBroker } from "moleculer";
import { createMetrics } from "../../../mixins/metrics.ts";
import { brokerOptions } from "../../../moleculer.config.ts";
import { loadConfig } from "../../../services/config/index.ts";
import { createBus, factories, type HostedName } from "../../../services/runtime/composition.ts";
import { eventually } from "../../support/eventually.ts";
import { type Place, silentLog } from "./servers.ts";

const connectTimeoutMs = 30_000;

export interface Hosted {
  stop(): Promise<void>;
}

export async function host(place: Place, names: readonly HostedName[]): Promise<Hosted> {
  const config = loadConfig({
    DATABASE_URL: place.usersUrl,
    REGISTRY_DATABASE_URL: place.registryUrl,
    AMQP_URL: place.amqpUrl,
    SERVICES: "users,audit,outbox,smtp-registry",
    RECONCILE_MINUTES: "0",
  });
  const owned = createBus(config, silentLog);
  await owned.start();
  const broker = new ServiceBroker({
    ...brokerOptions({ ...config, amqpUrl: undefined }, silentLog),
    skipProcessEventRegistration: true,
  });
  const platform = { log: silentLog, metrics: createMetrics(), bus: owned.bus, now: () => new Date() };
  await eventually(
    () => {
      if (!owned.bus.status().connected) throw new Error("The bus does not connect");
    },
    { timeoutMs: connectTimeoutMs },
  );
  for (const name of names) broker.createService(factories[name](platform, config));
  await broker.start();
  return {
    async stop() {
      await broker.stop();
      await owned.close();
    },
  };
}
