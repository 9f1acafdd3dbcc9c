import test from "ava";
import { Processes, request, runtimes } from "../support/processes.ts";
import { testVhost } from "../support/resources.ts";
import { ownAddress } from "../support/system-story.ts";

const script = "services/runtime/repl.ts";

for (const runtime of runtimes)
  test.serial(`on ${runtime} the REPL joins the running embedded system`, async (t) => {
    const processes = new Processes();
    try {
      const env = { DATA_DIR: processes.folder() };
      const system = await processes.start({ runtime, env });
      await system.ready();
      const address = ownAddress();
      const repl = await processes.start({ runtime, script, env, input: true });
      repl.write(`call users.create --displayName Ann --primarySmtp ${address}\ncall users.list\n`);
      t.is((await repl.exited()).code, 0, repl.stderr());
      t.regex(repl.stdout(), /joined the running system/);
      t.regex(repl.stdout(), /users\.create[\s\S]*users\.list/);
      const { items } = (await request(`${system.httpUrl}/users?smtp=${address}`)).json<{
        items: { displayName: string }[];
      }>();
      t.deepEqual(
        items.map(({ displayName }) => displayName),
        ["Ann"],
      );
      system.kill("SIGINT");
      t.is((await system.exited()).code, 0);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  });

test.serial("without a running system the REPL starts one and stops it when it is left", async (t) => {
  const processes = new Processes();
  try {
    const env = { DATA_DIR: processes.folder() };
    const repl = await processes.start({ script, env, input: true });
    repl.write(`call users.create --displayName Ann --primarySmtp ${ownAddress()}\n`);
    t.is((await repl.exited()).code, 0, repl.stderr());
    t.regex(repl.stdout(), /no system was running/);
    t.regex(repl.stdout(), /version: .*1/);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
  }
});

test.serial("with AMQP_URL the REPL joins over RabbitMQ as a node that hosts nothing", async (t) => {
  const processes = new Processes();
  const vhost = await testVhost();
  try {
    const env = { AMQP_URL: vhost.url };
    const gateway = await processes.start({ env: { ...env, SERVICES: "gateway" } });
    await gateway.ready();
    const repl = await processes.start({ script, env, input: true });
    repl.write("nodes\nservices\n");
    t.is((await repl.exited()).code, 0, repl.stderr());
    t.regex(repl.stdout(), /joined the system over RabbitMQ/);
    t.true(repl.stdout().includes(`-${gateway.pid}`), repl.stdout());
    gateway.kill("SIGTERM");
    t.is((await gateway.exited()).code, 0);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
    await vhost.drop();
  }
});
