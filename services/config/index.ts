/**
 * The only reader of the environment, also for libraries: what they would read is taken away. `loadConfig` validates once, connects to nothing, and either returns the
 * whole configuration or throws a ConfigError whose message is one sentence that names the variable.
 */
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { BrokerTls } from "../contracts/broker-tls.ts";
import { reachableAuthority } from "../contracts/host.ts";
import { type LogLevel, logLevels } from "../contracts/operations.ts";
import type { Peers } from "../contracts/peers.ts";
import { hostsEverything, type ServiceName, serviceNames, usesDatabase } from "../contracts/services.ts";
import { accessValues } from "./access.ts";
import { blockedByDefault } from "./blocked-local-parts.ts";
import { brokerTls } from "./broker-tls.ts";
import type { ConsoleSettings } from "./console.ts";
import { type DatabaseUrls, readDatabaseUrls } from "./databases.ts";
import { withholdFromLibraries } from "./library-variables.ts";
import { type MailSettings, mailSettings, requireMailClients } from "./mail.ts";
import { misspellings } from "./misspelling.ts";
import { isInContainer, ownNodeId } from "./node-id.ts";
import type { Oidc } from "./oidc.ts";
import { commandNodeId, ownNodePrefix, readBroker, requirePeers } from "./peers.ts";
import { baseUrl, bearerToken, host, integer, integers, list, localParts, nodeId, oneOf } from "./readers.ts";
import { scimValues } from "./scim.ts";
import { termsOf } from "./terms.ts";
import { type Environment, fault, Variables } from "./variables.ts";

export { parsePeers } from "./peers.ts";
export { ConfigError } from "./variables.ts";

/** A load balancer that looks every second or two has noticed by then. */
const drainInContainersMs = 5_000;

/** Each is a queue of its own for every consumer. */
const retriesMax = 20;

export interface Config extends DatabaseUrls, MailSettings, ConsoleSettings {
  readonly services: readonly ServiceName[];
  readonly nodeId: string;
  /** undefined: calls and events stay in this process. `;` separates the nodes of a cluster. */
  readonly amqpUrl: string | undefined;
  /** What both connections to RabbitMQ check its certificate by, and show of themselves. */
  readonly amqpTls: BrokerTls;
  /** Where events go through; a virtual host of their own, or `amqpUrl`. */
  readonly eventsAmqpUrl: string | undefined;
  /** Whose messages are believed at RabbitMQ; undefined: everybody's who has a login there. */
  readonly peers: Peers | undefined;
  /** For `npm run broker` alone: RabbitMQ's management API, with the login of an administrator. */
  readonly managementUrl: string;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly opsHost: string;
  readonly opsPort: number;
  /** What a bearer shows to see more of the ops port than whether the process is well. */
  readonly opsToken: string | undefined;
  /** Between a signal and the stop: not ready, and serving. */
  readonly drainMs: number;
  /** Only this machine can reach `httpHost`. */
  readonly isLoopback: boolean;
  /** How whoever asks shows who they are (docs/guides/access.md). */
  readonly auth: "none" | "required" | "proxy";
  readonly isAuthGiven: boolean;
  /** Somebody has said in so many words that everybody who reaches a port may do everything there. */
  readonly insecureBind: boolean;
  /** Networks of the proxies in front, which are believed what they say of a client. */
  readonly trustedProxies: readonly string[];
  /** What a trusted proxy shows beside its address; undefined: nothing. */
  readonly proxySecret: string | undefined;
  /** Whose access tokens are taken, with AUTH=required; undefined: nobody's. */
  readonly oidc: Oidc | undefined;
  /** In which domain a user of SCIM is whose name is no address; undefined: in none, such a user is refused. */
  readonly scimDefaultDomain: string | undefined;
  /** What stands before /Users in a location; undefined: as the client called us. */
  readonly scimBaseUrl: string | undefined;
  /** What a client of ours (the seeder, the doctor) shows the gateway. */
  readonly gatewayToken: string | undefined;
  /** An owner's key that counts while there is none of another; undefined: there is none. */
  readonly bootstrapKey: string | undefined;
  /** What a Host may name beside loopback and `httpHost`, on both ports; in canonical form. */
  readonly allowedHosts: readonly string[];
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
  readonly logPii: boolean;
  /** Whether a start applies what is missing in its databases, or refuses to go on without it. */
  readonly migrate: "auto" | "check";
  /** Where the embedded PostgreSQL keeps its data. */
  readonly dataDir: string;
  readonly bodyBytesMax: number;
  /** Requests a minute from one client address; 0 is no limit. */
  readonly requestsPerMinuteMax: number;
  /** Units a minute of each caller that is known; undefined: by its roles, 0: no limits by caller. */
  readonly unitsPerMinuteMax: number | undefined;
  /** One retry after each delay, then the dead letters. */
  readonly retryDelaysMs: readonly number[];
  /** A reserved address whose commit was not heard of by then is free again, once users says that nobody has it. */
  readonly reservationTtlMs: number;
  /** A deleted user's addresses can be restored for this long … */
  readonly tombstoneDays: number;
  /** … then only the same user may take them for this long, then anyone. */
  readonly quarantineDays: number;
  readonly idempotencyHours: number;
  /** Keys of one caller that are kept at a time; 0: any number. */
  readonly idempotencyKeysMax: number;
  /** A dead letter that was replayed or discarded is kept for this long; a pending one for ever. */
  readonly deadLetterDays: number;
  /** What was done, read or refused is kept on record for this long. */
  readonly activityDays: number;
  /** What the trace of a request tells of published events and of what was unusual at a consumer is kept this long. */
  readonly traceDays: number;
  /** Time between two comparisons of users, registry and audit log; 0: only on demand. */
  readonly reconcileMinutes: number;
  /** What differs is reported when it still does, unchanged, this much later. */
  readonly reconcileGraceMs: number;
  /** Local parts that nobody may ever take. */
  readonly blockedLocalParts: readonly string[];
  /** Whether an operator may make actions slow or faulty; only ever behind a loopback address. */
  readonly faultInjection: boolean;
  /** Where spans are sent to (OTLP over HTTP); undefined: none are made. */
  readonly otlpEndpoint: string | undefined;
  /** Where a client of ours (the seeder, the doctor) finds the gateway; without a slash at the end. */
  readonly gatewayUrl: string;
  /** Whether somebody said so; then no other place is looked at. */
  readonly isGatewayGiven: boolean;
  /** A sentence for each variable that is set and has no effect, because its name is one of ours misspelt. */
  readonly warnings: readonly string[];
}

/** Throws ConfigError. A person at a terminal gets pretty lines, unless LOG_FORMAT says otherwise. */
export function loadConfig(environment: Environment, isTerminal = process.stdout.isTTY === true): Config {
  const config = readConfig(environment, isTerminal);
  requireTogether(config);
  requirePeers(config);
  return config;
}

/** The configuration of a process that somebody doubts, for a command that joins the system beside it. Throws ConfigError. */
export function loadConfigBeside(environment: Environment, role: string): Config {
  const config = readConfig(environment, process.stdout.isTTY === true);
  requireTogether(config);
  return { ...config, nodeId: commandNodeId(config, role) };
}

/**
 * For a process that hosts no service but works with a system, at somebody's terminal: the commands. Tells of misspelt
 * names itself.
 */
export function loadClientConfig(environment: Environment, role: string): Config {
  const config = readConfig(environment, process.stdout.isTTY === true);
  for (const warning of config.warnings) process.stderr.write(`${warning}\n`);
  return { ...config, services: [], faultInjection: false, nodeId: commandNodeId(config, role) };
}

function readConfig(environment: Environment, isTerminal: boolean): Config {
  const env = new Variables(environment);
  const values = readValues(env, isTerminal);
  const set = Object.keys(environment).filter((name) => environment[name]);
  withholdFromLibraries(process.env);
  return { ...values, warnings: misspellings(set, env.names) };
}

/** The names of all variables, from what is read. */
export function variableNames(): readonly string[] {
  const env = new Variables({});
  readValues(env, false);
  return env.names;
}

/** What nobody may take more of. */
function readLimits(env: Variables) {
  const perMinute = { fallback: 0, min: 0, max: 1_000_000 };
  const areUnitsGiven = env.text("HTTP_UNITS_PER_MINUTE_MAX") !== undefined;
  const bodyBytes = { fallback: 64 * 1024, min: 1024, max: 16 * 1024 * 1024 };
  return {
    bodyBytesMax: integer(env, "HTTP_BODY_BYTES_MAX", bodyBytes),
    requestsPerMinuteMax: integer(env, "HTTP_REQUESTS_PER_MINUTE_MAX", perMinute),
    unitsPerMinuteMax: areUnitsGiven ? integer(env, "HTTP_UNITS_PER_MINUTE_MAX", perMinute) : undefined,
    idempotencyKeysMax: integer(env, "IDEMPOTENCY_KEYS_MAX", { fallback: 10_000, min: 0, max: 10_000_000 }),
  };
}

function readValues(env: Variables, isTerminal: boolean): Omit<Config, "warnings"> {
  const services = list(env, "SERVICES", serviceNames);
  const givenGateway = baseUrl(env, "MAILROSTER_URL");
  const httpHost = host(env, "HTTP_HOST", "127.0.0.1");
  const httpPort = integer(env, "HTTP_PORT", { fallback: 3000, min: 0, max: 65_535 });
  const broker = readBroker(env);
  const ownId = ownNodeId(hostname(), process, isInContainer());
  return {
    services,
    ...broker,
    nodeId: nodeId(env, "NODE_ID", ownId, ownNodePrefix(broker)),
    ...readDatabaseUrls(env),
    amqpTls: brokerTls(env, broker.amqpUrl),
    httpHost,
    httpPort,
    opsHost: host(env, "OPS_HOST", "127.0.0.1"),
    opsPort: integer(env, "OPS_PORT", { fallback: 3001, min: 0, max: 65_535 }),
    opsToken: bearerToken(env, "OPS_TOKEN"),
    drainMs: integer(env, "DRAIN_MS", {
      fallback: isInContainer() && !isTerminal ? drainInContainersMs : 0,
      min: 0,
      max: 60_000,
    }),
    isLoopback: isLoopback(httpHost),
    ...accessValues(env),
    ...scimValues(env),
    logLevel: oneOf(env, "LOG_LEVEL", logLevels, "info"),
    logFormat: oneOf(env, "LOG_FORMAT", ["json", "pretty"], isTerminal ? "pretty" : "json"),
    logPii: oneOf(env, "LOG_PII", ["true", "false"], "false") === "true",
    migrate: oneOf(env, "MIGRATE", ["auto", "check"], "auto"),
    dataDir: env.text("DATA_DIR") ?? ".data",
    ...readLimits(env),
    retryDelaysMs: integers(env, "RETRY_DELAYS_MS", {
      fallback: [1_000, 5_000, 30_000, 120_000, 600_000],
      min: 1,
      max: 24 * 60 * 60 * 1000,
      countMax: retriesMax,
    }),
    reservationTtlMs: integer(env, "RESERVATION_TTL_MS", { fallback: 60_000, min: 1_000, max: 3_600_000 }),
    ...termsOf(env),
    reconcileMinutes: integer(env, "RECONCILE_MINUTES", { fallback: 60, min: 0, max: 10_080 }),
    reconcileGraceMs: integer(env, "RECONCILE_GRACE_MS", { fallback: 30_000, min: 100, max: 3_600_000 }),
    blockedLocalParts: localParts(env, "BLOCKED_LOCAL_PARTS") ?? blockedByDefault,
    ...mailSettings(env),
    faultInjection: oneOf(env, "FAULT_INJECTION", ["true", "false"], "false") === "true",
    otlpEndpoint: baseUrl(env, "OTEL_EXPORTER_OTLP_ENDPOINT"),
    gatewayUrl: givenGateway ?? `http://${reachableAuthority(httpHost, httpPort)}`,
    isGatewayGiven: givenGateway !== undefined,
  };
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || (isIP(host) === 6 ? host === "::1" : isIP(host) === 4 && host.startsWith("127."));

/** Nobody is let in without a right because nobody thought of it. */
function requireAccess({ auth, isAuthGiven, isLoopback: isLocal, insecureBind, ...config }: Config): void {
  if (!config.services.includes("gateway")) return;
  if (!isLocal && !isAuthGiven)
    throw fault(
      "AUTH",
      "is missing: HTTP_HOST is not a loopback address, so say who may ask (required, proxy or none)",
    );
  if (!isLocal && auth === "none" && !insecureBind)
    throw fault(
      "AUTH",
      "must not be none while HTTP_HOST is not a loopback address, unless INSECURE_BIND=true says that everybody who reaches the port may do everything",
    );
  if (auth !== "required" && config.oidc !== undefined)
    throw fault("OIDC_ISSUERS", `takes AUTH=required: with AUTH=${auth} nobody is asked for a token`);
  if (auth === "proxy" && config.trustedProxies.length === 0)
    throw fault("TRUSTED_PROXIES", "is missing: AUTH=proxy believes only the proxies that it names");
}

/** What a process can't do without, given what it hosts. */
function requireTogether(config: Config): void {
  if (config.faultInjection && !isLoopback(config.httpHost))
    throw fault("FAULT_INJECTION", "must not be true while HTTP_HOST is not a loopback address");
  requireAccess(config);
  if (!isLoopback(config.opsHost) && config.opsToken === undefined && !config.insecureBind)
    throw fault(
      "OPS_TOKEN_FILE",
      "is missing: OPS_HOST is no loopback address (INSECURE_BIND=true lets whoever reaches it see all)",
    );
  requireMailClients(config);
  const misspelt = config.warnings.length === 0 ? "" : ` (${config.warnings.join("; ")})`;
  const missing = (name: string, why: string) => fault(name, `is missing: ${why}${misspelt}`);
  const hostsAll = hostsEverything(config.services);
  const hostsUsers = usesDatabase(config.services, "users");
  const hostsRegistry = usesDatabase(config.services, "registry");
  if (config.services.includes("gateway") && config.opsPort !== 0 && config.opsPort === config.httpPort)
    throw fault("OPS_PORT", "must differ from HTTP_PORT");
  if (!hostsAll && config.amqpUrl === undefined)
    throw missing("AMQP_URL", "services in separate processes reach each other over RabbitMQ");
  const embedded =
    hostsAll && config.usersDatabaseUrl === undefined && config.registryDatabaseUrl === undefined;
  if (embedded && config.migrate === "check")
    throw fault(
      "MIGRATE",
      "must not be check without DATABASE_URL: only a start migrates the embedded PostgreSQL",
    );
  if (embedded) return;
  if (hostsUsers && config.usersDatabaseUrl === undefined)
    throw missing("DATABASE_URL", "users, audit and outbox keep their data there");
  if (hostsRegistry && config.registryDatabaseUrl === undefined)
    throw missing("REGISTRY_DATABASE_URL", "smtp-registry keeps its own database, and mail-lookup reads it");
}
