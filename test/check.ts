/**
 * `npm run check`: the gate. Runs every step, prints one line for each with its time and, when it fails, what the
 * tool said; ends with a summary. `npm run check -- lint types` runs only those, `--fast` those that take seconds.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { counted } from "../mixins/basics/plural.ts";
import { exitCodes } from "../services/contracts/exits.ts";
import { type CommandForm, commandLine, usageError } from "../services/runtime/command-line.ts";
import { runCommand } from "../services/runtime/run-command.ts";
import { colourMarks } from "../services/runtime/terminal.ts";
import { acceptedCounts, countFaults, measureCounts } from "./benchmark/counts/counts.ts";
import { documentFaults } from "./support/gate/document-lint.ts";
import { importViolations } from "./support/gate/import-rules.ts";
import { metricsPageFaults } from "./support/gate/metrics-page.ts";
import { ModelNotChecked, modelFaults } from "./support/gate/model.ts";
import { packageFaults } from "./support/gate/packages.ts";
import { repositoryFiles } from "./support/gate/repository.ts";
import { repositoryRoot, runTool } from "./support/gate/run-tool.ts";
import { schemaFaults } from "./support/gate/schema-drift.ts";
import { eventSchemaFaults } from "./support/gate/schema-releases.ts";
import { untidy } from "./support/gate/tidy.ts";

/** Resolves with what is wrong; nothing is wrong with an empty list. */
type Check = () => Promise<readonly string[]>;

const tool =
  (program: string, ...args: string[]): Check =>
  async () => {
    const { ok, output } = await runTool(program, args);
    return ok ? [] : [output === "" ? `${program} failed and said nothing` : output];
  };

/** What people and containers start, Moleculer's own entry, and the services, which are loaded by their names. */
function entryPoints(): string[] {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const named = Object.values(scripts).flatMap((script) => script.match(/^node (\S+\.ts)/)?.[1] ?? []);
  const services = globSync("services/*/index.ts", { cwd: repositoryRoot });
  return [...new Set([...named, ...services, "moleculer.config.ts"])];
}

const duplicates = tool(
  "jscpd",
  ...[
    "--min-tokens",
    "70",
    "--min-lines",
    "8",
    "--mode",
    "weak",
    "--format",
    "typescript",
    "--threshold",
    "0",
  ],
  ...[
    "--ignore-pattern",
    "import [^;]*;",
    "--reporters",
    "console-full",
    "services",
    "mixins",
    "moleculer.config.ts",
  ],
);

const steps: Record<string, Check> = {
  "format and lint": tool("biome", "ci", "--error-on-warnings", "--colors=off", "."),
  "promises (eslint)": tool("eslint", "--max-warnings", "0", "."),
  // What has not changed since the last run on this machine is not checked again: a quarter of the time.
  "types (tsc)": tool("tsc", "-p", ".", "--incremental", "--tsBuildInfoFile", "node_modules/.cache/tsc.info"),
  // What runs in browsers knows no Node.
  "types (console)": tool("tsc", "-p", "services/gateway/console/app"),
  "types (deno check)": (): ReturnType<Check> => tool("deno", "check", ...entryPoints())(),
  imports: () => importViolations(repositoryRoot),
  "dead code (knip)": tool("knip"),
  "duplicates (jscpd)": duplicates,
  "house rules": async () => untidy(await repositoryFiles()),
  packages: async () => packageFaults(),
  "api documents": () => documentFaults(),
  "event schemas": async () => eventSchemaFaults(),
  "metrics page": async () => metricsPageFaults(),
  counts: async () => countFaults(acceptedCounts(), await measureCounts()),
  "schema drift": schemaFaults,
  model: modelFaults,
};

const names = Object.keys(steps);
/** Those that say in seconds whether one can go on. */
const fast = ["format and lint", "types (tsc)", "types (console)", "imports", "house rules"];
const form: CommandForm = {
  name: "check",
  says: `The gate. A word chooses the steps that have it in their name: ${names.join(", ")}.`,
  words: { form: "[step …]" },
  options: { fast: { says: `only ${fast.join(", ")}: for while one writes` } },
  exits: { [exitCodes.ok]: "no step failed", [exitCodes.failure]: "a step failed" },
};
const print = (text: string): void => void process.stdout.write(`${colourMarks(text)}\n`);

type Result = "passed" | "failed" | "skipped";
const signs: Readonly<Record<Result, string>> = { passed: "✓", failed: "✗", skipped: "-" };

async function run(name: string, check: Check): Promise<Result> {
  const start = performance.now();
  let skipped = false;
  const faults = await check().catch((error: unknown) => {
    skipped = error instanceof ModelNotChecked;
    return [error instanceof Error ? error.message : String(error)];
  });
  const result = skipped ? "skipped" : faults.length === 0 ? "passed" : "failed";
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  print(`${signs[result]} ${name.padEnd(20)} ${seconds.padStart(5)} s`);
  for (const fault of faults)
    process.stdout.write(`${`${skipped ? "skipped: " : ""}${fault}`.replace(/^/gm, "    ")}\n`);
  return result;
}

const line = commandLine(form);
const words = line.has("fast") ? fast : line.words;
await runCommand(async () => {
  const foreign = words.find((word) => !names.some((name) => name.includes(word)));
  if (foreign !== undefined) throw usageError(form, `there is no step "${foreign}"`, names, foreign);
  const chosen = Object.entries(steps).filter(
    ([name]) => words.length === 0 || words.some((word) => name.includes(word)),
  );
  const named: Record<Result, string[]> = { passed: [], failed: [], skipped: [] };
  for (const [name, check] of chosen) named[await run(name, check)].push(name);
  const others = (["failed", "skipped"] as const).filter((result) => named[result].length > 0);
  const told = others.map((result) => `, ${named[result].length} ${result}: ${named[result].join(", ")}`);
  print(`\n${counted(named.passed.length, "step")} passed${told.join("")}`);
  return named.failed.length === 0 ? exitCodes.ok : exitCodes.failure;
});
