import { existsSync } from "node:fs";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, request, runtimes, type TestProcess } from "../support/processes.ts";

const script = "services/commands/demo/index.ts";
const folderOf = (output: string): string => /with fresh data in (\S+)/.exec(output)?.[1] ?? "";

const printed = (demo: TestProcess, text: string): Promise<void> =>
  eventually(
    async () => {
      if (!demo.stdout().includes(text)) throw new Error(`Not printed yet: ${text}\n${demo.stdout()}`);
    },
    { timeoutMs: 90_000 },
  );

for (const runtime of runtimes)
  test.serial(`on ${runtime} the demo goes as told and takes everything away again`, async (t) => {
    const processes = new Processes();
    try {
      // Not one of these may be played on.
      const env = { DATABASE_URL: "postgresql://nobody@127.0.0.1:9/none", AMQP_URL: "amqp://127.0.0.1:9" };
      const demo = await processes.start({ runtime, script, env });
      await Promise.race([printed(demo, "What to look at next"), demo.exited().catch(() => {})]);
      t.is((await demo.exited()).code, 0, `${demo.stdout()}\n${demo.stderr()}`);
      const output = demo.stdout();
      t.regex(output, /ann\.lee2@example\.com/);
      t.regex(output, /← 503 {2}retry-after: \d+/);
      t.regex(output, /idempotent-replayed: true/);
      t.regex(output, /✓ there is exactly one Bob/);
      t.regex(output, /"status":"replayed"/);
      t.regex(output, /✓ the audit log has its entry, once/);
      t.regex(output, /dead letter[\s\S]*complete/);
      t.regex(output, /Everything went as told, in [\d.]+ s/);
      t.regex(output, /What to look at next/);
      t.false(output.includes("✗"), output);
      t.not(folderOf(output), "");
      t.false(existsSync(folderOf(output)));
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  });

test.serial("an interrupted demo leaves nothing behind and does not say that all went well", async (t) => {
  const processes = new Processes();
  try {
    const demo = await processes.start({ script });
    await printed(demo, "2. Another Ann");
    demo.kill("SIGINT");
    t.is((await demo.exited()).code, 130, demo.stderr());
    t.false(existsSync(folderOf(demo.stdout())));
  } finally {
    await processes.end();
  }
});

test.serial("with --keep the system of the demo serves until it is stopped", async (t) => {
  const processes = new Processes();
  try {
    const demo = await processes.start({ script, args: ["--keep"] });
    await printed(demo, "What to look at next");
    const url = /at (http:\S+), with/.exec(demo.stdout())?.[1];
    t.is((await request(`${url}/users?q=Bob`)).json<{ items: unknown[] }>().items.length, 1);
    demo.kill("SIGINT");
    t.is((await demo.exited()).code, 0, demo.stderr());
    t.false(existsSync(folderOf(demo.stdout())));
  } finally {
    await processes.end();
  }
});
