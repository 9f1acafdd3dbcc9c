/**
 * `npm test`: runs every tier, each on the servers that its files need (a PostgreSQL, a RabbitMQ, a Prometheus), which
 * are got while the first tier runs; stops what it started, and prints `N passed, N failed` as its last line.
 * `npm test -- <arguments of ava>` runs what they name, every title shown.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { commandLine } from "../services/runtime/command-line.ts";
import { findPrograms } from "./ha/engines/programs.ts";
import { avaForm } from "./support/ava-form.ts";
import { personalDataIn } from "./support/personal-data.ts";
import { compiledFolder } from "./support/processes.ts";
import { findProgram, stopChild } from "./support/provision/command.ts";
import { type ServerName, serverNames, serversOf } from "./support/provision/needs.ts";
import { ServerPool } from "./support/provision/servers.ts";
import { dropTemplates } from "./support/provision/templates.ts";
import { type Counts, tapReader } from "./support/tap.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const line = commandLine(avaForm, { whenNobodyReads: () => stop("nobody reads what it prints") });
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const interrupted = new AbortController();
const servers = new ServerPool(print, interrupted.signal);
/** What its migrated databases begin with. */
const templates = `mailroster_templates_${process.pid}_${randomBytes(4).toString("hex")}`;
/** A tier that takes minutes says how far it is. */
const progressMs = 20_000;
/** More tests than these have not failed because of others beside them. */
const unsteadyMax = 20;
let running: ChildProcess | undefined;

interface Tier {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly verbose: boolean;
  /** How many test files it has. */
  readonly files: number;
  readonly needs: readonly ServerName[];
}

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

interface TierCounts extends Counts {
  /** Where tests have failed: names of files without folder and ending. */
  readonly failedFiles: readonly string[];
}

function runTier(tier: Tier, environment: NodeJS.ProcessEnv): Promise<TierCounts> {
  const startedAt = performance.now();
  print(`\n${tier.name}`);
  const reader = tapReader({ verbose: tier.verbose, print });
  const progress = setInterval(() => {
    const { passed, failed, files } = reader.progress();
    const begun = tier.files > 1 ? `, ${files} of ${tier.files} files begun` : "";
    print(`  … ${passed} passed, ${failed} failed${begun}, ${seconds(startedAt)}`);
  }, progressMs);
  return new Promise((resolve) => {
    const child = spawn(tier.program, tier.args, {
      cwd: root,
      env: environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    running = child;
    createInterface({ input: child.stdout }).on("line", reader.line);
    child.once("error", (error) => print(`  ✘ ${error.message}`));
    child.once("close", (code) => {
      running = undefined;
      clearInterval(progress);
      const counts = reader.end(code);
      print(`  ${counts.passed} passed, ${counts.failed} failed (${seconds(startedAt)})`);
      resolve({ ...counts, failedFiles: reader.failedFiles() });
    });
  });
}

const ava = join(root, "node_modules/ava/entrypoints/cli.js");

const filesOf = (...patterns: string[]): string[] => globSync(patterns, { cwd: root }).sort();

/** What the arguments name: files, or all that there is when they only choose among titles. */
function namedTier(args: readonly string[]): Tier {
  const files = filesOf(...line.words);
  return {
    name: `ava ${args.join(" ")}`,
    program: process.execPath,
    args: [ava, "--tap", ...args],
    verbose: true,
    files: files.length,
    needs: files.length === 0 ? serverNames : serversOf(files, root),
  };
}

/** Everything, from the quickest tier to the slowest; or what the arguments name. */
function tiersOf(args: readonly string[]): Tier[] {
  if (args.length > 0) return [namedTier(args)];
  const node = process.execPath;
  const avaTiers = ["unit", "contract", "integration", "system", "chaos", "ha"].map((name): Tier => {
    const pattern = `test/${name}/**/*.test.ts`;
    const files = filesOf(pattern);
    const needs = serversOf(files, root);
    return { name, program: node, args: [ava, "--tap", pattern], verbose: false, files: files.length, needs };
  });
  const deno = findProgram("deno", [join(root, "node_modules/.bin")]) ?? "deno";
  const smoke = filesOf("test/smoke/*.ts").flatMap((file): Tier[] => {
    const common = { verbose: true, files: 1, needs: serversOf([file], root) };
    return [
      { ...common, name: `${file} on Node`, program: node, args: [file] },
      { ...common, name: `${file} on Deno`, program: deno, args: ["run", "-A", file] },
    ];
  });
  return [...avaTiers, ...smoke];
}

/** One test more: none of the lines that any process of the run has logged shows a person. */
function lookThroughLogs(folder: string, expectsLines: boolean): Counts {
  print("\nlogs");
  const { lines, findings } = personalDataIn(folder, root);
  const passed = findings.length === 0 && (lines > 0 || !expectsLines);
  print(`  ${passed ? "✔" : "✘"} no address and no name is in any of the ${lines} log lines of this run`);
  for (const finding of findings) print(`    ${finding}`);
  return passed ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A machine that can neither have nor fetch them says so, and is judged by what it can run. */
const missingEngines = (): Promise<string | undefined> =>
  findPrograms().then(
    () => undefined,
    (error: Error) => error.message,
  );

/**
 * Files of which few tests have failed are run once more, alone: beside others a machine of two cores can be too slow for
 * what a test waits for. What fails again has failed; what passes is told, for somebody to look at.
 */
async function runAgain(tier: Tier, first: TierCounts, environment: NodeJS.ProcessEnv): Promise<Counts> {
  const again = filesOf(`test/${tier.name}/**/*.test.ts`).filter((path) =>
    first.failedFiles.includes(basename(path, ".test.ts")),
  );
  if (first.failed === 0 || first.failed > unsteadyMax || again.length === 0) return first;
  const name = `${tier.name}, again and alone: ${again.join(", ")}`;
  const args = [ava, "--tap", "--concurrency", "1", ...again];
  const { failed } = await runTier({ ...tier, name, args, files: again.length }, environment);
  if (failed === 0) print(`  ▲ unsteady: ${first.failed} failed beside other files and passed alone`);
  return { passed: first.passed + Math.max(0, first.failed - failed), failed };
}

/** Without the servers that it needs a tier counts as one failure; the others run. */
async function runTierWhenPossible(tier: Tier, logFolder: string): Promise<Counts> {
  try {
    const missing = tier.name === "ha" ? await missingEngines() : undefined;
    if (missing !== undefined) {
      print(`\n${tier.name}\n  not run: ${missing}`);
      return { passed: 0, failed: 0 };
    }
    const environment = await servers.environment(tier.needs);
    const complete = {
      ...environment,
      TEST_LOG_DIR: logFolder,
      TEST_TEMPLATES: templates,
      // Hundreds of processes read the same files, and each would take their types away anew.
      NODE_COMPILE_CACHE: compiledFolder,
    };
    const counts = await runTier(tier, complete);
    return tier.verbose ? counts : await runAgain(tier, counts, complete);
  } catch (error) {
    interrupted.signal.throwIfAborted();
    print(`\n${tier.name}\n  ✘ ${(error as Error).message}`);
    return { passed: 0, failed: 1 };
  }
}

async function stopAll(needed: ReadonlySet<ServerName>): Promise<void> {
  if (running !== undefined) await stopChild(running, "SIGTERM");
  try {
    const { TEST_DATABASE_URL: url } = needed.has("postgres") ? await servers.ask("postgres") : {};
    if (url !== undefined) await dropTemplates(url, templates);
  } catch (error) {
    print(`Cannot drop the tests' templates: ${String(error)}`);
  }
  await servers.stop();
}

async function main(): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0 };
  const add = ({ passed, failed }: Counts): void => {
    total.passed += passed;
    total.failed += failed;
  };
  const logFolder = mkdtempSync(join(tmpdir(), "mailroster-logs-"));
  const args = process.argv.slice(2);
  const tiers = tiersOf(args);
  const needed = new Set(tiers.flatMap(({ needs }) => needs));
  try {
    for (const name of needed) void servers.ask(name);
    for (const tier of tiers) {
      interrupted.signal.throwIfAborted();
      add(await runTierWhenPossible(tier, logFolder));
    }
    add(lookThroughLogs(logFolder, args.length === 0));
  } catch (error) {
    print(`\n${(error as Error).message}`);
    total.failed += 1;
  } finally {
    await stopAll(needed);
    rmSync(logFolder, { recursive: true, force: true });
  }
  return total;
}

function stop(why: string): void {
  interrupted.abort(new Error(`Stopped: ${why}`));
  if (running !== undefined) void stopChild(running, "SIGTERM");
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stop(name));

const { passed, failed } = await main();
print(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
