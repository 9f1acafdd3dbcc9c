/**
 * The whole way at saturation: `POST /users` of new addresses over 32 connections, with the relay and both consumers at
 * work meanwhile. A round is not over before every effect of it is committed in the registry and the audit log.
 */
import { createUsers } from "../harness/load.ts";
import type { Bench, Part, Row } from "../harness/part.ts";
import { placeFor } from "../harness/servers.ts";
import { drained } from "../harness/settle.ts";
import { ratioOf, sampleOf } from "../harness/stats.ts";
import { type System, startDistributed, startEmbedded, startReference } from "../harness/systems.ts";

const connections = 32;
const goals: Readonly<Record<string, { atLeast: number }>> = {
  embedded: { atLeast: 0.9 },
  distributed: { atLeast: 0.6 },
};

interface Round {
  readonly created: number;
  readonly settled: number;
}

async function measure(bench: Bench, system: System, seconds: number): Promise<Round> {
  const startedAt = performance.now();
  const load = await createUsers(system.url, { seconds, connections });
  if (load.failed > 0) throw new Error(`${system.name}: ${load.failed} requests failed`);
  await drained(bench.servers, system);
  return { created: load.perSecond, settled: load.answered / ((performance.now() - startedAt) / 1_000) };
}

export const creates: Part = {
  name: "creates",
  title: "Creates at saturation, 32 connections",
  async run(bench) {
    const systems: System[] = [];
    try {
      systems.push(await startReference(await placeFor(bench.servers, "creates_reference")));
      systems.push(await startEmbedded(await placeFor(bench.servers, "creates_embedded")));
      systems.push(await startDistributed(await placeFor(bench.servers, "creates_distributed")));
      const rounds = new Map<string, Round[]>(systems.map(({ name }) => [name, []]));
      for (let round = 0; round <= bench.rounds; round += 1)
        for (const system of systems) {
          bench.progress(round === 0 ? `${system.name}, warm-up` : `${system.name}, round ${round}`);
          const result = await measure(bench, system, bench.seconds);
          if (round > 0) rounds.get(system.name)?.push(result);
        }
      const reference = rounds.get("reference") ?? [];
      return systems.flatMap(({ name }): Row[] => {
        const own = rounds.get(name) ?? [];
        const row = (what: string, of: (round: Round) => number): Row => ({
          what: `${name}: ${what}`,
          unit: "/s",
          sample: sampleOf(own.map(of)),
          ...(name === "reference" ? {} : { ratio: ratioOf(own.map(of), reference.map(of)) }),
        });
        const goal = goals[name];
        return [
          { ...row("creates answered", ({ created }) => created), ...(goal === undefined ? {} : { goal }) },
          row("creates with every effect committed", ({ settled }) => settled),
        ];
      });
    } finally {
      for (const system of systems) await system.stop();
    }
  },
};
