/** The counts of the hot path's pure functions, as they are now and as they were accepted last (counts.json). */
import { readFileSync, writeFileSync } from "node:fs";
import { commandOf, root } from "../../support/processes.ts";
import { runProgram } from "../../support/provision/command.ts";

export interface Cost {
  /** Tokens of JavaScript that one call runs. */
  readonly tokens: number;
  /** That one call allocates on the heap. */
  readonly bytes: number;
}

export type Costs = Readonly<Record<string, Cost>>;

export interface Counts {
  /** Bytes are the same only with the same version; tokens whatever runs them. */
  readonly node: string;
  readonly costs: Costs;
}

/** A function may cost so much more than what was accepted. */
export const growthMax = 1.05;
/** Bytes depend a little on what else is loaded: 30 by an import more. */
const bytesAside = 64;

const acceptedUrl = new URL("counts.json", import.meta.url);
const measureMsMax = 300_000;
/** Interpreted only, on one thread, and nothing is collected meanwhile: so bytes are the same each time. */
const evenly = [
  ...["--expose-gc", "--single-threaded", "--no-opt", "--no-maglev", "--no-sparkplug"],
  ...["--min-semi-space-size=64", "--max-semi-space-size=64"],
];

/** In a process of its own. Rejects with what it said when it fails. */
export async function measureCounts(): Promise<Counts> {
  const [program, args] = commandOf("node", "test/benchmark/counts/measure.ts", []);
  const env = { PATH: process.env.PATH };
  const { code, stdout, stderr } = await runProgram(program, [...evenly, ...args], {
    cwd: root,
    env,
    timeoutMs: measureMsMax,
  });
  if (code !== 0) throw new Error(`Cannot count: ${stderr}`);
  return JSON.parse(stdout) as Counts;
}

export const acceptedCounts = (): Counts => JSON.parse(readFileSync(acceptedUrl, "utf8")) as Counts;

/** As Biome formats it. */
export const acceptCounts = (counts: Counts): void =>
  writeFileSync(acceptedUrl, `${JSON.stringify(counts, null, 2)}\n`);

const accepting = "accept it by `npm run bench -- counts --accept` where it is worth it";

/** What costs more than was accepted, or was never accepted. Pure. */
export function countFaults(accepted: Counts, now: Counts): string[] {
  const names = new Set([...Object.keys(accepted.costs), ...Object.keys(now.costs)]);
  return [...names].flatMap((name) => {
    const [before, after] = [accepted.costs[name], now.costs[name]];
    if (before === undefined) return [`${name}: is not in counts.json; ${accepting}`];
    if (after === undefined) return [`${name}: is in counts.json and is not measured; ${accepting}`];
    const grown = (what: keyof Cost, most: number): string[] =>
      after[what] <= most ? [] : [`${name}: ${after[what]} ${what} instead of ${before[what]}; ${accepting}`];
    return [
      ...grown("tokens", before.tokens * growthMax),
      ...(accepted.node === now.node ? grown("bytes", before.bytes * growthMax + bytesAside) : []),
    ];
  });
}
