/**
 * Run instead of a process of ours, with its permissions: tries what none of them needs, and prints what it could do.
 * Arguments: a file to write, a port of this machine to connect to.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";

const [file = "", port = ""] = process.argv.slice(2);

const attempts: Readonly<Record<string, () => unknown>> = {
  "read an account's file": () => readFileSync("/etc/hostname"),
  "look whether it is there": () => existsSync("/etc/hostname"),
  "write a file": () => writeFileSync(file, "written"),
  "write to its own code": () => writeFileSync("services/runtime/written.ts", "written"),
  "run a program": () => {
    const { error, status } = spawnSync("ls", []);
    if (error !== undefined || status !== 0) throw error ?? new Error("it did not run");
  },
  "load a native addon": () => process.dlopen({ exports: {} }, "node_modules/nothing.node"),
  "start a thread": () => void new Worker("", { eval: true }).terminate(),
  "read a secret of another role": () => {
    if (process.env.DATABASE_URL === undefined) throw new Error("it is not there");
  },
  "connect elsewhere": () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1", () => resolve(void socket.destroy()));
      socket.once("error", reject);
    }),
};

const could: string[] = [];
for (const [what, attempt] of Object.entries(attempts))
  try {
    await attempt();
    could.push(what);
  } catch (error) {
    // A file that does not exist was looked for.
    if (what === "load a native addon" && /cannot open shared object|no such file/i.test(String(error)))
      could.push(what);
  }
process.stdout.write(`${JSON.stringify(could)}\n`);
process.exit(0);
