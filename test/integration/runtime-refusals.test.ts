import { readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import test from "ava";
import { UnreachableError } from "../../services/contracts/exits.ts";
import { ownerOf } from "../../services/runtime/data-folder.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { Processes, request } from "../support/processes.ts";
import { testDatabase } from "../support/resources.ts";
import { createdUser, ownAddress } from "../support/system-story.ts";

const oneSentence = (text: string): string => {
  const lines = text.trim().split("\n");
  if (lines.length !== 1) throw new Error(`Not one sentence: ${text}`);
  return lines[0] ?? "";
};

for (const [variable, env] of [
  ["HTTP_PORT", { HTTP_PORT: "http" }],
  ["DATABASE_URL", { DATABASE_URL: "mysql://u:hidden@127.0.0.1/x" }],
  ["AMQP_URL", { SERVICES: "gateway" }],
] as [string, Record<string, string>][])
  test.serial(
    `a bad ${variable} stops the start with exit code 78 and a sentence that names it`,
    async (t) => {
      const processes = new Processes();
      try {
        const refused = await processes.start({ env });
        t.is((await refused.exited()).code, 78);
        const sentence = oneSentence(refused.stderr());
        t.true(sentence.startsWith(`${variable} `), sentence);
        t.false(sentence.includes("hidden"), "a secret is not echoed");
        t.is(refused.stdout(), "");
        t.deepEqual(processes.running(), []);
      } finally {
        await processes.end();
      }
    },
  );

test.serial(
  "a misspelt variable is told of by the system in its log and by a command on stderr",
  async (t) => {
    const processes = new Processes();
    try {
      const env = { SERVICES: "gateway", AMQP_URL: "amqp://127.0.0.1:9", HTPP_PORT: "3999" };
      const sentence = "HTPP_PORT is not a variable of mailroster and has no effect: HTTP_PORT is";
      const system = await processes.start({ env });
      await eventually(() => {
        const isTold = system.logs().some(({ msg, level }) => msg === sentence && level === "warn");
        if (!isTold) throw new Error(`Not told: ${system.stdout()}`);
      });
      system.kill("SIGTERM");
      await system.exited();
      const command = await processes.start({
        script: "services/commands/migrate.ts",
        env: { HTPP_PORT: "3999" },
      });
      await command.exited();
      t.is(command.stderr().split("\n")[0], sentence);
    } finally {
      await processes.end();
    }
  },
);

test.serial(
  "a database that does not exist stops the start with a sentence that names the variable",
  async (t) => {
    const processes = new Processes();
    const own = await testDatabase();
    try {
      const missing = new URL(own.url);
      missing.pathname = "/mailroster_no_such_database";
      const secret = join(processes.folder(), "url");
      writeFileSync(secret, `${missing.href}\n`);
      const refused = await processes.start({
        env: {
          DATA_DIR: processes.folder(),
          DATABASE_URL: own.url,
          REGISTRY_DATABASE_URL_FILE: secret,
          LOG_LEVEL: "silent",
        },
      });
      t.is((await refused.exited()).code, 1);
      t.is(
        oneSentence(refused.stderr()),
        `Cannot use REGISTRY_DATABASE_URL (${missing.host}${missing.pathname}): the database does not exist`,
      );
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
      await own.drop();
    }
  },
);

test.serial("a second start says who has the data folder and leaves the first unharmed", async (t) => {
  const processes = new Processes();
  try {
    const env = { DATA_DIR: processes.folder() };
    const first = await processes.start({ env });
    await first.ready();
    const second = await processes.start({ env: { ...env, LOG_LEVEL: "silent" } });
    t.is((await second.exited()).code, 1);
    const sentence = oneSentence(second.stderr());
    t.true(sentence.includes(env.DATA_DIR) && sentence.includes(`pid ${first.pid}`), sentence);
    await createdUser(first.httpUrl, ownAddress());
    first.kill("SIGINT");
    t.is((await first.exited()).code, 0);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
  }
});

test.serial("a data folder that can't be created stops the start with one sentence", async (t) => {
  const processes = new Processes();
  try {
    // Under /proc nothing can be made, and a file has nothing below it.
    for (const DATA_DIR of ["/proc/mailroster/data", `${import.meta.filename}/below/it`]) {
      const refused = await processes.start({ env: { DATA_DIR } });
      t.is((await refused.exited()).code, 1);
      t.is(
        oneSentence(refused.stderr()),
        `Cannot use the data folder ${DATA_DIR}: it can't be created (set DATA_DIR)`,
      );
    }
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
  }
});

for (const variable of ["HTTP_PORT", "OPS_PORT"])
  test.serial(`a taken ${variable} stops the start before any data is made`, async (t) => {
    const processes = new Processes();
    const other = createServer((_request, response) => response.end("other"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const folder = processes.folder();
      const refused = await processes.start({
        env: { DATA_DIR: folder, [variable]: String(port), LOG_LEVEL: "silent" },
      });
      t.is((await refused.exited()).code, 1);
      t.is(
        oneSentence(refused.stderr()),
        `Cannot listen on 127.0.0.1:${port}: another process has this port, set ${variable} to a free one`,
      );
      t.deepEqual(readdirSync(folder), []);
      t.is((await request(`http://127.0.0.1:${port}`)).text, "other");
      t.deepEqual(processes.running(), []);
    } finally {
      other.close();
      await processes.end();
    }
  });

test.serial(
  "a start that waits for its database says for which and why, is live, not ready, and stops at once on SIGTERM",
  async (t) => {
    const processes = new Processes();
    try {
      const port = await fixedPort();
      const absent = `postgresql://postgres:hidden@127.0.0.1:${port}`;
      const waiting = await processes.start({
        env: {
          DATA_DIR: processes.folder(),
          DATABASE_URL: `${absent}/a`,
          REGISTRY_DATABASE_URL: `${absent}/b`,
        },
      });
      await eventually(async () => {
        t.is((await request(`${waiting.opsUrl}/health/live`)).status, 200);
        const why = `Waiting for the server of DATABASE_URL (127.0.0.1:${port}/a): nothing listens at its address`;
        if (!waiting.stdout().includes(why)) throw new Error(waiting.stdout());
      });
      t.notRegex(waiting.stdout(), /hidden/);
      const readiness = await request(`${waiting.opsUrl}/health/ready`);
      t.is(readiness.status, 503);
      t.is(readiness.json<{ status: string }>().status, "down");
      waiting.kill("SIGTERM");
      t.is((await waiting.exited()).code, 0);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  },
);

test.serial("a start with MIGRATE=check goes on only once `npm run migrate` has been there", async (t) => {
  const processes = new Processes();
  const [users, registry] = [await testDatabase(), await testDatabase()];
  const env = {
    DATA_DIR: processes.folder(),
    DATABASE_URL: users.url,
    REGISTRY_DATABASE_URL: registry.url,
    MIGRATE: "check",
  };
  try {
    const refused = await processes.start({ env: { ...env, LOG_LEVEL: "silent" } });
    t.is((await refused.exited()).code, 1);
    t.regex(
      oneSentence(refused.stderr()),
      /^Cannot use the (users|registry) database: with MIGRATE=check `npm run migrate` has to apply /,
    );
    const migrate = await processes.start({ script: "services/commands/migrate.ts", env });
    t.is((await migrate.exited()).code, 0, migrate.stderr());
    const system = await processes.start({ env });
    await system.ready();
    system.kill("SIGTERM");
    t.is((await system.exited()).code, 0);
  } finally {
    await processes.end();
    await users.drop();
    await registry.drop();
  }
});

test.serial("a lock that another user has is told as such, and not as a folder where nothing runs", (t) => {
  const processes = new Processes();
  const folder = processes.folder();
  t.teardown(() => processes.end());
  const lock = join(folder, "mailroster.lock");
  writeFileSync(lock, "{}", { mode: 0o000 });
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.("nobody");
  try {
    t.throws(() => ownerOf(folder), {
      instanceOf: UnreachableError,
      message: /only the user who runs its system may read mailroster\.lock \(EACCES\)$/,
    });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});
