/** `deno task …` does what `npm run …` does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { Processes, root } from "../support/processes.ts";
import { findProgram, runProgram } from "../support/provision/command.ts";

const deno = findProgram("deno", [join(root, "node_modules/.bin")]) ?? "deno";
const scripts = (
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> }
).scripts;
const tasks = (
  JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as {
    tasks: Record<string, { command: string } | string>;
  }
).tasks;

test("a task is run by Deno itself, with its arguments and without its packages' programs in the way", async (t) => {
  const processes = new Processes();
  const env = { ...process.env, DATA_DIR: processes.folder(), HTTP_PORT: "0", OPS_PORT: "0" };
  try {
    // 69: nothing runs in a folder that is empty.
    const { code, stdout, stderr } = await runProgram(
      deno,
      ["task", "--quiet", "--cwd", root, "doctor", "--json"],
      { env },
    );
    t.is(code, 69, stderr);
    const { findings } = JSON.parse(stdout) as { findings: { says: string }[] };
    t.regex(findings.map(({ says }) => says).join("\n"), /^Deno 2\./m);
  } finally {
    await processes.end();
  }
});

test("every task starts the script that npm starts under its name", (t) => {
  for (const [name, task] of Object.entries(tasks)) {
    const script = scripts[name]?.match(/(?:^| )node (?:--\S+ )*(\S+\.ts)/)?.[1];
    const command = typeof task === "string" ? task : task.command;
    if (command.startsWith("npm ")) continue;
    t.is(command, `sh -c 'exec deno run -A ${script} "$@"' ${name}`);
  }
});
