/**
 * `npm run chaos -- --minutes 10 --seed 42`: breaks a system of its own in every way it knows, while clients write,
 * and tells whether anything was lost, doubled or left broken.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { exitCodes } from "../../services/contracts/exits.ts";
import {
  type CommandForm,
  type CommandLine,
  commandLine,
  numberOf,
} from "../../services/runtime/command-line.ts";
import { runCommand } from "../../services/runtime/run-command.ts";
import { writeReport } from "./report.ts";
import { type RunOptions, run } from "./run.ts";

const print = (line: string): void => void process.stdout.write(`${line}\n`);
/** At least 100 in ten minutes, whatever has to wait for its turn. */
const faultsPerMinute = 12;
const reports = fileURLToPath(new URL("../../.data/chaos", import.meta.url));
const interrupted = new AbortController();

const form: CommandForm = {
  name: "chaos",
  says: "Breaks a system of its own in every way it knows, while clients write, and tells whether anything was lost, doubled or left broken.",
  options: {
    minutes: { value: "N", says: "how long faults come (10)" },
    seed: { value: "N", says: "repeats the script of a run (any)" },
    faults: { value: "N", says: "how many (12 a minute)" },
    clients: { value: "N", says: "how many write (6)" },
    out: { value: "FOLDER", says: "where the report goes (.data/chaos/…)" },
  },
  exits: {
    [exitCodes.ok]: "nothing was found",
    [exitCodes.failure]: "a violation",
    [exitCodes.uncertain]: "the run itself could not be done",
    [exitCodes.interrupted]: "interrupted",
  },
};

function optionsOf(line: CommandLine): RunOptions {
  const number = (option: string, fallback: number, max: number, min = 0): number =>
    numberOf(form, line, option, { min, max }) ?? fallback;
  const minutes = number("minutes", 10, 7 * 24 * 60);
  const seed = number("seed", randomInt(1_000_000), Number.MAX_SAFE_INTEGER);
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  return {
    seed,
    faultsMs: minutes * 60_000,
    faults: Math.max(1, Math.round(number("faults", minutes * faultsPerMinute, 1_000_000))),
    clients: Math.max(1, Math.round(number("clients", 6, 1_000))),
    baselineMs: 8_000,
    folder: line.valueOf("out") ?? join(reports, `${stamp}-seed-${seed}`),
    print,
    interrupted: interrupted.signal,
  };
}

async function breakIt(options: RunOptions): Promise<number> {
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => {
      print(`${name}: the faults end, the system may heal`);
      interrupted.abort(new Error(name));
    });
  try {
    const result = await run(options);
    const summary = writeReport(result, options.folder, print);
    print(`report: ${join(options.folder, "report.html")}`);
    if (interrupted.signal.aborted) return exitCodes.interrupted;
    return summary.violations === 0 ? exitCodes.ok : exitCodes.failure;
  } catch (error) {
    print(`The run could not be done: ${(error as Error).stack}`);
    return interrupted.signal.aborted ? exitCodes.interrupted : exitCodes.uncertain;
  }
}

const line = commandLine(form);
await runCommand(async () => breakIt(optionsOf(line)));
