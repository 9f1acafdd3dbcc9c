/**
 * Runs scenarios: a system for each topology, on it a baseline first, then one scenario after the other. Each ends when
 * every write that was begun has its answer, nothing is on its way any more, and what the clients were told has been
 * compared with what is there. A system that a scenario has left broken is not used for the next one.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { reservationTtlMs } from "../chaos/cluster.ts";
import { drained } from "../chaos/drain.ts";
import { readFacts } from "../chaos/facts.ts";
import { countsOf, type Violation, violationsOf } from "../chaos/invariants.ts";
import { type Observer, observe } from "../chaos/observer.ts";
import type { Stops } from "../support/stops.ts";
import { type Bound, judge, type Measured, scaleOf, type Verdict } from "./bounds.ts";
import { type Figures, figuresOf, type Mark } from "./figures.ts";
import { isDone, suffixedCreates, TimedJournal } from "./journal.ts";
import { capacityOf, type OpenLoad, patienceMs, startLoad } from "./load.ts";
import { baseline, type Scenario } from "./scenarios.ts";
import { restUnless, type Stage } from "./stage.ts";
import { type HaSystem, startSystem, type Topology } from "./system.ts";

/** Writes a second, where the machine can do that and more. */
const rateMax = 22;
/** Fewer would leave more than half a second between two answers. */
const rateMin = 2;
/**
 * Of what it can do: after 20 s without an answer the clients of 20 s repeat, which is twice of that a second or less,
 * and must not be an overload. That has a scenario of its own.
 */
const rateShare = 0.1;
const warmUp = { clients: 4, forMs: 5_000 } as const;
const leadMs = 3_000;
const tailMs = 3_000;
const healTimeoutMs = 120_000;
const violationsKept = 20;

export interface Row {
  readonly scenario: string;
  readonly topology: Topology;
  readonly figures?: Figures;
  readonly measured: Measured;
  readonly verdicts: readonly Verdict[];
  readonly marks: readonly Mark[];
  /** The first of what the comparison found. */
  readonly violations: readonly Violation[];
  /** Why it could not be done, or did not end as it should have. */
  readonly problem?: string;
  readonly isKept: boolean;
  readonly tookMs: number;
}

export interface RunOptions {
  readonly scenarios: readonly Scenario[];
  readonly isShort: boolean;
  /** What a scenario is held to (its bounds). */
  readonly boundsOf?: (scenario: Scenario) => readonly Bound[];
  readonly seed: number;
  /** Gets the logs of the processes. */
  readonly folder: string;
  readonly stops: Stops;
  readonly print: (line: string) => void;
  /** Gets a line about the moment, several a second. */
  readonly show: (line: string) => void;
  readonly interrupted: AbortSignal;
}

/** One system with what was asked of it so far. */
interface Field {
  readonly options: RunOptions;
  readonly system: HaSystem;
  readonly observer: Observer;
  readonly journal: TimedJournal;
  readonly elapsedMs: () => number;
  /** What earlier comparisons found already. */
  readonly known: Set<string>;
  readonly rate: number;
  scale: number;
}

const keyOf = ({ check, userId, what }: Violation): string => `${check} ${userId} ${what}`;

async function openField(options: RunOptions, topology: Topology, number: number): Promise<Field> {
  const logFolder = join(options.folder, `${number}-${topology.replaceAll(" ", "-")}`);
  const { stops, print } = options;
  const startedAt = performance.now();
  const elapsedMs = () => Math.round(performance.now() - startedAt);
  const seconds = () => `${(elapsedMs() / 1_000).toFixed(0)} s`;
  print(`system (${topology}): engines are being started`);
  const system = await startSystem({ topology, logFolder, stops });
  print(`system (${topology}): engines run (${seconds()})`);
  const observer = await observe(system.rabbit);
  for (const role of system.roles.values()) role.start();
  await system.ready();
  print(`system (${topology}): ${system.roles.size} processes are ready (${seconds()})`);
  const journal = new TimedJournal();
  const wire = { url: system.url, journal, elapsedMs, giveUp: options.interrupted, patienceMs };
  await capacityOf(wire, warmUp);
  const capacity = await capacityOf(wire, warmUp);
  const rate = Math.max(rateMin, Math.min(rateMax, capacity * rateShare));
  print(
    `system (${topology}): ${warmUp.clients} clients do ${capacity.toFixed(0)} writes a second, the load is ${rate.toFixed(1)}`,
  );
  return { options, system, observer, journal, elapsedMs, known: new Set(), rate, scale: 1 };
}

/** New differences between what the clients were told and what is there. */
async function compare({ system, observer, journal, known }: Field): Promise<Violation[]> {
  const facts = await readFacts(system, observer);
  const found = violationsOf(journal, facts, { ttlMs: reservationTtlMs, skewMaxMs: 0 });
  const fresh = found.filter((violation) => !known.has(keyOf(violation)));
  for (const violation of fresh) known.add(keyOf(violation));
  return fresh;
}

/** Neither who was given up nor a 500 is a lie about what was done; both are figures of their own. */
const isAboutState = ({ what }: Violation): boolean =>
  !/never had a definite answer|was answered \d{3}:/.test(what);

interface Course {
  readonly marks: Mark[];
  readonly measured: Record<string, number>;
  readonly problem?: string;
}

function stageOf(field: Field, load: OpenLoad, course: Course): Stage {
  const { options, system, journal, observer, elapsedMs } = field;
  return {
    system,
    journal,
    observer,
    load,
    elapsedMs,
    isShort: options.isShort,
    interrupted: options.interrupted,
    async fault(what, work) {
      course.marks.push({ what, atMs: elapsedMs() });
      options.print(`${(elapsedMs() / 1_000).toFixed(1).padStart(7)} s  ${what}`);
      return work();
    },
    measure(figure, value) {
      course.measured[figure] = value;
    },
    rest: restUnless(options.interrupted),
  };
}

async function attempted(what: string, work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return `${what}: ${(error as Error).message.split("\n")[0]}`;
  }
}

/** Shows twice a second how the load fares; returns how to end it. */
function showing({ options, journal, elapsedMs }: Field, name: string): () => void {
  const timer = setInterval(() => {
    const last = journal.writes.findLast(isDone)?.atMs ?? 0;
    const silence = ((elapsedMs() - last) / 1_000).toFixed(1);
    options.show(
      `${name}: ${journal.acknowledged} of ${journal.operations.length} writes done, ${journal.attempts} attempts, last 2xx ${silence} s ago`,
    );
  }, 500);
  return () => clearInterval(timer);
}

async function playOn(field: Field, scenario: Scenario): Promise<Row> {
  const { options, system, journal, elapsedMs } = field;
  const fromMs = elapsedMs();
  const begin = {
    operations: journal.operations.length,
    writes: journal.writes.length,
    reads: journal.reads.length,
    defects: journal.defects.length,
  };
  const wire = { url: system.url, journal, elapsedMs, giveUp: options.interrupted };
  const load = startLoad(wire, { rate: field.rate, seed: options.seed, run: `${scenario.name}-${fromMs}` });
  const course: Course = { marks: [], measured: {} };
  const stage = stageOf(field, load, course);
  const stopShowing = showing(field, scenario.name);
  const problems = [
    await attempted("it could not be done", async () => {
      await stage.rest(leadMs);
      await scenario.run(stage);
      await stage.rest(tailMs);
    }),
  ];
  const window = { fromMs, toMs: elapsedMs() };
  await load.stop();
  stopShowing();
  options.interrupted.throwIfAborted();
  const settle = async () => {
    await system.ready(healTimeoutMs);
    await drained(system, healTimeoutMs);
  };
  problems.push(await attempted("it does not heal", settle));
  const violations: Violation[] = [];
  problems.push(
    await attempted("it could not be compared", async () => violations.push(...(await compare(field)))),
  );
  const figures = figuresOf({
    window,
    marks: course.marks,
    operations: journal.operations.slice(begin.operations),
    writes: journal.writes.slice(begin.writes),
    reads: journal.reads.slice(begin.reads),
    defects: journal.defects.slice(begin.defects).filter(({ status }) => status === 500).length,
  });
  return rowOf(scenario, field, { ...course, figures, violations, problems, tookMs: elapsedMs() - fromMs });
}

function rowOf(
  scenario: Scenario,
  { scale, journal, system, options }: Field,
  found: Course & {
    figures: Figures;
    violations: Violation[];
    problems: readonly (string | undefined)[];
    tookMs: number;
  },
): Row {
  const { figures, violations, marks } = found;
  const about = violations.filter(isAboutState);
  const { lost, doubled, other } = countsOf(about);
  const suffixed = suffixedCreates(journal.operations.slice(-figures.operations)).length;
  const { failedByStatus: _, ...numbers } = figures;
  const measured: Measured = {
    ...numbers,
    lost,
    doubled: doubled + suffixed,
    wrong: other,
    ...found.measured,
  };
  const bounds = options.boundsOf?.(scenario) ?? scenario.bounds;
  const verdicts = bounds.map((bound) => judge(bound, measured, scale));
  const problem = found.problems.filter((each) => each !== undefined).join("; ");
  return {
    scenario: scenario.name,
    topology: system.topology,
    figures,
    measured,
    verdicts,
    marks,
    violations: about.slice(0, violationsKept),
    ...(problem === "" ? {} : { problem }),
    isKept: problem === "" && verdicts.every(({ isKept }) => isKept),
    tookMs: found.tookMs,
  };
}

const notPlayed = (scenario: Scenario, problem: string): Row => ({
  scenario: scenario.name,
  topology: scenario.topology,
  measured: {},
  verdicts: [],
  marks: [],
  violations: [],
  problem,
  isKept: false,
  tookMs: 0,
});

/** The baseline's row comes first; the others are judged by what it took. */
async function* playGroup(
  options: RunOptions,
  topology: Topology,
  scenarios: readonly Scenario[],
): AsyncGenerator<Row> {
  let field: Field | undefined;
  let number = 0;
  for (const scenario of scenarios) {
    options.interrupted.throwIfAborted();
    if (field === undefined)
      try {
        number += 1;
        field = await openField(options, topology, number);
        const row = await playOn(field, baseline);
        if (row.figures !== undefined) field.scale = scaleOf(row.figures);
        yield row;
      } catch (error) {
        await options.stops.all();
        options.interrupted.throwIfAborted();
        field = undefined;
        yield notPlayed(scenario, (error as Error).message.split("\n")[0] ?? "");
        continue;
      }
    const row = await playOn(field, scenario);
    yield row;
    if (row.problem !== undefined || row.violations.length > 0) {
      await field.system.stop();
      field = undefined;
    }
  }
  await field?.system.stop();
}

/** Yields a row for each scenario, and for the baseline of each system. Rejects when interrupted. */
export async function* runScenarios(options: RunOptions): AsyncGenerator<Row> {
  mkdirSync(options.folder, { recursive: true });
  const groups = Map.groupBy(options.scenarios, ({ topology }) => topology);
  for (const [topology, scenarios] of groups) yield* playGroup(options, topology, scenarios);
}
