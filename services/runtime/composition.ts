/** The parts a process is put together from: every service's factory, and the bus that fits the configuration. */
import type { ServiceSchema } from "moleculer";
import type { Bus } from "../../mixins/bus/port.ts";
import { userQueues } from "../../mixins/bus/topology.ts";
import type { Logger } from "../../mixins/logging.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Config, ServiceName } from "../config/index.ts";

export type ServiceFactory = (platform: Platform, config: Config) => Promise<ServiceSchema>;

/** A service of a process: one that SERVICES names, or one that comes with another. */
export type HostedName = ServiceName | "dead-letters" | "reconciler" | "trace" | "ops";

/**
 * The dead letters live where the events come from: in the outbox's database, in each process that hosts it. The
 * reconciler measures the others by users, so it goes with users. The trace has no data of its own and is asked when
 * something is away: with the gateway, which has nobody to ask but its own process then, and with users, for the REPL of
 * an installation without a gateway. Each process has its own ops.
 */
export const hostedServices = ({ services }: Pick<Config, "services">): readonly HostedName[] => [
  ...services,
  ...(services.includes("outbox") ? (["dead-letters"] as const) : []),
  ...(services.includes("users") ? (["reconciler"] as const) : []),
  ...(services.includes("users") || services.includes("gateway") ? (["trace"] as const) : []),
  "ops",
];

/** A service's code is loaded where it is hosted: without the others' a gateway has 30 MB less, which is the ORM's. */
export const factories: Readonly<Record<HostedName, ServiceFactory>> = {
  gateway: async (platform, config) => (await import("../gateway/index.ts")).gatewayService(platform, config),
  users: async (platform, config) => (await import("../users/index.ts")).usersService(platform, config),
  audit: async (platform, config) => (await import("../audit/index.ts")).auditService(platform, config),
  outbox: async (platform, config) => (await import("../outbox/index.ts")).outboxService(platform, config),
  "smtp-registry": async (platform, config) =>
    (await import("../smtp-registry/index.ts")).smtpRegistryService(platform, config),
  "dead-letters": async (platform, config) =>
    (await import("../dead-letters/index.ts")).deadLettersService(platform, config),
  reconciler: async (platform, config) =>
    (await import("../reconciler/index.ts")).reconcilerService(platform, config),
  ops: async (platform, config) => (await import("../ops/index.ts")).opsService(platform, config),
  trace: async (_, config) => (await import("../trace/index.ts")).traceService(config),
};

const busUsers: readonly ServiceName[] = ["outbox", "audit", "smtp-registry"];
const deadLetterPoolMax = 2;
const statementTimeoutMs = 10_000;

/** Whether a hosted service publishes or consumes events. */
export const usesBus = (config: Config): boolean => config.services.some((name) => busUsers.includes(name));

export interface OwnedBus {
  readonly bus: Bus;
  /** Opens what the bus needs, and lets it connect. */
  start(): Promise<void>;
  /** The services have been stopped. */
  close(): Promise<void>;
}

/** RabbitMQ when there is one; else the outbox table is the queue, and dead letters go to a table beside it. */
export async function createBus(config: Config, log: Logger): Promise<OwnedBus> {
  const { amqpUrl, retryDelaysMs } = config;
  const queues = userQueues;
  if (amqpUrl !== undefined) {
    const { rabbitMqBus } = await import("../../mixins/bus/rabbitmq.ts");
    const bus = rabbitMqBus({
      url: amqpUrl,
      queues,
      retryDelaysMs,
      connectionName: `mailroster ${config.nodeId}`,
      log: log.child({ service: "bus" }),
    });
    return { bus, start: async () => bus.start(), close: () => bus.close() };
  }
  const [{ inProcessBus }, { storeDeadLetter }, letters] = await Promise.all([
    import("../../mixins/bus/in-process.ts"),
    import("../../mixins/dead-letters.ts"),
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
  const { database } = await import("../../mixins/database.ts");
  const { DeadLetterRecord } = await import("../../mixins/dead-letters.ts");
  return database({
    url: config.usersDatabaseUrl,
    entities: [DeadLetterRecord as never],
    applicationName: "mailroster-dead-letters",
    poolMax: deadLetterPoolMax,
    statementTimeoutMs,
    log,
  });
}
