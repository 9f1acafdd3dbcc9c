/** All but the registry in one process, the registry in the other: each may be away and come back. */
import test from "ava";
import { servers, systemIsReady } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, request, type TestProcess } from "../support/processes.ts";
import { createAndFollow, createdUser, createUser, ownAddress } from "../support/system-story.ts";

test("two processes do what one does, also after each of them was started again", async (t) => {
  const processes = new Processes();
  const own = await servers();
  t.teardown(async () => {
    await processes.end();
    await own.drop();
  });
  const AMQP_URL = own.vhost.url;
  const startDirectory = (): Promise<TestProcess> =>
    processes.start({
      env: { AMQP_URL, SERVICES: "gateway,users,audit,outbox", DATABASE_URL: own.users.url },
    });
  const startRegistry = (): Promise<TestProcess> =>
    processes.start({
      env: { AMQP_URL, SERVICES: "smtp-registry", REGISTRY_DATABASE_URL: own.registry.url },
    });
  const end = async (running: TestProcess): Promise<void> => {
    running.kill("SIGTERM");
    t.is((await running.exited()).code, 0);
  };

  let [directory, registry] = [await startDirectory(), await startRegistry()];
  await registry.ready();
  await systemIsReady(directory);
  await createAndFollow(directory.httpUrl);
  const address = ownAddress();
  await createdUser(directory.httpUrl, address);

  await end(registry);
  const refused = await createUser(directory.httpUrl, ownAddress());
  t.is(refused.status, 503, refused.text);
  const read = await request(`${directory.httpUrl}/users?smtp=${address}`);
  t.is(read.json<{ items: unknown[] }>().items.length, 1, "reads need no registry");
  registry = await startRegistry();
  await registry.ready();
  await systemIsReady(directory);
  await createAndFollow(directory.httpUrl);

  await end(directory);
  directory = await startDirectory();
  await systemIsReady(directory);
  await createAndFollow(directory.httpUrl);
  await eventually(async () => {
    const found = await request(`${directory.httpUrl}/smtp/${address}`);
    if (found.status !== 200 || !found.text.includes('"active"')) throw new Error(found.text);
  });

  await end(directory);
  await end(registry);
  t.deepEqual(processes.running(), []);
});
