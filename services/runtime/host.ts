/**
 * Starts what one process hosts, in the one order that keeps the promises: the data folder before the ports, the
 * ports before any database, the health endpoint before anything that may take long, the services last.
 */
import { randomBytes } from "node:crypto";
import { type BrokerOptions, ServiceBroker } from "moleculer";
import type { HealthCheck } from "../../mixins/basics/mixin.ts";
import { requireFreePort } from "../../mixins/basics/ports.ts";
import { publishFault } from "../../mixins/bus/bus-check.ts";
import { faultsIn, healthOf, runChecks } from "../../mixins/health.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { type Metrics, processMetrics } from "../../mixins/metrics/metrics.ts";
import type { CallTransporter } from "../../mixins/moleculer/call-transporter.ts";
import { leave } from "../../mixins/patches/moleculer-leave.ts";
import type { Platform } from "../../mixins/platform.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import type { Config } from "../config/index.ts";
import type { Health } from "../contracts/actions.ts";
import { stoppingEvent } from "../contracts/operations.ts";
import {
  type HostedName,
  hostedNames,
  hostedServices,
  usesBus,
  usesDatabase,
} from "../contracts/services.ts";
import type { EmbeddedPostgres } from "../embedded/embedded-postgres.ts";
import { hostedService, processBus } from "./composition.ts";
import { type DataFolder, takeDataFolder } from "./data-folder.ts";
import { LoopbackTransporter } from "./loopback.ts";
import { startOpsServer } from "./ops-server.ts";
import { acquaintance } from "./peers.ts";
import { showHealth, showQueues } from "./process-figures.ts";
import type { Lifecycle } from "./shutdown.ts";
import type { RunningSystem } from "./summary.ts";
import { startTracing } from "./tracing.ts";

const healthTimeoutMs = 1_000;

export interface Host extends RunningSystem {
  readonly broker: ServiceBroker;
  /** Of this process, as `/health/ready` on OPS_PORT tells it. Never rejects. */
  health(): Promise<Health>;
  /** Makes and starts a service anew that was destroyed; resolves when it serves. */
  startAgain(name: HostedName): Promise<void>;
}

/** What the REPL adds to the broker it opens in. */
export type BrokerExtras = Pick<BrokerOptions, "middlewares" | "replOptions">;

type Checks = Record<string, HealthCheck>;

/** The health of a start that is still under way, of what runs, or of a stop. */
interface Readiness {
  checks: Checks;
}

const stateChecks = (state: string): Checks => ({
  process: () => {
    throw new Error(state);
  },
});

const transporterOf = (broker: ServiceBroker): CallTransporter =>
  broker.transit?.tx as unknown as CallTransporter;

async function serviceIsUp(broker: ServiceBroker, name: HostedName): Promise<void> {
  const health = await healthOf(broker, name, healthTimeoutMs);
  if (health.status === "down") throw new Error(faultsIn(health));
}

function checksOf(config: Config, broker: ServiceBroker, platform: Platform): Checks {
  const checks: Checks = {};
  for (const name of hostedServices(config.services))
    if (name !== "gateway") checks[name] = () => serviceIsUp(broker, name);
  if (usesBus(config.services))
    checks.bus = () => {
      const fault = publishFault(platform.bus);
      if (fault !== undefined) throw new Error(fault);
    };
  if (config.amqpUrl !== undefined) checks.transporter = () => transporterOf(broker).check();
  return checks;
}

const hasDatabase = ({ services }: Config): boolean =>
  usesDatabase(services, "users") || usesDatabase(services, "registry");

/** RabbitMQ may be a server of one's own while the databases are not. */
const needsEmbeddedPostgres = (config: Config): boolean =>
  config.usersDatabaseUrl === undefined && config.registryDatabaseUrl === undefined && hasDatabase(config);

/** Our own server, when nobody has named one. */
async function embeddedPostgres(
  config: Config,
  folder: DataFolder | undefined,
  log: Logger,
  life: Lifecycle,
): Promise<EmbeddedPostgres | undefined> {
  if (folder === undefined || !needsEmbeddedPostgres(config)) return undefined;
  const { startEmbeddedPostgres } = await import("../embedded/embedded-postgres.ts");
  const postgres = await startEmbeddedPostgres(folder.path, log.child({ service: "postgres" }));
  life.started("the embedded PostgreSQL", postgres.stop, postgres.abandon);
  return postgres;
}

/** The same configuration with the addresses of the databases, which have their schema. */
async function withDatabases(
  config: Config,
  folder: DataFolder | undefined,
  log: Logger,
  life: Lifecycle,
): Promise<Config> {
  const postgres = await embeddedPostgres(config, folder, log, life);
  const complete = postgres === undefined ? config : { ...config, ...postgres.urls };
  if (!hasDatabase(complete)) return complete;
  const { databaseTargets, prepareDatabases } = await import("./prepare-databases.ts");
  const signal = postgres === undefined ? life.signal : AbortSignal.any([life.signal, postgres.ended]);
  const embeddedIn = postgres === undefined ? undefined : folder?.path;
  await prepareDatabases(databaseTargets(complete), { log, signal, way: config.migrate, embeddedIn });
  postgres?.keepUp();
  return complete;
}

interface Joining {
  readonly options: BrokerOptions;
  readonly door: { readonly secret: string; readonly transporter: LoopbackTransporter } | undefined;
}

/** Without RabbitMQ the broker still opens a door on the loopback interface, for the REPL alone. */
function joiningOf(config: Config, log: Logger, metrics: Metrics, extra: BrokerExtras): Joining {
  const configured = brokerOptions(config, log, metrics);
  const middlewares = [...(configured.middlewares ?? []), ...(extra.middlewares ?? [])];
  const options = { ...configured, ...extra, middlewares };
  if (config.amqpUrl !== undefined) return { options, door: undefined };
  const secret = randomBytes(24).toString("base64url");
  const transporter = new LoopbackTransporter(secret);
  return { options: { ...options, transporter }, door: { secret, transporter } };
}

/** What the gateway alone can tell of itself. */
async function gatewayChecks(broker: ServiceBroker): Promise<Checks> {
  const { identityCheck } = await import("../gateway/index.ts");
  const identity = identityCheck(broker);
  return identity === undefined ? {} : { identity };
}

async function httpPortOf(broker: ServiceBroker): Promise<number | undefined> {
  const { gatewayAddress } = await import("../gateway/index.ts");
  return gatewayAddress(broker)?.port;
}

async function stopServices(broker: ServiceBroker): Promise<void> {
  for (const name of hostedNames) {
    const service = broker.getLocalService(name);
    if (service) await broker.destroyService(service);
  }
  await broker.stop();
}

/** A process that lacks only its broker, which whoever asked makes. */
export interface PreparedHost {
  readonly options: BrokerOptions;
  /** Before the broker's start. */
  addServices(broker: ServiceBroker): void;
  /** After the broker's start. */
  announce(broker: ServiceBroker): Promise<Host>;
}

/** Rejects with StartError, or with the signal's reason when stopped meanwhile; what was started is in `life`. */
export async function startHost(
  config: Config,
  log: Logger,
  life: Lifecycle,
  extra: BrokerExtras = {},
): Promise<Host> {
  const prepared = await prepareHost(config, log, life, extra);
  const broker = new ServiceBroker(prepared.options);
  prepared.addServices(broker);
  await broker.start();
  return prepared.announce(broker);
}

/** Starts all that a broker's services need. Rejects as `startHost` does. */
export async function prepareHost(
  config: Config,
  log: Logger,
  life: Lifecycle,
  extra: BrokerExtras = {},
): Promise<PreparedHost> {
  const startedAt = performance.now();
  const hostsGateway = config.services.includes("gateway");
  const tracing = await startTracing(config, log);
  if (tracing !== undefined) life.started("the exporter of spans", tracing.stop);
  const keepsData = config.amqpUrl === undefined || needsEmbeddedPostgres(config);
  const folder = keepsData ? takeDataFolder(config.dataDir) : undefined;
  if (folder !== undefined) life.started("the data folder's lock", folder.release, folder.release);

  const metrics = processMetrics();
  const readiness: Readiness = { checks: stateChecks("starting") };
  const ready = (): Promise<Health> =>
    runChecks(life.signal.aborted ? stateChecks("stopping") : readiness.checks);
  if (hostsGateway) await requireFreePort("HTTP_PORT", config.httpHost, config.httpPort);
  const ops = await startOpsServer({
    host: config.opsHost,
    port: config.opsPort,
    token: config.opsToken,
    allowedHosts: config.allowedHosts,
    metrics,
    ready,
  });
  life.started("the ops server", ops.close);
  showHealth(metrics, ready);

  const complete = await withDatabases(config, folder, log, life);

  const owned = await processBus(complete, log);
  const platform: Platform = { log, metrics, bus: owned.bus, now: () => new Date() };
  life.started("the bus", owned.close);
  if (usesBus(complete.services)) {
    await owned.start();
    life.started("the figures of the queues", showQueues(metrics, owned.bus));
  }

  const { options, door } = joiningOf(complete, log, metrics, extra);
  const schemaOf = (name: HostedName) => hostedService(name, platform, complete);
  const schemas = await Promise.all(hostedServices(complete.services).map(schemaOf));
  life.signal.throwIfAborted();
  return {
    options,
    addServices(broker) {
      for (const schema of schemas) broker.createService(schema);
      life.signal.addEventListener("abort", () => broker.broadcastLocal(stoppingEvent), { once: true });
      life.started("the services", async () => {
        if (complete.amqpUrl !== undefined) await leave(broker);
        await stopServices(broker);
      });
    },
    async announce(broker) {
      if (door !== undefined)
        folder?.publish({ nodeId: broker.nodeID, port: door.transporter.port, secret: door.secret });
      const own = hostsGateway ? await gatewayChecks(broker) : {};
      readiness.checks = { ...checksOf(complete, broker, platform), ...own };
      if (complete.amqpUrl !== undefined) {
        const isConnected = () => broker.transit?.tx.connected === true;
        const { check } = acquaintance(broker, isConnected, log.child({ service: "runtime" }), life.signal);
        readiness.checks.peers = check;
      }
      return {
        broker,
        health: ready,
        async startAgain(name) {
          broker.createService(await schemaOf(name));
          await broker.waitForServices([name]);
        },
        config: complete,
        httpPort: hostsGateway ? await httpPortOf(broker) : undefined,
        opsPort: ops.port,
        embeddedIn: complete === config ? undefined : folder?.path,
        startMs: performance.now() - startedAt,
      };
    },
  };
}
