/**
 * Every command of the README and of the pages under docs starts with the machine's own Node, which may be too old for
 * our TypeScript, and has the options that the pages give it.
 */
import { globSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { connect } from "amqplib";
import test from "ava";
import { root } from "../support/processes.ts";
import { findProgram, type Outcome, runProgram } from "../support/provision/command.ts";
import { testVhost } from "../support/resources.ts";

const runTimeoutMs = 120_000;

interface DocumentedCommand {
  readonly page: string;
  readonly text: string;
}

const program = /^(?:[A-Z_]+=\S+ +)*(npm|npx|node|deno) /;

/** Lines of code blocks, and what stands between backticks. */
function commandsOf(page: string): DocumentedCommand[] {
  const text = readFileSync(join(root, page), "utf8");
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  const lines = blocks
    .flatMap((block) => block.split("\n"))
    .map((line) => line.replace(/\s+[#&].*$|\s+&$/, ""));
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "");
  const spans = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  return [...lines, ...spans]
    .filter((line) => program.test(`${line} `))
    .map((line) => ({ page, text: line.trim() }));
}

const pages = ["README.md", ...globSync("docs/**/*.md", { cwd: root }).sort()];
const commands = pages.flatMap(commandsOf);
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

/** What a terminal has, and nothing of the npm that runs these tests. */
function machine(more: Record<string, string> = {}): Record<string, string> {
  const PATH = (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.includes("node_modules"))
    .join(delimiter);
  const kept = ["HOME", "TMPDIR", "LANG"].flatMap((name) =>
    process.env[name] ? [[name, process.env[name]]] : [],
  );
  return { PATH, ...Object.fromEntries(kept), ...more };
}

const run = (name: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> => {
  const own = findProgram(name, (process.env.PATH ?? "").split(delimiter)) ?? name;
  const found = machine()
    .PATH?.split(delimiter)
    .map((folder) => join(folder, name));
  const path = found?.find((each) => globSync(each).length > 0) ?? own;
  return runProgram(path, args, { cwd: root, env: machine(env), timeoutMs: runTimeoutMs });
};

/** `npm run bench -- --quick`, `npm start`, `npm test -- …`: the script, and what stands behind it. */
const documented = commands.flatMap(({ text }) => {
  const [, run, short, rest = ""] =
    /(?:^| )npm (?:run ([a-z][a-z-]*)|(start|test))(?: (.*))?$/.exec(text) ?? [];
  const name = run ?? short;
  return name === undefined ? [] : [{ name, rest }];
});
const names = [...new Set(documented.map(({ name }) => name))].sort();

test("the pages name commands, and each is one of package.json", (t) => {
  t.true(names.length > 10, names.join());
  t.deepEqual(
    names.filter((name) => scripts[name] === undefined),
    [],
  );
});

for (const name of names)
  test.serial(
    `npm run ${name} starts on the machine's own Node, and has the options that the pages give it`,
    async (t) => {
      const { code, stdout, stderr } = await run("npm", ["run", "--silent", name, "--", "--help"]);
      t.is(code, 0, stderr);
      t.true(stdout.includes(`npm run ${name}`) || stdout.includes(`npm ${name}`), stdout);
      const options = documented
        .filter((command) => command.name === name)
        .flatMap(({ rest }) => rest.match(/--[a-z][a-z-]*/g) ?? []);
      for (const option of new Set(options))
        t.true(stdout.includes(option), `${option} is not in:\n${stdout}`);
    },
  );

test("no page has TypeScript run by a Node that may be too old", (t) => {
  const wrong = commands.filter(({ text }) => /^(?:[A-Z_]+=\S+ +)*node (?:--\S+ )*\S+\.ts/.test(text));
  t.deepEqual(wrong, []);
});

test("every task for Deno that the pages name is one", (t) => {
  const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8")) as {
    tasks: Record<string, unknown>;
  };
  for (const { text, page } of commands) {
    const [, task] = /^deno task ([a-z-]+)/.exec(text) ?? [];
    if (task !== undefined) t.true(task in tasks, `${page}: ${text}`);
  }
});

/** A bad variable ends a start at once, after the right Node has read all of its code. */
const badVariable = { HTTP_PORT: "none" };

test.serial("what npm exec and npx run starts on the machine's own Node", async (t) => {
  const before = new Set(readdirSync(root));
  const others = commands.filter(({ text }) => /^npm exec -c '|^npx /.test(text));
  t.true(others.length >= 2);
  for (const { text, page } of others) {
    const [, quoted] = /^npm exec -c '(.*)'$/.exec(text) ?? [];
    const [, words = ""] = /^npx (.*)$/.exec(text) ?? [];
    const { code, stderr } = await (quoted === undefined
      ? run("npx", words.split(" "), badVariable)
      : run("npm", ["exec", "-c", quoted], badVariable));
    t.is(code, 78, `${page}: ${text}\n${stderr}`);
    t.regex(stderr, /^HTTP_PORT must be/m);
  }
  for (const name of readdirSync(root))
    if (name.endsWith(".cpuprofile") && !before.has(name)) rmSync(join(root, name));
});

test.serial("the letters of the guide on dead letters are made by the machine's own Node", async (t) => {
  const guide = readFileSync(join(root, "docs/guides/dead-letters.md"), "utf8");
  const [, script = ""] = /^node -e '([\s\S]*?)'$/m.exec(guide) ?? [];
  const vhost = await testVhost();
  t.teardown(() => vhost.drop());
  const connection = await connect(vhost.url);
  t.teardown(() => connection.close());
  const channel = await connection.createChannel();
  await channel.assertExchange("mailroster.users", "topic", { durable: true });
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, "mailroster.users", "#");
  const { code, stderr } = await run("node", ["-e", script], { AMQP_URL: vhost.url });
  t.is(code, 0, stderr);
  const message = await channel.get(queue, { noAck: true });
  t.is(message === false ? "" : message.properties.correlationId, "practice");
});
