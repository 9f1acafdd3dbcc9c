/**
 * The only reader of the environment. `loadConfig` validates once, connects to nothing, and either returns the
 * whole configuration or throws a ConfigError whose message is one sentence that names the variable.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { hostname } from "node:os";
import { type LogLevel, logLevels } from "../contracts/operations.ts";
import { type Environment, fault, integer, integers, list, oneOf, url } from "./readers.ts";

export { ConfigError } from "./readers.ts";

export const serviceNames = ["gateway", "users", "audit", "outbox", "smtp-registry"] as const;
export type ServiceName = (typeof serviceNames)[number];
/** The services that live in the users database; smtp-registry has its own, the gateway none. */
export const usersDatabaseServices: readonly ServiceName[] = ["users", "audit", "outbox"];

export interface Config {
  readonly services: readonly ServiceName[];
  readonly nodeId: string;
  /** undefined: the embedded PostgreSQL serves both databases. */
  readonly usersDatabaseUrl: string | undefined;
  readonly registryDatabaseUrl: string | undefined;
  /** undefined: calls and events stay in this process. `;` separates the nodes of a cluster. */
  readonly amqpUrl: string | undefined;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly opsPort: number;
  readonly logLevel: LogLevel;
  readonly logFormat: "json" | "pretty";
  readonly logPii: boolean;
  /** Where the embedded PostgreSQL keeps its data. */
  readonly dataDir: string;
  readonly bodyBytesMax: number;
  /** Requests a minute from one client address; 0 is no limit. */
  readonly requestsPerMinuteMax: number;
  /** One retry after each delay, then the dead letters. */
  readonly retryDelaysMs: readonly number[];
  /** A reserved address whose commit was never heard of is free again after this. */
  readonly reservationTtlMs: number;
  /** A deleted user's addresses can be restored for this long … */
  readonly tombstoneDays: number;
  /** … then only the same user may take them for this long, then anyone. */
  readonly quarantineDays: number;
  readonly idempotencyHours: number;
  /** A dead letter that was replayed or discarded is kept for this long; a pending one for ever. */
  readonly deadLetterDays: number;
  /** What the trace of a request tells of published events and of what was unusual at a consumer is kept this long. */
  readonly traceDays: number;
  /** Time between two comparisons of users, registry and audit log; 0: only on demand. */
  readonly reconcileMinutes: number;
  /** What differs is reported when it still does, unchanged, this much later. */
  readonly reconcileGraceMs: number;
  /** Local parts that nobody may ever take, beside those of RFC 2142. */
  readonly blockedLocalParts: readonly string[];
  /** Whether an operator may make actions slow or faulty; only ever behind a loopback address. */
  readonly faultInjection: boolean;
  /** Where spans are sent to (OTLP over HTTP); undefined: none are made. */
  readonly otlpEndpoint: string | undefined;
  /** Where a client of ours (the seeder) finds the gateway; without a slash at the end. */
  readonly gatewayUrl: string;
}

/** `NAME_FILE` may hold the path of a file with the value (Docker and Kubernetes secrets). */
function withFiles(env: Environment): Environment {
  const merged: Environment = { ...env };
  for (const name of ["DATABASE_URL", "REGISTRY_DATABASE_URL", "AMQP_URL"]) {
    const path = env[`${name}_FILE`];
    if (path === undefined || path === "" || env[name]) continue;
    try {
      merged[name] = readFileSync(path, "utf8").trim();
    } catch (cause) {
      throw fault(`${name}_FILE`, "must name a readable file", cause);
    }
  }
  return merged;
}

/** Throws ConfigError. A person at a terminal gets pretty lines, unless LOG_FORMAT says otherwise. */
export function loadConfig(environment: Environment, isTerminal = process.stdout.isTTY === true): Config {
  const config = readConfig(environment, isTerminal);
  requireTogether(config);
  return config;
}

/** For a process that hosts no service but works with a system: the REPL, the migrator, the seeder. */
export function loadClientConfig(environment: Environment, role: string): Config {
  const config = readConfig(environment, process.stdout.isTTY === true);
  return { ...config, services: [], faultInjection: false, nodeId: `${role}-${hostname()}-${process.pid}` };
}

function readConfig(environment: Environment, isTerminal: boolean): Config {
  const env = withFiles(environment);
  const services = list(env, "SERVICES", serviceNames);
  const httpPort = integer(env, "HTTP_PORT", { fallback: 3000, min: 0, max: 65_535 });
  return {
    services,
    nodeId: env.NODE_ID || `${hostname()}-${process.pid}`,
    usersDatabaseUrl: url(env, "DATABASE_URL", ["postgresql:", "postgres:"]),
    registryDatabaseUrl: url(env, "REGISTRY_DATABASE_URL", ["postgresql:", "postgres:"]),
    amqpUrl: url(env, "AMQP_URL", ["amqp:", "amqps:"]),
    httpHost: env.HTTP_HOST || "127.0.0.1",
    httpPort,
    opsPort: integer(env, "OPS_PORT", { fallback: 3001, min: 0, max: 65_535 }),
    logLevel: oneOf(env, "LOG_LEVEL", logLevels, "info"),
    logFormat: oneOf(env, "LOG_FORMAT", ["json", "pretty"], isTerminal ? "pretty" : "json"),
    logPii: oneOf(env, "LOG_PII", ["true", "false"], "false") === "true",
    dataDir: env.DATA_DIR || ".data",
    bodyBytesMax: integer(env, "HTTP_BODY_BYTES_MAX", {
      fallback: 64 * 1024,
      min: 1024,
      max: 16 * 1024 * 1024,
    }),
    requestsPerMinuteMax: integer(env, "HTTP_REQUESTS_PER_MINUTE_MAX", {
      fallback: 0,
      min: 0,
      max: 1_000_000,
    }),
    retryDelaysMs: integers(env, "RETRY_DELAYS_MS", {
      fallback: [1_000, 5_000, 30_000, 120_000, 600_000],
      min: 1,
      max: 24 * 60 * 60 * 1000,
    }),
    reservationTtlMs: integer(env, "RESERVATION_TTL_MS", { fallback: 60_000, min: 1_000, max: 3_600_000 }),
    tombstoneDays: integer(env, "TOMBSTONE_DAYS", { fallback: 30, min: 0, max: 36_500 }),
    quarantineDays: integer(env, "QUARANTINE_DAYS", { fallback: 365, min: 0, max: 36_500 }),
    idempotencyHours: integer(env, "IDEMPOTENCY_HOURS", { fallback: 24, min: 1, max: 24 * 365 }),
    deadLetterDays: integer(env, "DEAD_LETTER_DAYS", { fallback: 30, min: 1, max: 36_500 }),
    traceDays: integer(env, "TRACE_DAYS", { fallback: 7, min: 1, max: 36_500 }),
    reconcileMinutes: integer(env, "RECONCILE_MINUTES", { fallback: 60, min: 0, max: 10_080 }),
    reconcileGraceMs: integer(env, "RECONCILE_GRACE_MS", { fallback: 30_000, min: 100, max: 3_600_000 }),
    blockedLocalParts: (env.BLOCKED_LOCAL_PARTS ?? "").split(",").flatMap((name) => name.trim() || []),
    faultInjection: oneOf(env, "FAULT_INJECTION", ["true", "false"], "false") === "true",
    otlpEndpoint: url(env, "OTEL_EXPORTER_OTLP_ENDPOINT", ["http:", "https:"]),
    gatewayUrl:
      url(env, "MAILROSTER_URL", ["http:", "https:"])?.replace(/\/+$/, "") ?? `http://127.0.0.1:${httpPort}`,
  };
}

const isLoopback = (host: string): boolean =>
  host === "localhost" || (isIP(host) === 6 ? host === "::1" : isIP(host) === 4 && host.startsWith("127."));

/** What a process can't do without, given what it hosts. */
function requireTogether(config: Config): void {
  if (config.faultInjection && !isLoopback(config.httpHost))
    throw fault("FAULT_INJECTION", "must not be true while HTTP_HOST is not a loopback address");
  const missing = (name: string, why: string) => fault(name, `is missing: ${why}`);
  const hostsAll = serviceNames.every((name) => config.services.includes(name));
  const hostsUsers = config.services.some((name) => usersDatabaseServices.includes(name));
  const hostsRegistry = config.services.includes("smtp-registry");
  if (config.services.includes("gateway") && config.opsPort !== 0 && config.opsPort === config.httpPort)
    throw fault("OPS_PORT", "must differ from HTTP_PORT");
  if (config.usersDatabaseUrl !== undefined && config.usersDatabaseUrl === config.registryDatabaseUrl)
    throw fault("REGISTRY_DATABASE_URL", "must name another database than DATABASE_URL");
  if (!hostsAll && config.amqpUrl === undefined)
    throw missing("AMQP_URL", "services in separate processes reach each other over RabbitMQ");
  const embedded =
    hostsAll && config.usersDatabaseUrl === undefined && config.registryDatabaseUrl === undefined;
  if (embedded) return;
  if (hostsUsers && config.usersDatabaseUrl === undefined)
    throw missing("DATABASE_URL", "users, audit and outbox keep their data there");
  if (hostsRegistry && config.registryDatabaseUrl === undefined)
    throw missing("REGISTRY_DATABASE_URL", "smtp-registry keeps its own database");
}
