/** The commands beside a system that asks who asks (AUTH=required), with an access key and without. */
import test from "ava";
import { Processes, request, type TestProcess } from "../support/processes.ts";

const script = (name: string) => `services/commands/${name}.ts`;

test("seed, doctor, trace and REPL work beside a system that asks for keys, and seed says what it lacks", async (t) => {
  const processes = new Processes();
  t.teardown(() => processes.end());
  const env = { DATA_DIR: processes.folder(), AUTH: "required" };
  const run = async (name: string, args: readonly string[], more = {}, input?: string) => {
    const command = await processes.start({
      script: script(name),
      args,
      env: { ...env, ...more },
      ...(input === undefined ? {} : { input: true }),
    });
    if (input !== undefined) command.write(input);
    const { code } = await command.exited();
    return { code, stdout: command.stdout(), stderr: command.stderr() };
  };
  const key = async (...args: readonly string[]): Promise<string> =>
    (await run("key/index", ["create", ...args])).stdout.trim();

  const owner = await key("--name", "me", "--role", "owner");
  const system: TestProcess = await processes.start({ env });
  await system.ready();
  const lookup = await key("--name", "mx", "--role", "lookup");
  const there = { MAILROSTER_URL: system.httpUrl };

  const unknown = await run("seed", [], there);
  t.is(unknown.code, 77, unknown.stderr);
  t.regex(unknown.stderr, /^Cannot list the users: .*set MAILROSTER_TOKEN/m);
  const small = await run("seed", [], { ...there, MAILROSTER_TOKEN: lookup });
  t.is(small.code, 77, small.stderr);
  const seeded = await run("seed", [], { ...there, MAILROSTER_TOKEN: owner });
  t.is(seeded.code, 0, seeded.stderr);
  t.is(seeded.stdout.trim().split("\n").length, 5);

  const { status, headers } = await request(`${system.httpUrl}/users`, {
    body: { displayName: "Zed", primarySmtp: "zed@example.com" },
    headers: { authorization: `Bearer ${owner}` },
  });
  t.is(status, 201);
  const doctor = await run("doctor/index", [], there);
  t.is(doctor.code, 0, doctor.stdout);
  const trace = await run("trace/index", [headers.get("x-correlation-id") ?? ""]);
  t.true([0, 2].includes(trace.code ?? -1), trace.stderr);
  t.regex(trace.stdout, /POST \/users by key:\w+/);
  const repl = await run("repl/main", [], {}, "users list\n");
  t.regex(repl.stdout, /zed@example\.com/);
});

test("the demo plays its story whatever AUTH says outside", async (t) => {
  const processes = new Processes();
  t.teardown(() => processes.end());
  const demo = await processes.start({ script: script("demo/index"), env: { AUTH: "required" } });
  t.deepEqual(await demo.exited(), { code: 0, signal: null }, demo.stderr());
});
