/** One process after the other is restarted, the next one as soon as the last is ready, and nobody notices. */
import test, { type ExecutionContext } from "ava";
import { servers, systemIsReady } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, request, type TestProcess } from "../support/processes.ts";

/** The status, or why there is none. */
const answerOf = (...asked: Parameters<typeof request>): Promise<string> =>
  request(...asked).then(
    ({ status }) => String(status),
    (error: Error) => String(error.cause ?? error),
  );

/** Creates, one after the other, until it is told to end; what was not answered with 201. */
function writing(gateway: TestProcess) {
  const refused: string[] = [];
  let goesOn = true;
  let done = 0;
  const write = async (lane: number): Promise<void> => {
    for (let each = 0; goesOn; each += 1) {
      const body = { displayName: "Ann Lee", primarySmtp: `ann${lane}x${each}@example.com` };
      const said = await answerOf(`${gateway.httpUrl}/users`, { body });
      if (said === "201") done += 1;
      else refused.push(said);
    }
  };
  const lanes = Promise.all([0, 1].map(write));
  return {
    async more(): Promise<void> {
      const before = done + refused.length;
      await eventually(async () => {
        if (done + refused.length < before + 20) throw new Error(`${done} writes`);
      });
    },
    async end(): Promise<{ done: number; refused: string[] }> {
      goesOn = false;
      await lanes;
      return { done, refused };
    },
  };
}

async function own(t: ExecutionContext) {
  const processes = new Processes();
  const databases = await servers();
  t.teardown(async () => {
    await processes.end();
    await databases.drop();
  });
  const { users, registry, vhost } = databases;
  const start = (id: string, SERVICES: string, more: Record<string, string> = {}) =>
    processes.start({
      env: {
        AMQP_URL: vhost.url,
        SERVICES,
        NODE_ID: id,
        ...(SERVICES.includes("users") ? { DATABASE_URL: users.url } : {}),
        ...(SERVICES === "smtp-registry" ? { REGISTRY_DATABASE_URL: registry.url } : {}),
        ...more,
      },
    });
  return { start };
}

const restarted = async (old: TestProcess, start: () => Promise<TestProcess>): Promise<TestProcess> => {
  old.kill("SIGTERM");
  await old.exited();
  const fresh = await start();
  await fresh.ready();
  return fresh;
};

test.serial(
  "with two of each, each restarted as soon as the last one is ready, no write is refused, key or none",
  async (t) => {
    const { start } = await own(t);
    const roles = { registry: "smtp-registry", users: "users,audit,outbox" };
    const ids = ["registry-1", "registry-2", "users-1", "users-2"] as const;
    const startAs = (id: (typeof ids)[number]) => start(id, roles[id.split("-")[0] as keyof typeof roles]);
    const gateway = await start("gateway-1", "gateway");
    const running = new Map(await Promise.all(ids.map(async (id) => [id, await startAs(id)] as const)));
    for (const each of running.values()) await each.ready();
    await systemIsReady(gateway);
    const load = writing(gateway);
    for (const [id, old] of running) {
      running.set(id, await restarted(old, () => startAs(id)));
      await load.more();
    }
    const { done, refused } = await load.end();
    t.deepEqual(refused, []);
    t.true(done > 0);
  },
);

test.serial(
  "a gateway that is told to stop is not ready at once, and answers on until its time is over or it is told again",
  async (t) => {
    const { start } = await own(t);
    const gateway = await start("gateway-1", "gateway", { DRAIN_MS: "60000" });
    const users = await start("users-1", "users,audit,outbox");
    const startRegistry = () => start("registry-1", "smtp-registry");
    const registry = await startRegistry();
    for (const each of [gateway, users, registry]) await each.ready();
    await systemIsReady(gateway);
    gateway.kill("SIGTERM");
    await eventually(async () => {
      const said = await answerOf(`${gateway.httpUrl}/health/ready`);
      if (said !== "503") throw new Error(`It says ${said}`);
    });
    t.is(await answerOf(`${gateway.opsUrl}/health/ready`), "503");
    await restarted(registry, startRegistry);
    const body = { displayName: "Ann Lee", primarySmtp: "ann@example.com" };
    t.is(await answerOf(`${gateway.httpUrl}/users`, { body }), "201");
    gateway.kill("SIGTERM");
    t.is((await gateway.exited()).code, 130);
  },
);
