/** The parts a process is put together from: the services, and the bus that fits the configuration. */
import type { ServiceSchema } from "moleculer";
import { nodesInTurn } from "../../mixins/bus/nodes.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { userQueues } from "../../mixins/bus/topology.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Config } from "../config/index.ts";
import type { HostedName } from "../contracts/services.ts";

type ServiceFactory = (platform: Platform, config: Config) => ServiceSchema;

/**
 * The schema of a service. Its code is loaded where it is hosted: without the others' a gateway has 30 MB less, which is
 * the ORM's.
 */
export async function hostedService(
  name: HostedName,
  platform: Platform,
  config: Config,
): Promise<ServiceSchema> {
  const { default: factory } = (await import(`../${name}/index.ts`)) as { readonly default: ServiceFactory };
  return factory(platform, config);
}

const deadLetterPoolMax = 2;
const statementTimeoutMs = 10_000;

export interface OwnedBus {
  readonly bus: Bus;
  /** Opens what the bus needs, and lets it connect. */
  start(): Promise<void>;
  /** The services have been stopped. */
  close(): Promise<void>;
}

/** RabbitMQ when there is one; else the outbox table is the queue, and dead letters go to a table beside it. */
export async function processBus(config: Config, log: Logger): Promise<OwnedBus> {
  const { eventsAmqpUrl, retryDelaysMs } = config;
  const queues = userQueues;
  if (eventsAmqpUrl !== undefined) {
    const { rabbitMqBus } = await import("../../mixins/bus/rabbitmq.ts");
    const bus = rabbitMqBus({
      url: nodesInTurn(eventsAmqpUrl, config.nodeId),
      tls: config.amqpTls,
      queues,
      retryDelaysMs,
      connectionName: `mailroster ${config.nodeId}`,
      peers: config.peers,
      log: log.child({ service: "bus" }),
    });
    return { bus, start: async () => bus.start(), close: () => bus.close() };
  }
  const [{ inProcessBus }, { storeDeadLetter }, letters] = await Promise.all([
    import("../../mixins/bus/in-process.ts"),
    import("../../mixins/bus/dead-letters.ts"),
    deadLetterDatabase(config, log.child({ service: "bus" })),
  ]);
  const { started: open, stopped: shut } = letters.mixin as Record<
    "started" | "stopped",
    () => Promise<void>
  >;
  const bus = inProcessBus({
    queues,
    retryDelaysMs,
    log: log.child({ service: "bus" }),
    deadLetter: (letter) => letters.transaction((em) => storeDeadLetter(em, letter)),
  });
  return {
    bus,
    async start() {
      await open();
      bus.start();
    },
    async close() {
      await bus.close();
      await shut();
    },
  };
}

async function deadLetterDatabase(config: Config, log: Logger) {
  if (config.usersDatabaseUrl === undefined)
    throw new Error("Cannot make the in-process bus: the URL of the users database is not set");
  const { database } = await import("../../mixins/postgres/database.ts");
  const { DeadLetterRecord } = await import("../../mixins/bus/dead-letters.ts");
  return database({
    url: config.usersDatabaseUrl,
    entities: [DeadLetterRecord],
    applicationName: "mailroster-dead-letters",
    poolMax: deadLetterPoolMax,
    statementTimeoutMs,
    log,
  });
}
