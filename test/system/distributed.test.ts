import test from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, type Runtime, request, runtimes, type TestProcess } from "../support/processes.ts";
import { type Resource, testDatabase, testVhost } from "../support/resources.ts";
import { createAndFollow, createUser, ownAddress } from "../support/system-story.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

interface Servers {
  readonly users: Resource;
  readonly registry: Resource;
  readonly vhost: Resource;
  drop(): Promise<void>;
}

async function servers(): Promise<Servers> {
  const [users, registry, vhost] = [await testDatabase(), await testDatabase(), await testVhost()];
  return {
    users,
    registry,
    vhost,
    async drop() {
      for (const resource of [users, registry, vhost]) await resource.drop();
    },
  };
}

interface System {
  readonly gateway: TestProcess;
  readonly users: TestProcess;
  readonly registry: TestProcess;
}

async function startSystem(
  processes: Processes,
  { users, registry }: Servers,
  amqpUrl: string,
  runtime: Runtime = "node",
): Promise<System> {
  const part = (env: Record<string, string>) =>
    processes.start({ runtime, env: { AMQP_URL: amqpUrl, ...env } });
  return {
    gateway: await part({ SERVICES: "gateway" }),
    users: await part({ SERVICES: "users,audit,outbox", DATABASE_URL: users.url }),
    registry: await part({ SERVICES: "smtp-registry", REGISTRY_DATABASE_URL: registry.url }),
  };
}

const partsOf = ({ gateway, users, registry }: System) => [gateway, users, registry];

async function stopSystem(system: System): Promise<(number | null)[]> {
  const parts = partsOf(system);
  for (const part of parts) part.kill("SIGTERM");
  return Promise.all(parts.map(async (part) => (await part.exited()).code));
}

/** The gateway's own readiness covers the services behind it. */
const systemIsReady = (gateway: TestProcess) =>
  eventually(
    async () => {
      const { status, text } = await request(`${gateway.httpUrl}/health/ready`);
      if (status !== 200) throw new Error(`Not ready: ${text}`);
    },
    { timeoutMs: 60_000 },
  );

for (const runtime of runtimes)
  test.serial(`on ${runtime} three processes over RabbitMQ do what one process does`, async (t) => {
    const processes = new Processes();
    const own = await servers();
    try {
      const system = await startSystem(processes, own, own.vhost.url, runtime);
      for (const part of partsOf(system)) await part.ready();
      await systemIsReady(system.gateway);
      await createAndFollow(t, system.gateway.httpUrl);
      t.deepEqual(await stopSystem(system), [0, 0, 0]);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
      await own.drop();
    }
  });

test.serial("processes that start before RabbitMQ are live, not ready, and heal when it comes", async (t) => {
  const processes = new Processes();
  const own = await servers();
  const proxy = await tcpProxy(own.vhost.url);
  try {
    await proxy.refuse();
    const system = await startSystem(processes, own, proxy.through(own.vhost.url));
    for (const part of partsOf(system))
      await eventually(
        async () => {
          if (!part.stdout().includes('"msg":"Ready"')) throw new Error(part.stdout());
          if ((await request(`${part.opsUrl}/health/live`)).status !== 200) throw new Error("not live");
          if ((await request(`${part.opsUrl}/health/ready`)).status !== 503) throw new Error("ready?");
        },
        { timeoutMs: 30_000 },
      );
    const refused = await createUser(system.gateway.httpUrl, ownAddress());
    t.is(refused.status, 503);
    t.truthy(refused.headers.get("retry-after"));

    await proxy.accept();
    await systemIsReady(system.gateway);
    for (const part of partsOf(system)) await part.ready();
    await createAndFollow(t, system.gateway.httpUrl);

    proxy.cut();
    await systemIsReady(system.gateway);
    await eventually(() => createAndFollow(t, system.gateway.httpUrl), { timeoutMs: 30_000 });
    t.deepEqual(await stopSystem(system), [0, 0, 0]);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
    await proxy.close();
    await own.drop();
  }
});
