import { spawn } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { bounded, eventually } from "../support/eventually.ts";
import { commandOf, Processes, request, root, runtimes } from "../support/processes.ts";
import { createAndFollow } from "../support/system-story.ts";

for (const runtime of runtimes) {
  test.serial(`on ${runtime} one process serves, drains on SIGINT, and finds its data again`, async (t) => {
    const processes = new Processes();
    try {
      const env = { DATA_DIR: processes.folder() };
      const first = await processes.start({ runtime, env });
      await first.ready();
      const user = await createAndFollow(first.httpUrl);
      t.regex(first.stderr(), /mailroster is up[\s\S]*curl -s http/);
      first.kill("SIGINT");
      t.deepEqual(await first.exited(), { code: 0, signal: null });
      t.false(existsSync(join(env.DATA_DIR, "postgres/postmaster.pid")), "PostgreSQL was stopped");

      const second = await processes.start({ runtime, env });
      await second.ready();
      const found = await request(`${second.httpUrl}/users/${user.id}`);
      t.is(found.status, 200);
      t.deepEqual(found.json(), user);
      second.kill("SIGTERM");
      t.deepEqual(await second.exited(), { code: 0, signal: null });
      for (const line of second.stdout().trim().split("\n")) t.notThrows(() => JSON.parse(line), line);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  });

  test.serial(`on ${runtime} a killed process leaves nothing that stops the next start`, async (t) => {
    const processes = new Processes();
    try {
      const env = { DATA_DIR: processes.folder() };
      const killed = await processes.start({ runtime, env });
      await killed.ready();
      const user = await createAndFollow(killed.httpUrl);
      killed.kill("SIGKILL");
      await killed.exited();

      const next = await processes.start({ runtime, env });
      await next.ready();
      t.is((await request(`${next.httpUrl}/users/${user.id}`)).status, 200);
      await createAndFollow(next.httpUrl);
      next.kill("SIGINT");
      t.is((await next.exited()).code, 0);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  });
}

test.serial("in a folder whose name is a pattern to others the whole schema is there", async (t) => {
  const processes = new Processes();
  try {
    const folder = join(processes.folder(), "mailroster (1) [a] {b,c} *");
    for (const part of readdirSync(root))
      if (!["node_modules", ".git", ".data", "coverage"].includes(part))
        cpSync(join(root, part), join(folder, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const [program, args] = commandOf("node", join(folder, "services/runtime/main.ts"), []);
    const system = await processes.start({
      command: [program, ...args],
      env: { DATA_DIR: join(folder, ".data") },
    });
    await system.ready();
    await createAndFollow(system.httpUrl);
    system.kill("SIGTERM");
    t.is((await system.exited()).code, 0);
  } finally {
    await processes.end();
  }
});

test.serial("a signal that npm alone gets stops what npm start has started", async (t) => {
  const processes = new Processes();
  try {
    const env = { DATA_DIR: processes.folder() };
    const system = await processes.start({ command: ["npm", "start"], env });
    await system.ready();
    system.kill("SIGTERM");
    // Resolves once the pipes are closed: by npm, and by whatever it has left behind.
    await system.exited();
    await t.throwsAsync(request(`${system.opsUrl}/health/live`));
    t.false(existsSync(join(env.DATA_DIR, "postgres/postmaster.pid")), "PostgreSQL was stopped");
  } finally {
    await processes.end();
  }
});

test.serial("Ctrl-C while a first start makes its data is a stop, not a fault", async (t) => {
  const processes = new Processes();
  const dataDir = processes.folder();
  const [program, args] = commandOf("node", "services/runtime/main.ts", []);
  const { HOME = "", PATH = "" } = process.env;
  const env = { HOME, PATH, DATA_DIR: dataDir, HTTP_PORT: "0", OPS_PORT: "0" };
  // A terminal sends the signal to all processes of the group.
  const child = spawn(program, args, { cwd: root, env, detached: true, stdio: ["ignore", "ignore", "pipe"] });
  t.teardown(() => processes.end());
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const closed = new Promise((resolve) => child.once("close", resolve));
  await eventually(() => {
    if (!existsSync(join(dataDir, "postgres.new/base/1/PG_VERSION"))) throw new Error(stderr);
  });
  process.kill(-(child.pid as number), "SIGINT");
  const code = await bounded(closed, 60_000, () => `It does not end:\n${stderr}`);
  t.deepEqual([code, stderr], [0, ""]);
});

test.serial("a PostgreSQL that dies under the process is started again", async (t) => {
  const processes = new Processes();
  try {
    const env = { DATA_DIR: processes.folder() };
    const system = await processes.start({ env });
    await system.ready();
    const user = await createAndFollow(system.httpUrl);
    const pidFile = join(env.DATA_DIR, "postgres/postmaster.pid");
    process.kill(Number(readFileSync(pidFile, "utf8").split("\n")[0]), "SIGKILL");
    await eventually(
      async () => {
        const answer = await request(`${system.httpUrl}/users/${user.id}`);
        if (answer.status !== 200 || !system.stdout().includes("started again"))
          throw new Error(`It does not come back: ${answer.text}`);
      },
      { timeoutMs: 60_000 },
    );
    await system.ready();
    await createAndFollow(system.httpUrl);
    system.kill("SIGINT");
    t.is((await system.exited()).code, 0);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
  }
});
