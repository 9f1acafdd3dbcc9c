/**
 * `npm run chaos -- --minutes 10 --seed 42`: breaks a system of its own in every way it knows, while clients write,
 * and tells whether anything was lost, doubled or left broken.
 *
 * Exit codes: 0 nothing found, 1 a violation, 2 the run itself could not be done, 130 interrupted.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeReport } from "./report.ts";
import { type RunOptions, run } from "./run.ts";

const print = (line: string): void => void process.stdout.write(`${line}\n`);
/** At least 100 in ten minutes, whatever has to wait for its turn. */
const faultsPerMinute = 12;
const reports = fileURLToPath(new URL("../../.data/chaos", import.meta.url));
const interrupted = new AbortController();

function numberOf(name: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isFinite(value) || value < 0) throw new RangeError(`--${name} must be a number, not ${text}`);
  return value;
}

function optionsOf(args: string[]): RunOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string" },
      seed: { type: "string" },
      faults: { type: "string" },
      clients: { type: "string" },
      out: { type: "string" },
    },
  });
  const minutes = numberOf("minutes", values.minutes, 10);
  const seed = numberOf("seed", values.seed, randomInt(1_000_000));
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  return {
    seed,
    faultsMs: minutes * 60_000,
    faults: Math.max(1, Math.round(numberOf("faults", values.faults, minutes * faultsPerMinute))),
    clients: Math.max(1, Math.round(numberOf("clients", values.clients, 6))),
    baselineMs: 8_000,
    folder: values.out ?? join(reports, `${stamp}-seed-${seed}`),
    print,
    interrupted: interrupted.signal,
  };
}

for (const name of ["SIGINT", "SIGTERM"] as const)
  process.once(name, () => {
    print(`${name}: the faults end, the system may heal`);
    interrupted.abort(new Error(name));
  });

try {
  const options = optionsOf(process.argv.slice(2));
  const result = await run(options);
  const summary = writeReport(result, options.folder, print);
  print(`report: ${join(options.folder, "report.html")}`);
  process.exitCode = interrupted.signal.aborted ? 130 : summary.violations === 0 ? 0 : 1;
} catch (error) {
  print(`The run could not be done: ${(error as Error).stack}`);
  process.exitCode = interrupted.signal.aborted ? 130 : 2;
}
