/**
 * What a process may do is what its role needs: on Deno by its task, on Node by the image. Each role is started so and
 * serves; and with the very same permissions what it does not need is refused.
 */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { servers, stopSystem, systemIsReady } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, request, type TestProcess } from "../support/processes.ts";
import { type Environment, image, type Start, task } from "../support/sandboxes.ts";

const main = "services/runtime/main.ts";

const sandboxes = {
  deno: { gateway: task("start:gateway"), users: task("start:users"), registry: task("start:registry") },
  node: { gateway: image("gateway"), users: image("users,audit,outbox"), registry: image("smtp-registry") },
} as const;

async function started(
  processes: Processes,
  start: Start,
  { script = main, args = [], env = {} }: { script?: string; args?: readonly string[]; env?: Environment },
): Promise<TestProcess> {
  const { command = ["sh"], env: own } = start(script);
  return processes.start({
    command: [command[0], ...command.slice(1), ...args],
    env: { CONSOLE: "on", ...env, ...own },
  });
}

/** What a script could do that tries what nobody needs. */
async function couldDo(
  t: ExecutionContext,
  processes: Processes,
  start: Start,
  env: Environment,
): Promise<string[]> {
  const stranger = createServer((socket) => socket.end()).listen(0, "127.0.0.1");
  await once(stranger, "listening");
  t.teardown(() => stranger.close());
  const { port } = stranger.address() as AddressInfo;
  const attempt = await started(processes, start, {
    script: "test/support/forbidden.ts",
    args: [join(processes.folder(), "written"), String(port)],
    env,
  });
  t.deepEqual(await attempt.exited(), { code: 0, signal: null }, attempt.stderr());
  return JSON.parse(attempt.stdout()) as string[];
}

async function createsOne(t: ExecutionContext, gateway: TestProcess): Promise<void> {
  await eventually(
    async () => {
      const { status, text } = await request(`${gateway.httpUrl}/users`, {
        body: { displayName: "Ann Lee", primarySmtp: "ann@example.com" },
        headers: { "idempotency-key": "once" },
      });
      if (status !== 201) throw new Error(`${status} ${text}`);
    },
    { timeoutMs: 60_000 },
  );
  await eventually(async () => {
    const { status, text } = await request(`${gateway.httpUrl}/smtp/ann@example.com`);
    if (status !== 200 || !text.includes('"active"')) throw new Error(`${status} ${text}`);
  });
  for (const path of ["/docs", "/openapi.json"])
    t.is((await request(`${gateway.httpUrl}${path}`)).status, 200);
  t.is((await request(`${gateway.opsUrl}/metrics`)).status, 200);
  // Made when first asked for: what its types are taken away with has to be there, too.
  const { status, text: page } = await request(`${gateway.httpUrl}/console`);
  const [, program = ""] = /src="(\/console\/assets\/[^"]+\.js)"/.exec(page) ?? [];
  t.is(status, 200);
  t.is((await request(`${gateway.httpUrl}${program}`)).status, 200, program);
}

/** Permissions that a runtime does not know of, or can't refuse by name. */
const notRefused = {
  // Threads have the permissions of who starts them.
  deno: ["start a thread"],
  // Node 24 has no rule for the network, nor for the environment.
  node: ["connect elsewhere", "read a secret of another role"],
} as const;

for (const runtime of ["deno", "node"] as const)
  test(`gateway, users and registry serve on ${runtime} with what their roles need, and no more`, async (t) => {
    const processes = new Processes();
    const own = await servers();
    t.teardown(async () => {
      await processes.end();
      await own.drop();
    });
    // By name, as in a network of containers; the secrets of all roles are there for each.
    const env = {
      AMQP_URL: own.vhost.url.replace("127.0.0.1", "localhost"),
      DATABASE_URL: own.users.url.replace("127.0.0.1", "localhost"),
      REGISTRY_DATABASE_URL: own.registry.url.replace("127.0.0.1", "localhost"),
    };
    const parts = sandboxes[runtime];
    const system = {
      gateway: await started(processes, parts.gateway, { env }),
      users: await started(processes, parts.users, { env }),
      registry: await started(processes, parts.registry, { env }),
    };
    for (const part of Object.values(system)) await part.ready();
    await systemIsReady(system.gateway);
    await createsOne(t, system.gateway);
    for (const [role, start] of Object.entries(parts)) {
      const could = await couldDo(t, processes, start, env);
      const needs = runtime === "deno" && role === "users" ? ["read a secret of another role"] : [];
      t.deepEqual(could.toSorted(), [...needs, ...notRefused[runtime]].toSorted(), role);
    }
    t.deepEqual(await stopSystem(system), [0, 0, 0]);
    const refusals = Object.values(system).flatMap((part) =>
      `${part.stdout()}${part.stderr()}`.match(/.*(NotCapable|ERR_ACCESS_DENIED|has been restricted).*/g),
    );
    t.deepEqual(refusals.filter(Boolean), []);
  });

test("the whole system with its PostgreSQL serves on Deno with its data folder alone, after a kill too", async (t) => {
  const processes = new Processes();
  t.teardown(() => processes.end());
  const env = { DATA_DIR: processes.folder() };
  const first = await started(processes, task("start"), { env });
  await first.ready();
  await createsOne(t, first);
  const could = await couldDo(t, processes, task("start"), env);
  // Its PostgreSQL has whichever port of this machine is free.
  t.deepEqual(could.toSorted(), ["connect elsewhere", ...notRefused.deno]);
  first.kill("SIGKILL");
  await first.exited();
  // The orphan is stopped, although Deno lets nobody signal a process by its id who may not run everything.
  const second = await started(processes, task("start"), { env });
  await second.ready();
  t.is((await request(`${second.httpUrl}/smtp/ann@example.com`)).status, 200);
  second.kill("SIGTERM");
  t.deepEqual(await second.exited(), { code: 0, signal: null });
});
