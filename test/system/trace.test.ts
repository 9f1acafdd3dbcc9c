/** `npm run trace` as an operator runs it: on both runtimes, in the embedded system and over RabbitMQ. */
import test from "ava";
import { servers, startSystem, stopSystem, systemIsReady } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, type Runtime, request, runtimes } from "../support/processes.ts";
import { ownAddress } from "../support/system-story.ts";

const script = "services/commands/trace/index.ts";

async function ask(
  processes: Processes,
  env: Record<string, string>,
  args: string[],
  runtime: Runtime = "node",
) {
  const command = await processes.start({ runtime, script, args, env });
  const { code } = await command.exited();
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

const create = (httpUrl: string, correlationId: string) =>
  eventually(async () => {
    const body = { displayName: "Ann", primarySmtp: ownAddress() };
    const answer = await request(`${httpUrl}/users`, {
      body,
      headers: { "x-correlation-id": correlationId },
    });
    if (answer.status !== 201) throw new Error(answer.text);
  });

const arrived = (httpUrl: string, correlationId: string) =>
  eventually(
    async () => {
      const answer = await request(`${httpUrl}/trace/${correlationId}`);
      if (answer.json<{ verdict?: { state: string } }>().verdict?.state !== "complete")
        throw new Error(answer.text);
      return answer.json<unknown>();
    },
    { timeoutMs: 30_000 },
  );

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} the command tells what the HTTP endpoint tells, of an embedded system`,
    async (t) => {
      const processes = new Processes();
      try {
        const env = { DATA_DIR: processes.folder() };
        const away = await ask(processes, env, ["abc"], runtime);
        t.is(away.code, 69);
        t.regex(away.stderr, /^Cannot ask for a trace: no system runs in /);
        const system = await processes.start({ runtime, env });
        await system.ready();
        await create(system.httpUrl, "abc");
        const told = (await arrived(system.httpUrl, "abc")) as { writes: { outbox: { ageS: number } }[] };
        const found = await ask(processes, env, ["abc"], runtime);
        t.is(found.code, 0, found.stderr);
        t.regex(
          found.stdout,
          /^trace abc: complete\n[\s\S]*✓ smtp-registry {2}processed [\s\S]*users and registry agree/,
        );
        const json = await ask(processes, env, ["abc", "--json"], runtime);
        const same = JSON.parse(json.stdout);
        for (const trace of [told, same]) for (const { outbox } of trace.writes) outbox.ageS = 0;
        t.deepEqual(same, told);
        const never = await ask(processes, env, ["never"], runtime);
        t.is(never.code, 3);
        t.regex(never.stderr, /^Cannot find anything under this correlation id: .*\n$/);
        t.is((await ask(processes, env, [], runtime)).code, 64);
        system.kill("SIGINT");
        t.is((await system.exited()).code, 0);
        t.deepEqual(processes.running(), []);
      } finally {
        await processes.end();
      }
    },
  );

test.serial(
  "over RabbitMQ the command joins as a node, and says when the registry's process is away, or that of users",
  async (t) => {
    const processes = new Processes();
    const own = await servers();
    try {
      const env = { AMQP_URL: own.vhost.url };
      const system = await startSystem(processes, own, own.vhost.url);
      await systemIsReady(system.gateway);
      await create(system.gateway.httpUrl, "abc");
      await arrived(system.gateway.httpUrl, "abc");
      const found = await ask(processes, env, ["abc"]);
      t.is(found.code, 0, found.stderr);
      t.regex(found.stdout, /^trace abc: complete/);
      system.registry.kill("SIGTERM");
      await system.registry.exited();
      const partly = await ask(processes, env, ["abc"]);
      t.is(partly.code, 2, partly.stderr);
      t.regex(
        partly.stdout,
        /^trace abc: unknown at smtp-registry\n[\s\S]*\? smtp-registry {2}can't be asked$/m,
      );
      system.users.kill("SIGKILL");
      await system.users.exited();
      const { status, text } = await request(`${system.gateway.httpUrl}/trace/abc`);
      t.is(status, 200, text);
      t.regex(text, /this trace is incomplete, because users, outbox, [^"]* can't be reached now/);
      await stopSystem(system);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
      await own.drop();
    }
  },
);
