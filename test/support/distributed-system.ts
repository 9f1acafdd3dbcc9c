/** The system as separate processes over RabbitMQ: gateway | users, audit, outbox | smtp-registry, on servers of a test's own. */
import type { ExecutionContext } from "ava";
import { eventually } from "./eventually.ts";
import { migratedDatabase } from "./migrated-databases.ts";
import { Processes, type Runtime, request, type TestProcess } from "./processes.ts";
import { type Resource, testDatabase, testVhost } from "./resources.ts";

export interface Servers {
  readonly users: Resource;
  readonly registry: Resource;
  readonly vhost: Resource;
  drop(): Promise<void>;
}

/** Two databases and a virtual host. The databases have the newest schema; `empty`: the system migrates them itself. */
export async function servers({ empty = false } = {}): Promise<Servers> {
  const make = (of: "users" | "registry") => (empty ? testDatabase() : migratedDatabase(of));
  const [users, registry, vhost] = [await make("users"), await make("registry"), await testVhost()];
  return {
    users,
    registry,
    vhost,
    async drop() {
      for (const resource of [users, registry, vhost]) await resource.drop();
    },
  };
}

export interface System {
  readonly gateway: TestProcess;
  readonly users: TestProcess;
  readonly registry: TestProcess;
}

/** Starts the three processes without waiting for them. */
export async function startSystem(
  processes: Processes,
  { users, registry }: Servers,
  amqpUrl: string,
  runtime: Runtime = "node",
  environment: Readonly<Record<string, string>> = {},
): Promise<System> {
  const part = (env: Record<string, string>) =>
    processes.start({ runtime, env: { AMQP_URL: amqpUrl, ...environment, ...env } });
  return {
    gateway: await part({ SERVICES: "gateway" }),
    users: await part({ SERVICES: "users,audit,outbox", DATABASE_URL: users.url }),
    registry: await part({ SERVICES: "smtp-registry", REGISTRY_DATABASE_URL: registry.url }),
  };
}

export const partsOf = ({ gateway, users, registry }: System) => [gateway, users, registry];

/** Resolves with their exit codes. */
export async function stopSystem(system: System): Promise<(number | null)[]> {
  const parts = partsOf(system);
  for (const part of parts) part.kill("SIGTERM");
  return Promise.all(parts.map(async (part) => (await part.exited()).code));
}

/** The gateway's own readiness covers the services behind it. */
export const systemIsReady = (gateway: TestProcess) =>
  eventually(
    async () => {
      const { status, text } = await request(`${gateway.httpUrl}/health/ready`);
      if (status !== 200) throw new Error(`Not ready: ${text}`);
    },
    { timeoutMs: 60_000 },
  );

export interface Running {
  readonly system: System;
  readonly own: Servers;
  readonly processes: Processes;
}

/** The three processes on servers of their own, ready; all of it is gone when the test ends, however that comes. */
export async function runningSystem(
  t: ExecutionContext,
  { runtime, environment }: { runtime?: Runtime; environment?: Readonly<Record<string, string>> } = {},
): Promise<Running> {
  const processes = new Processes();
  const own = await servers();
  t.teardown(async () => {
    await processes.end();
    await own.drop();
  });
  const system = await startSystem(processes, own, own.vhost.url, runtime, environment);
  for (const part of partsOf(system)) await part.ready();
  await systemIsReady(system.gateway);
  return { system, own, processes };
}

/** On SIGTERM each ends with 0, and nothing that it started is left. */
export async function stopsInOrder(t: ExecutionContext, { system, processes }: Running): Promise<void> {
  t.deepEqual(await stopSystem(system), [0, 0, 0]);
  t.deepEqual(processes.running(), []);
}
