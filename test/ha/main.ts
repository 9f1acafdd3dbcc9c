/**
 * `npm run ha`: the loss of any one part of a system on several machines, each as a scenario with its bounds, on engines
 * of its own (docs/guides/ha.md).
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
import { Stops } from "../support/stops.ts";
import { findPrograms } from "./engines/programs.ts";
import { type Row, runScenarios } from "./run.ts";
import { scenarios } from "./scenarios.ts";
import { table } from "./table.ts";

const reports = fileURLToPath(new URL("../../.data/ha", import.meta.url));
const names = scenarios.map(({ name }) => name);
const form: CommandForm = {
  name: "ha",
  says: "Breaks each part of a system on several machines, under load, and tells what was lost and for how long what was refused.",
  words: { form: "[scenario …]", known: names },
  options: {
    list: { says: "what there is" },
    short: { says: "the short set, which npm test runs" },
    seed: { value: "N", says: "repeats the load of a run (any)" },
    json: { says: "for machines" },
    out: { value: "FOLDER", says: "where the logs go (.data/ha/…)" },
  },
  exits: {
    [exitCodes.ok]: "every bound was kept",
    [exitCodes.failure]: "a bound was not kept",
    [exitCodes.unavailable]: "the engines are not installed",
    [exitCodes.interrupted]: "interrupted; all that was started has ended",
  },
};

const line = commandLine(form);
const isJson = line.has("json");
const interrupted = new AbortController();
const stops = new Stops();

/** A line about the moment stays in its place on a terminal, and is not written anywhere else. */
const { isTTY = false } = process.stderr;
const clear = isTTY ? "\r\u001b[K" : "";
const show = (text: string): void => {
  if (isTTY) process.stderr.write(`${clear}${text.slice(0, (process.stderr.columns ?? 80) - 1)}`);
};
const print = (text: string): void => void process.stderr.write(`${clear}${text}\n`);
const put = (text: string): void => void process.stdout.write(`${text}\n`);

function list(): number {
  const width = Math.max(...names.map(({ length }) => length));
  for (const { name, says, isShort } of scenarios)
    put(`${name.padEnd(width)}  ${isShort ? "short  " : "       "}${says}`);
  return exitCodes.ok;
}

function chosen({ words, has }: CommandLine): typeof scenarios {
  const named = words.length === 0 ? scenarios : scenarios.filter(({ name }) => words.includes(name));
  return has("short") ? named.filter(({ isShort }) => isShort) : named;
}

async function play(): Promise<number> {
  try {
    await findPrograms();
  } catch (error) {
    print((error as Error).message);
    return exitCodes.unavailable;
  }
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, "-");
  const folder = line.valueOf("out") ?? join(reports, stamp);
  const seed = numberOf(form, line, "seed", { min: 0, max: 2 ** 31, whole: true }) ?? randomInt(1_000_000);
  const rows: Row[] = [];
  const settings = { scenarios: chosen(line), isShort: line.has("short"), seed, folder };
  try {
    for await (const row of runScenarios({
      ...settings,
      stops,
      print,
      show,
      interrupted: interrupted.signal,
    })) {
      rows.push(row);
      if (!isJson) print(`\n${table([row])}\n`);
    }
  } finally {
    await stops.all();
  }
  put(isJson ? JSON.stringify({ seed, folder, rows }, null, 1) : table(rows));
  return rows.every(({ isKept }) => isKept) ? exitCodes.ok : exitCodes.failure;
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(name, () => {
    print(`${name}: what was started is being ended`);
    interrupted.abort(new Error(name));
    // Whoever waits for an engine that is gone now would wait in vain.
    void stops.all().then(() => process.exit(exitCodes.interrupted));
  });

await runCommand(async () => (line.has("list") ? list() : play()));
