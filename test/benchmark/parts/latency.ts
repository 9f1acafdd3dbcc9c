/**
 * From the commit of a create to the commit of its effect in the registry, at a steady 50 and 500 creates a second.
 * At saturation the delay is the length of the queue; the part `creates` tells it.
 */
import { boundOf, bounds } from "../harness/bounds.ts";
import { effectsOf, idFloor } from "../harness/commits.ts";
import { ownMs, spent } from "../harness/cpu.ts";
import {
  type Bench,
  type Figure,
  type Outcome,
  type Part,
  pointOf,
  type Row,
  rowOf,
} from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { drained } from "../harness/settle.ts";
import { quantile } from "../harness/stats.ts";
import { type System, withCompared } from "../harness/systems.ts";
import { freshPrefix } from "../load/generator.ts";
import type { Order } from "../load/order.ts";

const rates = [50, 500] as const;
const quantiles = [
  { name: "p50", q: 0.5, goals: (rate: (typeof rates)[number]) => bounds.delayP50[rate] },
  { name: "p99", q: 0.99, goals: () => bounds.delayP99 },
] as const;
const drawnPercents = [50, 75, 90, 95, 99];
/** At 50 a second a round must be longer than elsewhere for a 99th percentile to mean anything. */
const secondsFactor = 2;

interface Subject {
  readonly name: string;
  readonly system: System;
  readonly rate: (typeof rates)[number];
}

const nameOf = (system: string, rate: number): string => `${system} at ${rate}/s`;

interface Round {
  readonly delaysMs: readonly number[];
  readonly failed: number;
  /** Milliseconds a create, without the load; NaN where the machine does not tell. */
  readonly cpuMs: number;
}

async function measure({ servers, scale }: Bench, { system, rate }: Subject): Promise<Round> {
  const fromId = idFloor(Date.now());
  const before = await servers.cpu?.times(system.processes, system.place);
  const order: Order = {
    urls: system.urls,
    work: { kind: "create", prefix: freshPrefix() },
    pace: { perSecond: rate, seconds: scale.seconds * secondsFactor },
  };
  // A machine that can't carry the rate has some refused: that is told, and the others still have their delay.
  const { failed, answered } = await servers.load.run(order, { mayFail: true });
  await drained(system, fromId);
  const after = await servers.cpu?.times(system.processes, system.place);
  const cpuMs =
    before === undefined || after === undefined ? Number.NaN : ownMs(spent(before, after)) / answered;
  return { delaysMs: (await effectsOf(system.place, fromId)).delaysMs, failed, cpuMs };
}

const cpuOf = (rounds: readonly Round[]): number[] => rounds.map(({ cpuMs }) => cpuMs);

function cpuRow({ name, system, rate }: Subject, rounds: (name: string) => readonly Round[]): Row {
  const own = cpuOf(rounds(name));
  const reference = cpuOf(rounds(nameOf("reference", rate)));
  return rowOf(`${name}: CPU a create`, "ms CPU", own, system.name === "reference" ? {} : { reference });
}

export const latency: Part = {
  name: "latency",
  title: "Commit of a create → commit of its effect in the registry",
  about:
    "At a steady rate, between PostgreSQL's own commit times in the two databases. The embedded system hands events over inside its process; the reference and the distributed system go through RabbitMQ.",
  async run(bench): Promise<Outcome> {
    const { servers } = bench;
    return withCompared(servers, "latency", async (systems) => {
      const subjects = rates.flatMap((rate) =>
        systems.map((system): Subject => ({ name: nameOf(system.name, rate), system, rate })),
      );
      const rounds = await interleaved(bench, subjects, (subject) => measure(bench, subject));
      const at = (system: string, rate: number, q: number) =>
        rounds(nameOf(system, rate)).map(({ delaysMs }) => quantile(delaysMs, q));
      const rows = subjects.flatMap(({ name, system, rate }) =>
        quantiles.map(({ name: which, q, goals }): Row => {
          const own = at(system.name, rate, q);
          const failed = rounds(name).reduce((sum, round) => sum + round.failed, 0);
          const note = failed === 0 ? undefined : `${failed} creates failed: too much for this machine`;
          const goal = boundOf(goals(rate), system.name);
          return system.name === "reference"
            ? rowOf(`${name}: ${which}`, "ms", own, { note })
            : rowOf(`${name}: ${which}`, "ms", own, { reference: at("reference", rate, q), goal, note });
        }),
      );
      if (servers.cpu !== undefined) rows.push(...subjects.map((subject) => cpuRow(subject, rounds)));
      const figures = rates.map(
        (rate): Figure => ({
          kind: "lines",
          title: `Commit → registry at ${rate}/s`,
          unit: "ms",
          axis: "percentile",
          lines: systems.map(({ name }) => ({
            name,
            points: drawnPercents.map((percent) => pointOf(percent, at(name, rate, percent / 100))),
          })),
        }),
      );
      return { rows, figures };
    });
  },
};
