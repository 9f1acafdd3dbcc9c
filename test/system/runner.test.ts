/** A Moleculer user's first try: Moleculer's own runner with moleculer.config.ts. */
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, request, type StartOptions } from "../support/processes.ts";
import { testVhost } from "../support/resources.ts";
import { createdUser, ownAddress } from "../support/system-story.ts";

const processes = new Processes();
test.after.always(() => processes.end());

/** As `npx` does it. */
const runner = (...args: string[]): Pick<StartOptions, "script" | "args"> => ({
  script: "node_modules/moleculer/bin/moleculer-runner.js",
  args: ["-c", "moleculer.config.ts", ...args],
});

test.serial("Moleculer's runner hosts the whole system, and stops it in order", async (t) => {
  const started = await processes.start({ ...runner("services"), env: { DATA_DIR: processes.folder() } });
  await started.ready();
  await createdUser(started.httpUrl, ownAddress());
  t.notRegex(started.stdout(), /no service files|no matched file/);
  started.kill("SIGTERM");
  t.deepEqual(await started.exited(), { code: 0, signal: null });
});

test.serial("with SERVICES, Moleculer's runner hosts those that it names and no others", async (t) => {
  const own = await testVhost();
  t.teardown(() => own.drop());
  const started = await processes.start({
    ...runner("services"),
    env: { SERVICES: "gateway", AMQP_URL: own.url },
  });
  const { services } = await eventually(() => {
    const line = started.logs().find(({ msg }) => msg === "Ready");
    if (line === undefined) throw new Error(`Not ready: ${started.stdout()}`);
    return line;
  });
  t.deepEqual(services, ["gateway"]);
  t.notRegex(started.stdout(), /no service files|no matched file/);
  t.is((await request(`${started.httpUrl}/openapi.json`)).status, 200);
  started.kill("SIGINT");
  t.deepEqual(await started.exited(), { code: 0, signal: null });
});

test.serial(
  "a bad variable stops Moleculer's runner with the sentence and the exit code of npm start",
  async (t) => {
    const started = await processes.start({ ...runner("services"), env: { HTTP_PORT: "http" } });
    t.is((await started.exited()).code, 78);
    t.regex(started.stderr(), /^HTTP_PORT must be a whole number/m);
  },
);
