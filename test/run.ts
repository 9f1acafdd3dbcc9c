/**
 * `npm test`: gets a PostgreSQL, a RabbitMQ and a promtool, runs every tier on them, stops what it started, and prints
 * `N passed, N failed` as its last line. `npm test -- <arguments of ava>` runs what they name, every title shown.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { personalDataIn } from "./support/personal-data.ts";
import { findProgram, stopChild } from "./support/provision/command.ts";
import { type Servers, startServers } from "./support/provision/servers.ts";
import { type Counts, tapReader } from "./support/tap.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const interrupted = new AbortController();
let servers: Servers | undefined;
let running: ChildProcess | undefined;

interface Tier {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly verbose: boolean;
}

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;

function runTier(tier: Tier, environment: NodeJS.ProcessEnv): Promise<Counts> {
  const startedAt = performance.now();
  print(`\n${tier.name}`);
  const reader = tapReader({ verbose: tier.verbose, print });
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
      const counts = reader.end(code);
      print(`  ${counts.passed} passed, ${counts.failed} failed (${seconds(startedAt)})`);
      resolve(counts);
    });
  });
}

const ava = join(root, "node_modules/ava/entrypoints/cli.js");

/** Everything, from the quickest tier to the slowest; or what the arguments name. */
function tiersOf(args: readonly string[]): Tier[] {
  const node = process.execPath;
  if (args.length > 0)
    return [{ name: `ava ${args.join(" ")}`, program: node, args: [ava, "--tap", ...args], verbose: true }];
  const avaTiers = ["unit", "contract", "integration", "system", "chaos"].map((name) => ({
    name,
    program: node,
    args: [ava, "--tap", `test/${name}/**/*.test.ts`],
    verbose: false,
  }));
  const deno = findProgram("deno", [join(root, "node_modules/.bin")]) ?? "deno";
  const smoke = globSync("test/smoke/*.ts", { cwd: root }).sort();
  return [
    ...avaTiers,
    ...smoke.flatMap((file) => [
      { name: `${file} on Node`, program: node, args: [file], verbose: true },
      { name: `${file} on Deno`, program: deno, args: ["run", "-A", file], verbose: true },
    ]),
  ];
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

async function stopAll(): Promise<void> {
  if (running !== undefined) await stopChild(running, "SIGTERM");
  await servers?.stop();
}

async function main(): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0 };
  const add = ({ passed, failed }: Counts): void => {
    total.passed += passed;
    total.failed += failed;
  };
  const logFolder = mkdtempSync(join(tmpdir(), "mailroster-logs-"));
  try {
    servers = await startServers(print, interrupted.signal, { withPrometheus: true });
    const environment = { ...servers.environment, TEST_LOG_DIR: logFolder };
    const args = process.argv.slice(2);
    for (const tier of tiersOf(args)) {
      interrupted.signal.throwIfAborted();
      add(await runTier(tier, environment));
    }
    add(lookThroughLogs(logFolder, args.length === 0));
  } catch (error) {
    print(`\n${(error as Error).message}`);
    total.failed += 1;
  } finally {
    await stopAll();
    rmSync(logFolder, { recursive: true, force: true });
  }
  return total;
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.on(name, () => {
    interrupted.abort(new Error(`Stopped by ${name}`));
    if (running !== undefined) void stopChild(running, "SIGTERM");
  });

const { passed, failed } = await main();
print(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
