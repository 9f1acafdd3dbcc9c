/** What holds for every command, as a person types it: its words, its end when nobody is there, its colours, its pipe. */
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import type { Told, Typed } from "../support/command-words.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import {
  commandOf,
  Processes,
  type Runtime,
  root,
  runtimes,
  type TestProcess,
} from "../support/processes.ts";
import { rabbitEval, testDatabase, testVhost } from "../support/resources.ts";

const file = (name: string) => JSON.parse(readFileSync(join(root, name), "utf8"));
/** Name and file of each command that a script of package.json starts. */
const commands = Object.entries<string>(file("package.json").scripts).flatMap(([name, text]) => {
  const script = /(?:^| )node (?:--\S+ )*(\S+\.ts)$/.exec(text)?.[1];
  return script === undefined ? [] : [{ name, script }];
});
/** Whose task is npm's own script runs on Node whoever starts it. */
const onDeno = Object.entries<{ command: string }>(file("deno.json").tasks).flatMap(([name, { command }]) =>
  command?.startsWith("npm ") === false ? [name] : [],
);
const path = { PATH: `${join(root, "node_modules/.bin")}:${process.env.PATH}` };

async function endOf(command: TestProcess): Promise<Told> {
  const { code } = await command.exited();
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

async function run(
  processes: Processes,
  name: string,
  options: { env?: Record<string, string>; args?: string[]; runtime?: Runtime } = {},
): Promise<Told> {
  const script = commands.find((command) => command.name === name)?.script ?? "";
  return endOf(await processes.start({ ...options, script, env: { ...path, ...options.env } }));
}

const alone = (t: ExecutionContext): Processes => {
  const processes = new Processes();
  t.teardown(() => processes.end());
  return processes;
};

test.serial("there are the commands that this file is about", (t) => {
  const names = commands.map(({ name }) => name);
  for (const name of [
    "start",
    "check",
    "repl",
    "trace",
    "migrate",
    "key",
    "broker",
    "seed",
    "import",
    "demo",
    "doctor",
    "schemas",
  ])
    t.true(names.includes(name), name);
});

/** `--help` and a misspelling of it, typed behind each command, or behind one that is a process of its own. */
type Both = readonly [help: Told, wrong: Told];

function isToldBy(t: ExecutionContext, name: string, [help, wrong]: Both): void {
  t.deepEqual([help.code, help.stderr], [0, ""]);
  t.regex(help.stdout, new RegExp(`^(npm run|deno task) ${name}\\b[^\\n]*\\[--help\\]\\n`));
  t.regex(help.stdout, /\n {2}64 +the command line is wrong\n/);
  t.deepEqual([wrong.code, wrong.stdout], [64, ""]);
  t.regex(wrong.stderr, /^Cannot run .*: there is no option --hlep, the nearest is --help .*\n$/);
}

const commandsOf = (runtime: Runtime) =>
  commands.filter(({ name }) => runtime === "node" || onDeno.includes(name));

/** Of all commands, in one process. */
async function toldTogether(runtime: Runtime): Promise<ReadonlyMap<string, Both>> {
  const processes = new Processes();
  const known = commandsOf(runtime);
  const typed = known.flatMap(({ script }): Typed[] => [
    [script, "--help"],
    [script, "--hlep"],
  ]);
  const script = "test/support/command-words.ts";
  const all = await processes.start({ runtime, script, args: [JSON.stringify(typed)], env: path });
  // Of all of them a busy machine takes longer than of one.
  const { code, stdout, stderr } = await eventually(() => endOf(all), { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(stderr);
  const told = JSON.parse(stdout) as Told[];
  return new Map(
    known.map(({ name }, place) => [name, told.slice(place * 2, place * 2 + 2) as unknown as Both]),
  );
}
const together = new Map<Runtime, Promise<ReadonlyMap<string, Both>>>();

for (const runtime of runtimes) {
  for (const { name } of commandsOf(runtime))
    test.serial(`on ${runtime} ${name} tells what it does, and refuses what it does not know`, async (t) => {
      const asked = together.get(runtime) ?? toldTogether(runtime);
      together.set(runtime, asked);
      const both = (await asked).get(name);
      if (both === undefined) throw new Error("It was not asked");
      isToldBy(t, name, both);
    });
  test.serial(`on ${runtime} a process of a command ends with the code of what it has told`, async (t) => {
    const told = (word: string) => run(alone(t), "start", { runtime, args: [word] });
    isToldBy(t, "start", [await told("--help"), await told("--hlep")]);
  });
}

const askers = [
  ["trace", ["abc"]],
  ["repl", []],
  ["doctor", []],
] as const;

for (const runtime of runtimes)
  for (const [name, args] of askers)
    test.serial(`on ${runtime} ${name} says that RabbitMQ refuses the connection, and where`, async (t) => {
      const port = await fixedPort();
      const env = { AMQP_URL: `amqp://guest:hunter2@127.0.0.1:${port}` };
      const told = await run(alone(t), name, { runtime, args: [...args], env });
      t.is(told.code, 69, `${told.stdout}${told.stderr}`);
      const text = name === "doctor" ? told.stdout : told.stderr;
      t.regex(text, new RegExp(`^[^\\n]* at 127\\.0\\.0\\.1:${port} refuses the connection`));
      t.false(`${told.stdout}${told.stderr}`.includes("joined"));
      t.false(`${told.stdout}${told.stderr}`.includes("hunter2"));
    });

test.serial(
  "a server that takes the connection and stays silent is told, and ends the command",
  async (t) => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    t.teardown(() => void silent.close());
    const { port } = silent.address() as AddressInfo;
    const told = await run(alone(t), "trace", {
      args: ["abc"],
      env: { AMQP_URL: `amqp://guest:guest@127.0.0.1:${port}` },
    });
    t.is(told.code, 69, told.stderr);
    t.regex(told.stderr, /^Cannot ask for a trace: RabbitMQ at 127\.0\.0\.1:\d+ .*not answer.*\n$/);
  },
);

test.serial(
  "what RabbitMQ said is the reason: a virtual host that is not there, a password, a permission",
  async (t) => {
    const processes = alone(t);
    const vhost = await testVhost();
    t.teardown(() => vhost.drop());
    const to = (change: (url: URL) => void): Record<string, string> => {
      const url = new URL(vhost.url);
      change(url);
      return { AMQP_URL: url.href };
    };
    const reason = async (env: Record<string, string>): Promise<string> => {
      const { code, stderr } = await run(processes, "trace", { args: ["abc"], env });
      t.is(code, 69);
      return stderr;
    };
    const absent = to((url) => {
      url.pathname = "/nowhere-to-be-found";
    });
    t.regex(await reason(absent), /says: NOT_ALLOWED - vhost nowhere-to-be-found not found\n$/);
    const wrong = to((url) => {
      url.password = "wrong";
    });
    t.regex(await reason(wrong), /says: ACCESS_REFUSED - Login was refused .*\n$/);
    const { pathname, username } = new URL(vhost.url);
    await rabbitEval(
      `rabbit_auth_backend_internal:set_permissions(<<"${username}">>, <<"${pathname.slice(1)}">>, ` +
        `<<"^$">>, <<".*">>, <<".*">>, <<"test">>).`,
    );
    t.regex(
      await reason({ AMQP_URL: vhost.url }),
      /says: ACCESS_REFUSED - access to queue .* refused for user .*\n$/,
    );
    const doctor = await run(processes, "doctor", { env: { AMQP_URL: vhost.url } });
    t.is(doctor.code, 69);
    t.regex(doctor.stdout, /^✗ \w+ .*ACCESS_REFUSED - access to/);
  },
);

test.serial(
  "the REPL does not say that it has joined when no process of the system is at RabbitMQ",
  async (t) => {
    const vhost = await testVhost();
    t.teardown(() => vhost.drop());
    const told = await run(alone(t), "repl", { env: { AMQP_URL: vhost.url } });
    t.is(told.code, 69);
    t.regex(told.stderr, /^Cannot open the REPL: no process of mailroster is connected to RabbitMQ at .*\n$/);
    t.is(told.stdout, "");
  },
);

const shared = new Processes();
test.after.always(() => shared.end());
let started: Promise<TestProcess> | undefined;
const sharedEnvironment = { DATA_DIR: shared.folder() };

/** The one that those ask who only ask; nothing runs in its folder before the first of them. */
async function sharedSystem(): Promise<{ system: TestProcess; env: Record<string, string> }> {
  started ??= shared.start({ env: sharedEnvironment });
  const system = await started;
  await system.ready();
  return { system, env: sharedEnvironment };
}

test.serial(
  "seed says who refuses when nothing runs, and finds the gateway of the data folder on any port",
  async (t) => {
    const processes = alone(t);
    const none = await run(processes, "seed", { env: sharedEnvironment });
    t.is(none.code, 69);
    t.regex(none.stderr, /^Cannot seed: http:\/\/127\.0\.0\.1:\d+ refuses the connection .*\n$/);
    const { env } = await sharedSystem();
    const seeded = await run(processes, "seed", { env });
    t.is(seeded.code, 0, seeded.stderr);
    t.is(seeded.stdout.trim().split("\n").length, 5);
  },
);

test.serial(
  "seed goes to MAILROSTER_URL alone when that is given, whatever runs in the data folder",
  async (t) => {
    const processes = alone(t);
    const { env } = await sharedSystem();
    const MAILROSTER_URL = `http://127.0.0.1:${await fixedPort()}`;
    const told = await run(processes, "seed", { env: { ...env, MAILROSTER_URL } });
    t.deepEqual([told.code, told.stdout], [69, ""]);
    t.regex(told.stderr, new RegExp(`^Cannot seed: ${MAILROSTER_URL} refuses the connection .*\\n$`));
  },
);

test.serial("a cursor that no trace has returned is a sentence and exit code 64", async (t) => {
  const processes = alone(t);
  const { env } = await sharedSystem();
  const told = await run(processes, "trace", { args: ["abc", "--cursor", "zzz"], env });
  t.is(told.code, 64);
  t.is(
    told.stderr,
    "Cannot run trace: --cursor must be a cursor that this list has returned (--help tells what there is)\n",
  );
});

test.serial("a system that hangs keeps no command: trace, repl and doctor name its process", async (t) => {
  const processes = alone(t);
  const { system, env } = await sharedSystem();
  system.kill("SIGSTOP");
  try {
    for (const [name, args] of askers) {
      const told = await run(processes, name, { args: [...args], env });
      t.is(told.code, 69, name);
      const text = name === "doctor" ? told.stdout : told.stderr;
      t.regex(text, new RegExp(`the mailroster with pid ${system.pid} does not answer`));
    }
  } finally {
    system.kill("SIGCONT");
  }
});

test.serial(
  "migrate says which server refuses and is stopped by one signal while it waits for its turn",
  async (t) => {
    const processes = alone(t);
    const port = await fixedPort();
    const url = `postgresql://postgres:hunter2@127.0.0.1:${port}/users`;
    const refused = await run(processes, "migrate", { env: { DATABASE_URL: url } });
    t.is(refused.code, 69);
    t.is(
      refused.stderr,
      `Cannot migrate: the PostgreSQL of DATABASE_URL at 127.0.0.1:${port}/users refuses the connection (ECONNREFUSED)\n`,
    );
    const database = await testDatabase();
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    try {
      await holder.query("select pg_advisory_lock($1)", [0x6d61_696c]);
      const waiting = await processes.start({
        script: "services/commands/migrate.ts",
        env: { DATABASE_URL: database.url },
      });
      await eventually(
        () => {
          const told =
            /Waiting to migrate DATABASE_URL .*: it is the turn of postgres \(process \d+ of the server/;
          if (!told.test(waiting.stdout())) throw new Error(`${waiting.stdout()}${waiting.stderr()}`);
        },
        { timeoutMs: 30_000 },
      );
      waiting.kill("SIGINT");
      const { code, stderr } = await endOf(waiting);
      t.deepEqual([code, stderr], [130, ""]);
    } finally {
      await holder.end();
    }
    await eventually(() => database.drop());
  },
);

test.serial(
  "doctor is in colours when that is asked for, and without when it prints to a pipe",
  async (t) => {
    const processes = alone(t);
    const env = { DATA_DIR: processes.folder() };
    const esc = String.fromCharCode(27);
    const plain = await run(processes, "doctor", { env });
    t.regex(plain.stdout, /^✗ system/);
    t.false(plain.stdout.includes(esc));
    const painted = await run(processes, "doctor", { env: { ...env, FORCE_COLOR: "1" } });
    t.true(painted.stdout.startsWith(`${esc}[31m✗${esc}[39m system`), painted.stdout);
  },
);

const silent = ["start", "doctor", "demo"];

for (const runtime of runtimes)
  for (const name of runtime === "deno" ? silent : [...silent, "check"])
    test.serial(`on ${runtime} ${name} ends in silence when nobody reads what it prints`, async (t) => {
      const processes = alone(t);
      const script = commands.find((command) => command.name === name)?.script ?? "";
      const child = await processes.start({
        runtime,
        script,
        args: name === "check" ? ["packages"] : [],
        env: { ...path, DATA_DIR: processes.folder(), HTTP_PORT: "0", OPS_PORT: "0" },
        unread: true,
      });
      const { code } = await child.exited();
      // The doctor has found that nothing runs before it can know that nobody listens.
      t.is(code, name === "doctor" ? 69 : 0, child.stderr());
      t.false(/EPIPE|Error/.test(child.stderr()), child.stderr());
    });

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} what a person reads of a start ends with the banner, without a line for each service`,
    async (t) => {
      const processes = alone(t);
      const env = { DATA_DIR: processes.folder(), LOG_FORMAT: "pretty" };
      const system = await processes.start({ runtime, env });
      await eventually(
        () => {
          if (!system.stdout().includes("Ctrl-C stops it.\n\n")) throw new Error(system.stdout());
        },
        { timeoutMs: 60_000 },
      );
      const text = system.stdout();
      t.regex(text, /Ready[\s\S]*\n\nmailroster is up after [\d.]+ s\n[\s\S]*\nCtrl-C stops it\.\n\n$/);
      t.false(/Service '.*' started/.test(text), text);
    },
  );

test.serial("the last line of a start that failed says why", async (t) => {
  const processes = alone(t);
  const busy = createServer();
  await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
  t.teardown(() => void busy.close());
  const { port } = busy.address() as AddressInfo;
  for (const [format, colours] of [
    ["json", {}],
    ["pretty", {}],
    ["pretty", { FORCE_COLOR: "1" }],
  ] as const) {
    const start = await processes.start({
      command: ["sh", "-c", 'exec "$0" services/runtime/main.ts 2>&1', commandOf("node", "", [])[0]],
      env: { DATA_DIR: processes.folder(), OPS_PORT: String(port), LOG_FORMAT: format, ...colours },
    });
    const { code, stdout } = await endOf(start);
    t.is(code, 1);
    t.is(stdout.includes(String.fromCharCode(27)), "FORCE_COLOR" in colours, stdout);
    t.regex(stdout, /Stopped/);
    t.regex(stdout.trim().split("\n").at(-1) ?? "", new RegExp(`^[^{]*${port}`));
  }
});

test.serial(
  "the banner does not say that the system is up while RabbitMQ refuses it, and says why",
  async (t) => {
    const processes = alone(t);
    const [users, registry] = [await testDatabase(), await testDatabase()];
    const port = await fixedPort();
    const system = await processes.start({
      env: {
        DATABASE_URL: users.url,
        REGISTRY_DATABASE_URL: registry.url,
        AMQP_URL: `amqp://guest:guest@127.0.0.1:${port}`,
      },
    });
    await eventually(
      () => {
        if (!system.stderr().includes("Ctrl-C stops it.")) throw new Error(system.stderr());
      },
      { timeoutMs: 60_000 },
    );
    t.regex(system.stderr(), /mailroster has started after [\d.]+ s, and is not ready: .*\bbus\b.* \(/);
    t.false(system.stderr().includes("is up after"));
    system.kill("SIGINT");
    t.is((await system.exited()).code, 0);
    await users.drop();
    await registry.drop();
  },
);
