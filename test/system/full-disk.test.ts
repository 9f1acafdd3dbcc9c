/** A disk without room, under the embedded PostgreSQL: a start says so and ends, what runs refuses writes and goes on after. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { Processes, request, type TestProcess } from "../support/processes.ts";
import { smallDisk } from "../support/small-disk.ts";
import { createdUser, createUser, ownAddress } from "../support/system-story.ts";

/** What initdb alone has no room for, and what the two databases with their schema have no room for. */
for (const megabytes of [20, 44, 58])
  test.serial(
    `a first start on a disk of ${megabytes} MB ends with exit code 1 and says that it is full`,
    async (t) => {
      const disk = smallDisk(t, megabytes);
      if (disk === undefined) return t.pass();
      const processes = new Processes();
      try {
        const refused = await processes.start({ env: { DATA_DIR: disk.folder, LOG_LEVEL: "error" } });
        t.is((await refused.exited()).code, 1);
        t.regex(refused.stderr().trimEnd().split("\n").at(-1) ?? "", /^Cannot .* disk of .* is full/);
        t.notRegex(refused.stdout(), /started again/);
      } finally {
        await processes.end();
        disk.remove();
      }
    },
  );

const readiness = async ({ httpUrl, opsUrl }: TestProcess) =>
  Promise.all([`${opsUrl}/health/ready`, `${httpUrl}/health/ready`].map((url) => request(url)));

async function saysFull(system: TestProcess): Promise<void> {
  const refused = await createUser(system.httpUrl, ownAddress());
  if (refused.status !== 503) throw new Error(`A write is answered ${refused.status}: ${refused.text}`);
  for (const { status, text } of await readiness(system))
    if (status !== 503 || !text.includes("the disk of its server is full")) throw new Error(text);
}

async function works(system: TestProcess): Promise<void> {
  const answer = await createUser(system.httpUrl, ownAddress());
  if (answer.status !== 201) throw new Error(answer.text);
  for (const { status, text } of await readiness(system)) if (status !== 200) throw new Error(text);
}

test.serial(
  "while its disk is full a system refuses writes, is not ready and says why, and then goes on",
  async (t) => {
    const disk = smallDisk(t, 140);
    if (disk === undefined) return t.pass();
    const processes = new Processes();
    try {
      const system = await processes.start({ env: { DATA_DIR: disk.folder } });
      await system.ready();
      const user = await createdUser(system.httpUrl, ownAddress());
      disk.fill();
      await eventually(() => saysFull(system), { timeoutMs: 60_000 });
      t.is((await request(`${system.httpUrl}/users/${user.id}`)).status, 200, "reads go on");
      for (const line of system.logs()) t.not(line.msg, "request failed", JSON.stringify(line));

      // Nor does a server that has ended on the full disk stay away for good.
      const pidFile = join(disk.folder, "postgres/postmaster.pid");
      process.kill(Number(readFileSync(pidFile, "utf8").split("\n")[0]), "SIGKILL");
      await eventually(
        () => {
          if (!system.stdout().includes("does not start again yet"))
            throw new Error("It is not started again");
        },
        { timeoutMs: 60_000 },
      );
      disk.free();
      await eventually(() => works(system), { timeoutMs: 60_000 });
      t.is((await request(`${system.httpUrl}/users/${user.id}`)).status, 200);
      system.kill("SIGTERM");
      t.is((await system.exited()).code, 0);
    } finally {
      await processes.end();
      disk.remove();
    }
  },
);
