/** `npm test` as a person runs it. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, root } from "../support/processes.ts";
import { tapReader } from "../support/tap.ts";

const processes = new Processes();
test.after.always(() => processes.end());

const runMaxMs = 180_000;

/** Nothing answers there. */
const nowhere = { TEST_DATABASE_URL: "postgresql://127.0.0.1:9/none", TEST_AMQP_URL: "amqp://127.0.0.1:9" };

test("a file that needs no server is run where there is none", async (t) => {
  const run = await processes.start({
    script: "test/run.ts",
    args: ["test/unit/keyset-cursor.test.ts"],
    env: nowhere,
  });
  await eventually(
    () => {
      if (!/ passed, \d+ failed\n$/.test(run.stdout())) throw new Error(`It does not end:\n${run.stdout()}`);
    },
    { timeoutMs: runMaxMs },
  );
  t.is((await run.exited()).code, 0, run.stdout());
  t.regex(run.stdout(), /\n\d+ passed, 0 failed\n$/);
  t.notRegex(run.stdout(), /PostgreSQL:|RabbitMQ:|Prometheus:/);
});

test("a test that hangs is named, and the files after it are run", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-hangs-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  copyFileSync(join(root, "ava.config.js"), join(folder, "ava.config.js"));
  mkdirSync(join(folder, "test"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  const write = (name: string, body: string): void =>
    writeFileSync(join(folder, "test", `${name}.test.ts`), `import test from "ava";\n${body}\n`);
  // The longest begins first.
  write(
    "hangs",
    'test("a fact", (t) => t.pass());\ntest("waits forever", () => new Promise(() => setInterval(() => {}, 1e6)));',
  );
  write("after", 'test("a fact", (t) => t.pass());');
  const ava = join(root, "node_modules/ava/entrypoints/cli.js");
  const run = await processes.start({
    command: [process.execPath, ava, "--tap", "--concurrency=1", "--timeout=10s"],
    root: folder,
  });
  t.is((await run.exited()).code, 1);
  const reader = tapReader({ verbose: true, print: () => {} });
  for (const line of run.stdout().split("\n")) reader.line(line);
  t.deepEqual(
    { ...reader.progress(), failedFiles: reader.failedFiles() },
    { passed: 2, failed: 1, files: 2, failedFiles: ["hangs"] },
    run.stdout(),
  );
  t.true(run.stdout().includes("not ok - hangs › waits forever"));
});
