/** How much memory each process holds while it works, and whether that stays so along a run of events. */
import { boundOf, bounds } from "../harness/bounds.ts";
import { idFloor } from "../harness/commits.ts";
import { residentMb } from "../harness/cpu.ts";
import {
  type Bench,
  type Figure,
  type Outcome,
  type Part,
  pointOf,
  type Row,
  rowOf,
} from "../harness/part.ts";
import { drained } from "../harness/settle.ts";
import { median } from "../harness/stats.ts";
import { type System, withCompared } from "../harness/systems.ts";
import { freshPrefix, saturatingConnections } from "../load/generator.ts";

const steps = 10;
/** Heaps and pools have their size by then. */
const warmSteps = 3;
const sampleEveryMs = 100;
/** Which of the reference's processes carries the same load. */
const likeness: Readonly<Record<string, string>> = { registry: "consumers" };
const referenceRole = (role: string): string => likeness[role] ?? "API and relay";

/** Creates, each an event with two effects; the most that each process held meanwhile, in megabytes, by its role. */
async function step(
  { servers }: Bench,
  system: System,
  amount: number,
): Promise<ReadonlyMap<string, number>> {
  const most = new Map<string, number>();
  const sample = (): void => {
    for (const { role, pid } of system.processes)
      most.set(role, Math.max(most.get(role) ?? 0, residentMb(pid)));
  };
  const fromId = idFloor(Date.now());
  const sampling = setInterval(sample, sampleEveryMs);
  try {
    const pace = { connections: saturatingConnections, amount };
    const work = { kind: "create", prefix: freshPrefix() } as const;
    // Whoever refuses some on a slow machine still holds what it holds.
    await servers.load.run({ urls: system.urls, work, pace }, { mayFail: true });
    await drained(system, fromId);
    sample();
  } finally {
    clearInterval(sampling);
  }
  return most;
}

type Steps = readonly ReadonlyMap<string, number>[];
const ofRole = (taken: Steps, role: string): number[] => taken.map((most) => most.get(role) ?? Number.NaN);

function rowsOf({ name, processes }: System, taken: Steps, reference: Steps): Row[] {
  return processes.flatMap(({ role }): Row[] => {
    const own = ofRole(taken, role);
    if (name === "reference") return [rowOf(`${name}, ${role}: RSS under load`, "MB", own)];
    const warm = median(own.slice(warmSteps, warmSteps + 2));
    return [
      rowOf(`${name}, ${role}: RSS under load`, "MB", own.slice(warmSteps), {
        reference: ofRole(reference, referenceRole(role)).slice(warmSteps),
        goal: boundOf(bounds.memory, name),
      }),
      rowOf(
        `${name}, ${role}: RSS of the last events to that of the first`,
        "×",
        own.slice(warmSteps + 2).map((mb) => mb / warm),
        { goal: bounds.memoryGrowth },
      ),
    ];
  });
}

function figureOf(systems: readonly System[], taken: ReadonlyMap<string, Steps>, events: number): Figure {
  const lines = systems.flatMap(({ name, processes }) =>
    processes.map(({ role }) => ({
      name: `${name}, ${role}`,
      points: ofRole(taken.get(name) ?? [], role).map((mb, index) =>
        pointOf(((index + 1) * events) / steps, [mb]),
      ),
    })),
  );
  return { kind: "lines", title: "RSS along the run", unit: "MB", axis: "events", lines };
}

export const memory: Part = {
  name: "memory",
  title: "Memory under load, and along a run of events",
  about:
    "Creates over 32 connections in ten steps, the systems in turns. Of each step the most that each process held (RSS); beside it the reference's process that carries the same load: its consumers for the registry, its API and relay for all others. The first three steps warm up. --events says how many events each system has.",
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    if (servers.cpu === undefined) throw new Error("Cannot measure: there is no /proc to read memory from");
    return withCompared(servers, "memory", async (systems) => {
      const taken = new Map<string, ReadonlyMap<string, number>[]>(systems.map(({ name }) => [name, []]));
      for (let index = 0; index < steps; index += 1) {
        for (const [place, system] of systems.entries()) {
          const done = index * systems.length + place;
          bench.progress(`step ${index + 1} of ${steps}: ${system.name}`, done, steps * systems.length);
          taken.get(system.name)?.push(await step(bench, system, Math.ceil(scale.events / steps)));
        }
        bench.calibrate();
      }
      const reference = taken.get("reference") ?? [];
      const rows = systems.flatMap((system) => rowsOf(system, taken.get(system.name) ?? [], reference));
      return { rows, figures: [figureOf(systems, taken, scale.events)] };
    });
  },
};
