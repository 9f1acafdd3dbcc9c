/** The parts a process is put together from: every service's factory, and the bus that fits the configuration. */
import type { ServiceSchema } from "moleculer";
import { inProcessBus } from "../../mixins/bus/in-process.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { rabbitMqBus } from "../../mixins/bus/rabbitmq.ts";
import { userQueues } from "../../mixins/bus/topology.ts";
import { type Database, database } from "../../mixins/database.ts";
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/dead-letters.ts";
import type { Logger } from "../../mixins/logging.ts";
import type { Platform } from "../../mixins/platform.ts";
import { auditService } from "../audit/index.ts";
import type { Config, ServiceName } from "../config/index.ts";
import { deadLettersService } from "../dead-letters/index.ts";
import { gatewayService } from "../gateway/index.ts";
import { opsService } from "../ops/index.ts";
import { outboxService } from "../outbox/index.ts";
import { reconcilerService } from "../reconciler/index.ts";
import { smtpRegistryService } from "../smtp-registry/index.ts";
import { traceService } from "../trace/index.ts";
import { usersService } from "../users/index.ts";

export type ServiceFactory = (platform: Platform, config: Config) => ServiceSchema;

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

export const factories: Readonly<Record<HostedName, ServiceFactory>> = {
  gateway: (platform, config) => gatewayService(platform, config),
  users: usersService,
  audit: auditService,
  outbox: outboxService,
  "smtp-registry": smtpRegistryService,
  "dead-letters": deadLettersService,
  reconciler: reconcilerService,
  ops: opsService,
  trace: (_, config) => traceService(config),
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
export function createBus(config: Config, log: Logger): OwnedBus {
  const { amqpUrl, retryDelaysMs } = config;
  const queues = userQueues;
  if (amqpUrl !== undefined) {
    const bus = rabbitMqBus({
      url: amqpUrl,
      queues,
      retryDelaysMs,
      connectionName: `mailroster ${config.nodeId}`,
      log: log.child({ service: "bus" }),
    });
    return { bus, start: async () => bus.start(), close: () => bus.close() };
  }
  const letters = deadLetterDatabase(config, log.child({ service: "bus" }));
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

function deadLetterDatabase(config: Config, log: Logger): Database {
  if (config.usersDatabaseUrl === undefined)
    throw new Error("Cannot make the in-process bus: the URL of the users database is not set");
  return database({
    url: config.usersDatabaseUrl,
    entities: [DeadLetterRecord as never],
    applicationName: "mailroster-dead-letters",
    poolMax: deadLetterPoolMax,
    statementTimeoutMs,
    log,
  });
}
