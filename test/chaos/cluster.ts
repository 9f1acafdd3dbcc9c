/**
 * The system under chaos: a private PostgreSQL and RabbitMQ, and the processes gateway, 2 × users (users, audit,
 * outbox) and 2 × smtp-registry, each with lines of its own (TCP proxies) to the servers that it uses.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { request } from "../support/processes.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";
import { type ChaosPostgres, chaosPostgres } from "./postgres.ts";
import { type ChaosRabbit, chaosRabbit } from "./rabbitmq.ts";
import { type Role, supervisedRole } from "./role.ts";

export const roleNames = ["gateway", "users-a", "users-b", "smtp-registry-a", "smtp-registry-b"] as const;
export type RoleName = (typeof roleNames)[number];
export const lineNames = [
  ...roleNames.map((role) => `${role} to RabbitMQ` as const),
  ...roleNames.slice(1).map((role) => `${role} to PostgreSQL` as const),
] as const;
export type LineName = (typeof lineNames)[number];

export const databases = { users: "chaos_users", registry: "chaos_registry" } as const;
export const reservationTtlMs = 15_000;
/** Short, so that the whole ladder fits into a run. */
const retryDelaysMs = "200,500,1000,2000,5000";
const readyTimeoutMs = 90_000;

export interface Cluster {
  readonly postgres: ChaosPostgres;
  readonly rabbit: ChaosRabbit;
  readonly roles: ReadonlyMap<RoleName, Role>;
  readonly lines: ReadonlyMap<LineName, TcpProxy>;
  readonly gatewayUrl: string;
  /** Rejects when the gateway is not ready within `timeoutMs`; its readiness covers the services behind it. */
  ready(timeoutMs?: number): Promise<void>;
  stop(): Promise<void>;
}

const servicesOf = (role: RoleName): string =>
  role === "gateway" ? "gateway" : role.startsWith("users") ? "users,audit,outbox" : "smtp-registry";

interface Servers {
  readonly postgres: ChaosPostgres;
  readonly rabbit: ChaosRabbit;
}

async function environmentOf(
  role: RoleName,
  { postgres, rabbit }: Servers,
  lines: Map<LineName, TcpProxy>,
): Promise<Record<string, string>> {
  const amqp = await tcpProxy(rabbit.url);
  lines.set(`${role} to RabbitMQ`, amqp);
  const environment: Record<string, string> = {
    SERVICES: servicesOf(role),
    AMQP_URL: amqp.through(rabbit.url),
    RETRY_DELAYS_MS: retryDelaysMs,
    RESERVATION_TTL_MS: String(reservationTtlMs),
  };
  if (role === "gateway") return environment;
  const [variable, database] = role.startsWith("users")
    ? ["DATABASE_URL", databases.users]
    : ["REGISTRY_DATABASE_URL", databases.registry];
  const line = await tcpProxy(postgres.url(database));
  lines.set(`${role} to PostgreSQL`, line);
  return { ...environment, [variable]: line.through(postgres.url(database)) };
}

/** Starts the servers and makes the databases; whatever was started is handed to `started`. */
async function startServers(started: (stop: () => Promise<void>) => void): Promise<Servers> {
  const postgres = await chaosPostgres();
  started(postgres.remove);
  await postgres.start();
  for (const name of Object.values(databases)) await postgres.query("postgres", `create database ${name}`);
  const rabbit = await chaosRabbit();
  started(rabbit.remove);
  await rabbit.start();
  return { postgres, rabbit };
}

/** Resolves when the servers run and the processes are started; `folder` gets the logs of the processes. */
export async function startCluster(folder: string): Promise<Cluster> {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (let next = stops.pop(); next !== undefined; next = stops.pop()) await next();
  };
  try {
    const logFolder = join(folder, "logs");
    mkdirSync(logFolder, { recursive: true });
    const servers = await startServers((each) => stops.push(each));
    const lines = new Map<LineName, TcpProxy>();
    stops.push(() => Promise.all([...lines.values()].map((line) => line.close())));
    const roles = new Map<RoleName, Role>();
    for (const name of roleNames) {
      const role = await supervisedRole({ name, env: await environmentOf(name, servers, lines), logFolder });
      roles.set(name, role);
      stops.push(() => role.end());
      role.start();
    }
    const gatewayUrl = roles.get("gateway")?.httpUrl ?? "";
    const ready = (timeoutMs = readyTimeoutMs) =>
      eventually(
        async () => {
          const { status, text } = await request(`${gatewayUrl}/health/ready`);
          if (status !== 200) throw new Error(`Not ready: ${text}`);
        },
        { timeoutMs },
      );
    return { ...servers, roles, lines, gatewayUrl, ready, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
