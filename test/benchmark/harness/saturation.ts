/**
 * One round of creates at saturation: how many were answered a second, how many had every effect committed, how long
 * the way to the registry was, and who spent the processor's time. It is over when nothing of it is left to do.
 */
import { freshPrefix, saturatingConnections } from "../load/generator.ts";
import { effectsOf, idFloor } from "./commits.ts";
import { ownMs, spent } from "./cpu.ts";
import type { Bench, Figure } from "./part.ts";
import { drained } from "./settle.ts";
import { median, quantile } from "./stats.ts";
import type { System } from "./systems.ts";

export interface CreatesRound {
  readonly answered: number;
  readonly settled: number;
  readonly delaysMs: readonly number[];
  /** Milliseconds of CPU for each create, by who spent them; empty where the machine does not tell. */
  readonly cpuMs: ReadonlyMap<string, number>;
}

export async function createsRound({ servers, scale }: Bench, system: System): Promise<CreatesRound> {
  const { cpu, load } = servers;
  const startedMs = Date.now();
  const fromId = idFloor(startedMs);
  const before = await cpu?.times(system.processes, system.place);
  const result = await load.run({
    urls: system.urls,
    work: { kind: "create", prefix: freshPrefix() },
    pace: { connections: saturatingConnections, seconds: scale.seconds },
  });
  await drained(system, fromId);
  const after = await cpu?.times(system.processes, system.place);
  const { delaysMs, lastAt } = await effectsOf(system.place, fromId);
  const cpuMs = before === undefined || after === undefined ? [] : [...spent(before, after)];
  return {
    answered: result.perSecond,
    settled: result.answered / (lastAt - startedMs / 1_000),
    delaysMs,
    cpuMs: new Map(cpuMs.map(([who, ms]) => [who, ms / result.answered])),
  };
}

/** What a create costs the system and its servers, without the load. */
export const ownCpuMs = ({ cpuMs }: CreatesRound): number => ownMs(cpuMs);

export const delayQuantile =
  (q: number) =>
  ({ delaysMs }: CreatesRound): number =>
    quantile(delaysMs, q);

/** Medians of the rounds, by who spent the time; nothing where the machine does not tell. */
export function cpuFigures(
  systems: readonly System[],
  roundsOf: (name: string) => readonly CreatesRound[],
  title = "CPU a create, by who spends it",
): Figure[] {
  const stacks = systems.map(({ name }) => {
    const rounds = roundsOf(name);
    const who = [...(rounds[0]?.cpuMs.keys() ?? [])];
    const layers = who.map((each) => ({
      name: each,
      value: median(rounds.map(({ cpuMs }) => cpuMs.get(each) ?? 0)),
    }));
    return { label: name, layers };
  });
  return stacks.every(({ layers }) => layers.length === 0)
    ? []
    : [{ kind: "stacks", title, unit: "ms", stacks }];
}
