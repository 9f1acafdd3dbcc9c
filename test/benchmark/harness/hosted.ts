/** Services of the system in the benchmark's own process, as their own process would host them, on its bus. */

import { ServiceBroker } from "moleculer";
import { inProcessBus } from "../../../mixins/bus/in-process.ts";
import { userQueues } from "../../../mixins/bus/topology.ts";
import { processMetrics } from "../../../mixins/metrics/metrics.ts";
import { brokerOptions } from "../../../moleculer.config.ts";
import { type Config, loadConfig } from "../../../services/config/index.ts";
import { type ConsumerName, queueOf } from "../../../services/contracts/consumers.ts";
import type { HostedName } from "../../../services/contracts/services.ts";
import { hostedService, processBus } from "../../../services/runtime/composition.ts";
import type { Place } from "./place.ts";
import { type Servers, silentLog } from "./servers.ts";
import { until } from "./settle.ts";

const connectMsMax = 30_000;

export interface Hosted {
  stop(): Promise<void>;
}

/** Without a broker: as one process that hosts everything. */
const configFor = ({ usersUrl, registryUrl, amqpUrl }: Place): Config =>
  loadConfig({
    DATABASE_URL: usersUrl,
    REGISTRY_DATABASE_URL: registryUrl,
    ...(amqpUrl === "" ? {} : { AMQP_URL: amqpUrl, SERVICES: "users,audit,outbox,smtp-registry" }),
    RECONCILE_MINUTES: "0",
  });

type OwnedBus = Awaited<ReturnType<typeof processBus>>;

/** In process, for an installation that has one consumer: ours has two, and an event waits for all of them. */
function busOf(queue: string, { retryDelaysMs }: Config): OwnedBus {
  const deadLetter = () => Promise.reject(new Error("Cannot go on: an event could not be handled"));
  const queues = userQueues.filter((each) => each.queue === queue);
  const bus = inProcessBus({ queues, retryDelaysMs, log: silentLog, deadLetter });
  return { bus, start: async () => bus.start(), close: () => bus.close() };
}

/** Resolves when they are at work; the run's end stops them too. `only`: events have no other consumer. */
export async function host(
  { stops }: Servers,
  place: Place,
  names: readonly HostedName[],
  only?: ConsumerName,
): Promise<Hosted> {
  const config = configFor(place);
  const owned = only === undefined ? await processBus(config, silentLog) : busOf(queueOf(only), config);
  await owned.start();
  const broker = new ServiceBroker({
    ...brokerOptions({ ...config, amqpUrl: undefined }, silentLog),
    skipProcessEventRegistration: true,
  });
  const platform = { log: silentLog, metrics: processMetrics(), bus: owned.bus, now: () => new Date() };
  await until(() => Promise.resolve(owned.bus.status().connected), {
    msMax: connectMsMax,
    what: "the bus does not connect",
  });
  for (const name of names) broker.createService(await hostedService(name, platform, config));
  const stop = stops.add(async () => {
    await broker.stop();
    await owned.close();
  });
  await broker.start();
  return { stop };
}
