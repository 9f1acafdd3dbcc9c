/**
 * `npm run mutations [-- <name or guarantee> …]`: takes each guarantee out of a copy of the code, one mutation at a
 * time, and sees the named test go red.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCodes } from "../../services/contracts/exits.ts";
import { type CommandForm, commandLine } from "../../services/runtime/command-line.ts";
import { runCommand } from "../../services/runtime/run-command.ts";
import { runProgram } from "../support/provision/command.ts";
import { type Servers, startServers } from "../support/provision/servers.ts";
import { runTests } from "./ava.ts";
import { copyTree } from "./copy.ts";
import { mutations } from "./list.ts";
import { applied, type Mutation } from "./mutation.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const interrupted = new AbortController();
const compileTimeLimitMs = 10 * 60_000;
const outputLinesMax = 25;

/** Puts every file back, whatever `use` does. */
async function mutated<T>(folder: string, all: readonly Mutation[], use: () => Promise<T>): Promise<T> {
  const before = new Map<string, string>();
  try {
    for (const edit of all.flatMap(({ edits }) => edits)) {
      const path = join(folder, edit.file);
      const text = readFileSync(path, "utf8");
      if (!before.has(path)) before.set(path, text);
      writeFileSync(path, applied(edit, text));
    }
    return await use();
  } finally {
    for (const [path, text] of before) writeFileSync(path, text);
  }
}

/** As many as fit into the code at once, so that a few compilations do for all. */
function inGroups(folder: string, all: readonly Mutation[]): Mutation[][] {
  const groups: { members: Mutation[]; texts: Map<string, string> }[] = [];
  const fits = (texts: Map<string, string>, { edits }: Mutation): Map<string, string> | undefined => {
    const after = new Map(texts);
    try {
      for (const edit of edits)
        after.set(
          edit.file,
          applied(edit, after.get(edit.file) ?? readFileSync(join(folder, edit.file), "utf8")),
        );
      return after;
    } catch {
      return undefined;
    }
  };
  for (const mutation of all) {
    const free = groups.find(({ texts }) => fits(texts, mutation) !== undefined);
    if (free === undefined)
      groups.push({ members: [mutation], texts: fits(new Map(), mutation) ?? new Map() });
    else {
      free.members.push(mutation);
      free.texts = fits(free.texts, mutation) ?? free.texts;
    }
  }
  return groups.map(({ members }) => members);
}

/** A mutation that does not compile proves nothing: its test would go red by the crash. */
async function compileFaults(folder: string, all: readonly Mutation[]): Promise<string[]> {
  const faults: string[] = [];
  for (const group of inGroups(folder, all)) {
    interrupted.signal.throwIfAborted();
    const { code, stdout } = await mutated(folder, group, () =>
      runProgram(
        process.execPath,
        [join(folder, "node_modules/typescript/bin/tsc"), "-p", folder, "--pretty", "false"],
        {
          timeoutMs: compileTimeLimitMs,
        },
      ),
    );
    if (code !== 0) faults.push(stdout.trim());
  }
  return faults;
}

const testOf = ({ file, title }: Pick<Mutation, "file" | "title">): string => `${file}: ${title}`;

/** Tests that are red without a mutation. */
async function redAlready(
  folder: string,
  all: readonly Mutation[],
  { environment }: Servers,
): Promise<ReadonlySet<string>> {
  const red = new Set<string>();
  for (const [file, own] of Map.groupBy(all, (mutation) => mutation.file)) {
    interrupted.signal.throwIfAborted();
    const titles = [...new Set(own.map(({ title }) => title))];
    let { passed, output } = await runTests(folder, file, titles, environment);
    // A busy machine may have refused a write in time; what is red twice is red.
    if (titles.some((title) => passed.get(title) !== true))
      ({ passed, output } = await runTests(folder, file, titles, environment));
    const failed = titles.filter((title) => passed.get(title) !== true);
    print(`${failed.length === 0 ? "✔" : "✘"} without mutation: ${file}, ${titles.length} tests`);
    if (failed.length > 0)
      print(output.split("\n").slice(0, outputLinesMax).join("\n").replace(/^/gm, "    "));
    for (const title of failed) red.add(testOf({ file, title }));
  }
  return red;
}

async function isKilled(folder: string, mutation: Mutation, servers: Servers): Promise<boolean> {
  const { file, title } = mutation;
  const { passed, output } = await mutated(folder, [mutation], () =>
    runTests(folder, file, [title], servers.environment),
  );
  if (passed.get(title) === undefined)
    print(output.split("\n").slice(0, outputLinesMax).join("\n").replace(/^/gm, "    "));
  return passed.get(title) === false;
}

async function killAll(folder: string, all: readonly Mutation[], servers: Servers): Promise<number> {
  const results: [Mutation, boolean, string][] = [];
  for (const [index, mutation] of all.entries()) {
    interrupted.signal.throwIfAborted();
    const startedAt = performance.now();
    const killed = await isKilled(folder, mutation, servers);
    const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
    results.push([mutation, killed, seconds]);
    const { guarantee, name, title } = mutation;
    print(
      `${killed ? "✔" : "✘"} ${index + 1}/${all.length} ${guarantee} ${name}: ${killed ? "red" : "SURVIVED"}: ${title} (${seconds})`,
    );
  }
  print(`\n${"".padEnd(4)}${"mutation".padEnd(30)}${"result".padEnd(10)}${"time".padStart(8)}  test`);
  for (const [{ guarantee, name, file, title }, killed, seconds] of results)
    print(
      `${guarantee.padEnd(4)}${name.padEnd(30)}${(killed ? "red" : "SURVIVED").padEnd(10)}${seconds.padStart(8)}  ${file}: ${title}`,
    );
  return results.filter(([, killed]) => !killed).length;
}

async function run(all: readonly Mutation[]): Promise<boolean> {
  const servers = await startServers(print, interrupted.signal, { withPrograms: true });
  const folder = copyTree(root);
  try {
    const faults = await compileFaults(folder, all);
    if (faults.length > 0) {
      print(`A mutation does not compile:\n${faults.join("\n")}`);
      return false;
    }
    print(`${all.length} mutations apply and compile`);
    const red = await redAlready(folder, all, servers);
    const shown = all.filter((mutation) => !red.has(testOf(mutation)));
    const survivors = await killAll(folder, shown, servers);
    print(`\n${shown.length - survivors} of ${all.length} mutations were noticed, ${survivors} survived`);
    for (const test of red) print(`red without mutation: ${test}`);
    return survivors === 0 && red.size === 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await servers.stop();
  }
}

const guarantees = [...new Set(mutations.map(({ guarantee }) => guarantee))];
const form: CommandForm = {
  name: "mutations",
  says: "Takes each guarantee out of a copy of the code, one at a time, and sees the named test go red.",
  words: {
    form: "[name or guarantee …]",
    known: [...guarantees, ...mutations.map(({ name }) => name)],
  },
  exits: {
    [exitCodes.ok]: "each mutation was noticed",
    [exitCodes.failure]:
      "one survived, does not apply or breaks more than its test, or a test is red without any",
    [exitCodes.interrupted]: "interrupted",
  },
};

const { words } = commandLine(form);
for (const name of ["SIGINT", "SIGTERM"] as const)
  process.on(name, () => interrupted.abort(new Error(`Stopped by ${name}`)));
await runCommand(async () => {
  const chosen = mutations.filter(
    ({ name, guarantee }) => words.length === 0 || words.includes(name) || words.includes(guarantee),
  );
  try {
    return (await run(chosen)) ? exitCodes.ok : exitCodes.failure;
  } catch (error) {
    print((error as Error).message);
    return interrupted.signal.aborted ? exitCodes.interrupted : exitCodes.failure;
  }
});
