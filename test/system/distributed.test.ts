import test from "ava";
import {
  partsOf,
  runningSystem,
  servers,
  startSystem,
  stopsInOrder,
  systemIsReady,
} from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, request, runtimes } from "../support/processes.ts";
import { createAndFollow, createdUser, createUser, ownAddress } from "../support/system-story.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

for (const runtime of runtimes)
  test.serial(`on ${runtime} three processes over RabbitMQ do what one process does`, async (t) => {
    const running = await runningSystem(t, { runtime });
    await createAndFollow(running.system.gateway.httpUrl);
    await stopsInOrder(t, running);
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
    await createAndFollow(system.gateway.httpUrl);

    proxy.cut();
    await systemIsReady(system.gateway);
    await eventually(() => createAndFollow(system.gateway.httpUrl), { timeoutMs: 30_000 });
    await stopsInOrder(t, { system, own, processes });
  } finally {
    await processes.end();
    await proxy.close();
    await own.drop();
  }
});

test.serial("a write refused while users was frozen is not carried out when it wakes", async (t) => {
  const running = await runningSystem(t);
  const { system } = running;
  await createAndFollow(system.gateway.httpUrl);
  const address = ownAddress();
  system.users.kill("SIGSTOP");
  const refused = await createUser(system.gateway.httpUrl, address);
  t.is(refused.status, 503);
  t.truthy(refused.headers.get("retry-after"));
  system.users.kill("SIGCONT");
  await systemIsReady(system.gateway);
  // What users reads after it woke is later than the refused request, which waited in the same queue before it.
  await createdUser(system.gateway.httpUrl, ownAddress());
  const found = await request(`${system.gateway.httpUrl}/users?smtp=${address}`);
  t.deepEqual(found.json<{ items: unknown[] }>().items, []);
  await stopsInOrder(t, running);
  const stuck = "Unable to stop ServiceBroker gracefully";
  t.false(system.gateway.stdout().includes(stuck), "calls that were never answered hold up no stop");
});

test.serial(
  "while smtp-registry is frozen writes are refused at once and reads go on; it wakes, they go on",
  async (t) => {
    const running = await runningSystem(t);
    const { system } = running;
    await createAndFollow(system.gateway.httpUrl);
    // Metrics are as they were up to a second ago.
    const circuitIs = (state: string) =>
      eventually(async () => {
        const { text } = await request(`${system.users.opsUrl}/metrics`);
        if (!text.includes(`circuit_breaker_state{target="smtp-registry",state="${state}"} 1`))
          throw new Error(`The circuit is not ${state}`);
      });
    system.registry.kill("SIGSTOP");
    const refused = await eventually(async () => {
      const started = performance.now();
      const answer = await createUser(system.gateway.httpUrl, ownAddress());
      t.is(answer.status, 503);
      if (performance.now() - started > 1_000) throw new Error("The write has waited");
      return answer;
    });
    t.is(refused.headers.get("retry-after"), "1");
    await circuitIs("open");
    t.is((await request(`${system.gateway.httpUrl}/users`)).status, 200);
    system.registry.kill("SIGCONT");
    await createdUser(system.gateway.httpUrl, ownAddress());
    await circuitIs("closed");
    await stopsInOrder(t, running);
  },
);
