import test, { type ExecutionContext } from "ava";
import {
  client,
  concurrentCreates,
  type Http,
  idempotency,
  lifeOfAUser,
  paging,
} from "../support/acceptance.ts";
import { runningSystem, stopsInOrder } from "../support/distributed-system.ts";
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
  const running = await runningSystem(t);
  await theWholeContract(t, client(running.system.gateway.httpUrl));
  await stopsInOrder(t, running);
});
