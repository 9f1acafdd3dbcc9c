/** `npm test` as a person runs it. */
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes } from "../support/processes.ts";

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
