/** The last lines of a process: they are out before it ends, and when nobody reads them it ends all the same. */
import test from "ava";
import { Processes, type Runtime, runtimes, type StartOptions } from "../support/processes.ts";

async function ended(runtime: Runtime, options: StartOptions) {
  const processes = new Processes();
  try {
    const process = await processes.start({
      ...{ runtime, script: "test/support/last-lines.ts", input: true },
      ...options,
    });
    process.write("now\n");
    const { code } = await process.exited();
    return { code, stderr: process.stderr(), lines: process.logs().map(({ msg }) => msg) };
  } finally {
    await processes.end();
  }
}

for (const runtime of runtimes) {
  test(`on ${runtime} the last lines of a process are out before it ends`, async (t) => {
    t.deepEqual(await ended(runtime, {}), { code: 0, stderr: "", lines: ["one", "two", "three"] });
  });

  test(`on ${runtime} a process ends whose last lines nobody reads, in order or at once`, async (t) => {
    for (const args of [[], ["at-once"]])
      t.deepEqual(await ended(runtime, { args, unread: true }), { code: 0, stderr: "", lines: [] });
  });
}
