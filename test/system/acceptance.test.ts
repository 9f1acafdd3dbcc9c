import test, { type ExecutionContext } from "ava";
import {
  client,
  concurrentCreates,
  type Http,
  idempotency,
  lifeOfAUser,
  paging,
} from "../support/acceptance.ts";
import { partsOf, servers, startSystem, stopSystem, systemIsReady } from "../support/distributed-system.ts";
import { Processes } from "../support/processes.ts";

async function theWholeContract(t: ExecutionContext, http: Http): Promise<void> {
  await lifeOfAUser(t, http);
  await idempotency(t, http);
  await paging(t, http);
  await concurrentCreates(t, http, 40);
}

test.serial("the embedded system does what the contract says", async (t) => {
  const processes = new Processes();
  try {
    const system = await processes.start({ env: { DATA_DIR: processes.folder() } });
    await system.ready();
    await theWholeContract(t, client(system.httpUrl));
    system.kill("SIGTERM");
    t.is((await system.exited()).code, 0);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
  }
});

test.serial("separate processes over RabbitMQ do what the contract says", async (t) => {
  const processes = new Processes();
  const own = await servers();
  try {
    const system = await startSystem(processes, own, own.vhost.url);
    for (const part of partsOf(system)) await part.ready();
    await systemIsReady(system.gateway);
    await theWholeContract(t, client(system.gateway.httpUrl));
    t.deepEqual(await stopSystem(system), [0, 0, 0]);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
    await own.drop();
  }
});
