/** `deno task …` does what `npm run …` does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { variableNames } from "../../services/config/index.ts";
import { peerRoles } from "../../services/contracts/peers.ts";
import { essentialNames, services } from "../../services/contracts/services.ts";
import { Processes, root } from "../support/processes.ts";
import { findProgram, runProgram } from "../support/provision/command.ts";

const deno = findProgram("deno", [join(root, "node_modules/.bin")]) ?? "deno";
const scripts = (
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> }
).scripts;
const { tasks, permissions } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as {
  tasks: Record<string, { command: string } | string>;
  permissions: Record<string, { env: { ignore?: string[] } }>;
};

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
    const command = typeof task === "string" ? task : task.command;
    if (command.startsWith("npm ")) continue;
    const [base = ""] = name.split(":");
    const script = scripts[base]?.match(/(?:^| )node (?:--\S+ )*(\S+\.ts)/)?.[1] ?? "";
    const started = command.replace(/^sh -c '(.*) "\$@"' (\S+)$/, "$1");
    t.true(started.endsWith(` ${script}`), `${name}: ${command}`);
    // Tools of developers start servers and tear at them.
    t.is(started.includes("deno run -A"), script.startsWith("test/"), `${name}: ${command}`);
  }
});

test("each role has a task, which hosts what the table of services gives it", (t) => {
  for (const role of peerRoles.filter((each) => each !== "operator")) {
    const hosted = essentialNames.filter((name) => services[name].role === role);
    const task = tasks[`start:${role}`] as { command: string };
    const [, names = ""] =
      /^SERVICES=(\S+) sh services\/runtime\/sandboxed\.sh (\S+)/.exec(task.command) ?? [];
    t.deepEqual(names.split(",").toSorted(), hosted.toSorted(), role);
  }
});

test("a role sees no secret but its own", (t) => {
  const names = variableNames();
  const secrets = names.filter((name) => names.includes(`${name}_FILE`));
  const own: Readonly<Record<string, readonly string[]>> = {
    gateway: ["AMQP_URL", "OPS_TOKEN", "PROXY_SECRET", "SESSION_KEY", "OIDC_CLIENT_SECRET"],
    users: [
      ...["DATABASE_URL", "MIGRATE_DATABASE_URL", "AMQP_URL", "EVENTS_AMQP_URL"],
      ...["OPS_TOKEN", "AUTH_BOOTSTRAP_KEY"],
    ],
    registry: [
      ...["REGISTRY_DATABASE_URL", "MIGRATE_REGISTRY_DATABASE_URL", "AMQP_URL", "EVENTS_AMQP_URL"],
      ...["REGISTRY_REPLICA_URL", "OPS_TOKEN"],
    ],
  };
  for (const [role, needed] of Object.entries(own)) {
    const foreign = secrets.filter((name) => !needed.includes(name));
    const ignored = foreign.flatMap((name) => [name, `${name}_FILE`]);
    t.deepEqual(permissions[role]?.env.ignore?.toSorted(), ignored.toSorted(), role);
  }
});
