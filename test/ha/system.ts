/**
 * The system that leaves one machine: three RabbitMQ nodes, PostgreSQL with a standby, HAProxy before both, and nine
 * processes of ours: 2 gateways, 3 users (2 with audit), 2 smtp-registry, 2 outbox.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { databases, reservationTtlMs } from "../chaos/cluster.ts";
import type { Stores } from "../chaos/facts.ts";
import { type ChaosPostgres, chaosPostgres, queryOnce } from "../chaos/postgres.ts";
import { type Role, supervisedRole } from "../chaos/role.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { startPgbouncer } from "../support/pgbouncer.ts";
import { request } from "../support/processes.ts";
import { pgbouncerProgram } from "../support/provision/pgbouncer.ts";
import type { Stops } from "../support/stops.ts";
import { startHaproxy } from "./engines/haproxy.ts";
import { type Network, startNetwork } from "./engines/network.ts";
import { type PatroniCluster, startPatroni } from "./engines/patroni.ts";
import { findPrograms } from "./engines/programs.ts";
import { type RabbitCluster, startRabbitCluster } from "./engines/rabbitmq.ts";
import { previousRelease } from "./previous.ts";

export const topologies = [
  "plain",
  /** RabbitMQ's nodes have a network namespace each. */
  "networks",
  /** smtp-registry has a PostgreSQL of its own, so that one can lose what the other keeps. */
  "registry apart",
  /** One users process and one outbox name the primary's server itself instead of the common address. */
  "one server named",
  /** PgBouncer before the address of the primary. */
  "pooler",
  /** Every process begins as the previous release. */
  "previous release",
] as const;
export type Topology = (typeof topologies)[number];

export const kinds = ["gateway", "users", "smtp-registry", "outbox"] as const;
export type Kind = (typeof kinds)[number];

const processes: Readonly<Record<string, { kind: Kind; services: string }>> = {
  "registry-1": { kind: "smtp-registry", services: "smtp-registry" },
  "registry-2": { kind: "smtp-registry", services: "smtp-registry" },
  "users-1": { kind: "users", services: "users,audit" },
  "users-2": { kind: "users", services: "users,audit" },
  "users-3": { kind: "users", services: "users" },
  "outbox-1": { kind: "outbox", services: "outbox" },
  "outbox-2": { kind: "outbox", services: "outbox" },
  "gateway-1": { kind: "gateway", services: "gateway" },
  "gateway-2": { kind: "gateway", services: "gateway" },
};
/** Of the topology "one server named". */
export const named = ["users-3", "outbox-2"] as const;

export const readyTimeoutMs = 90_000;
/** HAProxy asks every second, and believes the second answer. */
const drainMs = "3000";
const retryDelaysMs = "200,500,1000,2000,5000";

export interface HaSystem extends Stores {
  readonly topology: Topology;
  readonly folder: string;
  readonly rabbit: RabbitCluster;
  readonly patroni: PatroniCluster;
  /** Of the topology "registry apart". */
  readonly registryServer: ChaosPostgres | undefined;
  readonly network: Network | undefined;
  readonly roles: ReadonlyMap<string, Role>;
  /** HAProxy's, before the gateways. */
  readonly url: string;
  readonly previousCommit: string | undefined;
  /** The environment of a command that joins this system. */
  readonly environment: Readonly<Record<string, string>>;
  ofKind(kind: Kind): Role[];
  role(name: string): Role;
  /** Rejects when not every process, and the whole behind HAProxy, is ready within `timeoutMs`. */
  ready(timeoutMs?: number): Promise<void>;
  /** Ends all that was started, and removes its files. */
  stop(): Promise<void>;
}

interface Urls {
  readonly users: string;
  readonly registry: string;
}

interface Engines {
  readonly rabbit: RabbitCluster;
  readonly patroni: PatroniCluster;
  readonly registryServer: ChaosPostgres | undefined;
  readonly network: Network | undefined;
}

export interface SystemOptions {
  readonly topology: Topology;
  /** Gets the logs of the processes, which stay. */
  readonly logFolder: string;
  readonly stops: Stops;
}

async function startRegistryServer(stops: Stops): Promise<ChaosPostgres> {
  const server = await chaosPostgres();
  stops.add(() => server.remove());
  await server.start();
  await server.query("postgres", `create database ${databases.registry}`);
  return server;
}

async function startEngines(folder: string, { topology, logFolder, stops }: SystemOptions): Promise<Engines> {
  const programs = await findPrograms();
  const network = topology === "networks" ? await startNetwork(stops) : undefined;
  const [rabbit, patroni, registryServer] = await Promise.all([
    stops.starting(startRabbitCluster({ programs: programs.rabbit, folder, logFolder, stops, network })),
    stops.starting(startPatroni({ ...programs, folder, logFolder, stops })),
    topology === "registry apart" ? stops.starting(startRegistryServer(stops)) : undefined,
  ]);
  const primary = await patroni.primary();
  for (const name of Object.values(databases))
    await queryOnce(primary.url("postgres"), `create database ${name}`);
  return { rabbit, patroni, registryServer, network };
}

/** The processes, not started. */
async function makeRoles(
  { rabbit, patroni }: Engines,
  options: { urls: Urls; logFolder: string; topology: Topology; stops: Stops; root?: string },
): Promise<Map<string, Role>> {
  const { urls, logFolder, topology, stops, root } = options;
  const roles = new Map<string, Role>();
  const direct = (await patroni.primary()).url(databases.users);
  for (const [name, { kind, services }] of Object.entries(processes)) {
    const isNamed = topology === "one server named" && named.some((each) => each === name);
    const env: Record<string, string> = {
      SERVICES: services,
      AMQP_URL: rabbit.urls,
      RETRY_DELAYS_MS: retryDelaysMs,
      RESERVATION_TTL_MS: String(reservationTtlMs),
      RECONCILE_GRACE_MS: "5000",
      DRAIN_MS: drainMs,
      ...(kind === "gateway" ? {} : { DATABASE_URL: isNamed ? direct : urls.users }),
      ...(kind === "gateway" ? {} : { REGISTRY_DATABASE_URL: urls.registry }),
    };
    const role = await supervisedRole({ name, env, logFolder, ...(root === undefined ? {} : { root }) });
    stops.add(() => role.end());
    roles.set(name, role);
  }
  return roles;
}

const portOf = (url: string): number => Number(new URL(url).port);

async function proxyBefore(
  { patroni }: Engines,
  roles: ReadonlyMap<string, Role>,
  proxy: { folder: string; logFolder: string; stops: Stops; postgresPort: number; httpPort: number },
): Promise<void> {
  const { haproxy } = await findPrograms();
  const members = patroni.members.map(({ name, port, restPort }) => ({ name, port, checkPort: restPort }));
  const gateways = [...roles.values()]
    .filter(({ name }) => processes[name]?.kind === "gateway")
    .map(({ name, httpUrl, opsUrl }) => ({ name, port: portOf(httpUrl), checkPort: portOf(opsUrl) }));
  await startHaproxy({ haproxy, ...proxy, members, gateways });
}

function systemOf(
  engines: Engines,
  roles: ReadonlyMap<string, Role>,
  parts: Pick<HaSystem, "topology" | "folder" | "url" | "previousCommit" | "stop" | "environment"> & {
    postgresUrl: (database: string) => string;
  },
): HaSystem {
  const { postgresUrl, ...rest } = parts;
  return {
    ...engines,
    ...rest,
    roles,
    postgres: {
      query: (database, sql) =>
        engines.registryServer !== undefined && database === databases.registry
          ? engines.registryServer.query(database, sql)
          : queryOnce(postgresUrl(database), sql),
    },
    ofKind: (kind) => [...roles.values()].filter(({ name }) => processes[name]?.kind === kind),
    role(name) {
      const role = roles.get(name);
      if (role === undefined) throw new Error(`Cannot find the process ${name}: there is none`);
      return role;
    },
    async ready(timeoutMs = readyTimeoutMs) {
      await Promise.all([...roles.values()].map((role) => role.ready(timeoutMs)));
      await eventually(
        async () => {
          const { status, text } = await request(`${rest.url}/health/ready`);
          if (status !== 200) throw new Error(`The gateways are not ready: ${text}`);
        },
        { timeoutMs },
      );
    },
  };
}

async function startIn(folder: string, options: SystemOptions): Promise<HaSystem> {
  const { topology, logFolder, stops } = options;
  // Told before the engines have taken half a minute.
  if (topology === "pooler") await pgbouncerProgram();
  const previous = topology === "previous release" ? await previousRelease(folder) : undefined;
  const engines = await startEngines(folder, options);
  const [postgresPort, httpPort] = [await fixedPort(), await fixedPort()];
  const postgresUrl = (database: string) => `postgresql://postgres@127.0.0.1:${postgresPort}/${database}`;
  const pooled = topology === "pooler" ? await fixedPort() : postgresPort;
  const behind = (database: string) => `postgresql://postgres@127.0.0.1:${pooled}/${database}`;
  const urls = {
    users: behind(databases.users),
    registry: engines.registryServer?.url(databases.registry) ?? behind(databases.registry),
  };
  const roles = await makeRoles(engines, { urls, logFolder, topology, stops, ...previous });
  await proxyBefore(engines, roles, { folder, logFolder, stops, postgresPort, httpPort });
  if (topology === "pooler")
    await startPgbouncer({ folder, port: pooled, url: postgresUrl("postgres"), stops });
  const url = `http://127.0.0.1:${httpPort}`;
  const system = systemOf(engines, roles, {
    topology,
    folder,
    url,
    postgresUrl,
    previousCommit: previous?.commit,
    environment: {
      DATABASE_URL: urls.users,
      REGISTRY_DATABASE_URL: urls.registry,
      AMQP_URL: engines.rabbit.urls,
      MAILROSTER_URL: url,
      RETRY_DELAYS_MS: retryDelaysMs,
    },
    stop: async () => void (await stops.all()),
  });
  await eventually(() => system.postgres.query("postgres", "select 1"), { timeoutMs: readyTimeoutMs });
  return system;
}

/** Resolves when the engines run and know each other; no process of ours is started. */
export async function startSystem(options: SystemOptions): Promise<HaSystem> {
  mkdirSync(options.logFolder, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), "mailroster-ha-"));
  options.stops.add(async () => rmSync(folder, { recursive: true, force: true }));
  try {
    return await startIn(folder, options);
  } catch (error) {
    await options.stops.all();
    throw error;
  }
}
