/** A run: the servers, then part after part; what is found is written after each of them. */

import type { Stops } from "../support/stops.ts";
import { calibrator } from "./harness/calibration.ts";
import { describeMachine } from "./harness/machine.ts";
import { machineNoise } from "./harness/noise.ts";
import type { Options } from "./harness/options.ts";
import type { Calibration, Part } from "./harness/part.ts";
import { type Servers, startServers } from "./harness/servers.ts";
import { type Console, noiseLines } from "./report/console.ts";
import { judge, type PartResult, type Results } from "./report/results.ts";
import { writeResults } from "./report/write.ts";

interface Run {
  readonly options: Options;
  readonly stops: Stops;
  readonly console: Console;
  /** Aborted: no further part is begun. */
  readonly interrupted: AbortSignal;
}

const secondsSince = (startedAtMs: number): number => (performance.now() - startedAtMs) / 1_000;

async function runPart(run: Run, part: Part, servers: Servers | undefined, measure: () => Calibration) {
  const startedAtMs = performance.now();
  const calibrations: Calibration[] = [];
  const calibrate = () => void calibrations.push(measure());
  const { name, title, about } = part;
  const bench = {
    get servers(): Servers {
      if (servers === undefined) throw new Error("Cannot measure: there are no servers");
      return servers;
    },
    scale: run.options.scale,
    calibrate,
    progress: (text: string, done?: number, total?: number) => run.console.progress(text, done, total),
  };
  run.console.begin();
  const found = await part.run(bench).then(
    ({ rows, figures }) => ({ rows: rows.map(judge), figures }),
    // Others can still be measured.
    (error: Error) => ({ rows: [], figures: [], failure: error.message }),
  );
  const noise = machineNoise(calibrations);
  const result: PartResult = { name, title, about, seconds: secondsSince(startedAtMs), noise, ...found };
  return { result, calibrations };
}

/** Resolves with what was found, as it was written. Whatever it has started is in `stops`. */
export async function run(run: Run, parts: readonly Part[]): Promise<Results> {
  const { options, stops, console } = run;
  const startedAtMs = performance.now();
  const date = new Date().toISOString();
  const { measure, close } = calibrator();
  stops.add(() => Promise.resolve(close()));
  let servers: Servers | undefined;
  if (parts.some(({ needsNoServers }) => needsNoServers === undefined)) {
    console.line("PostgreSQL and RabbitMQ start");
    servers = await startServers(stops);
  }
  const machine = await describeMachine(servers);
  const calibrations: Calibration[] = [];
  const done: PartResult[] = [];
  const results = (isComplete: boolean): Results => ({
    date,
    seconds: secondsSince(startedAtMs),
    isComplete,
    machine,
    options: { parts: options.parts, scale: options.scale, isQuick: options.isQuick },
    noise: machineNoise(calibrations),
    calibrations,
    parts: done,
  });
  for (const [index, part] of parts.entries()) {
    console.line(`\n${index + 1} of ${parts.length}, ${part.name}: ${part.title}`);
    const { result, calibrations: more } = await runPart(run, part, servers, measure);
    if (run.interrupted.aborted) break;
    calibrations.push(...more);
    done.push(result);
    console.part(result);
    writeResults(options.out, results(done.length === parts.length));
  }
  const all = results(done.length === parts.length);
  for (const line of noiseLines("Over the whole run, the machine", all.noise)) console.line(line);
  return all;
}
