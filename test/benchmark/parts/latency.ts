/**
 * From the commit of a create to the commit of its effect in the registry, at a steady 50 and 500 creates a second.
 * At saturation the delay is the length of the queue, which `creates` shows as the difference of its two figures.
 */
import { effectDelaysMs } from "../harness/commits.ts";
import { createUsers } from "../harness/load.ts";
import type { Bench, Part, Row } from "../harness/part.ts";
import { placeFor } from "../harness/servers.ts";
import { drained } from "../harness/settle.ts";
import { quantile, ratioOf, sampleOf } from "../harness/stats.ts";
import { type System, startDistributed, startEmbedded, startReference } from "../harness/systems.ts";

const rates = [50, 500] as const;
const quantiles = [
  { name: "p50", q: 0.5, goal: { atMost: 1.5 } },
  { name: "p99", q: 0.99, goal: { atMost: 2 } },
] as const;
const connections = 16;

async function measure(bench: Bench, system: System, rate: number): Promise<number[]> {
  const since = new Date();
  await createUsers(system.url, { seconds: bench.seconds, connections, rate });
  await drained(bench.servers, system);
  return effectDelaysMs(bench.servers, system.place, since);
}

export const latency: Part = {
  name: "latency",
  title: "Commit of a create → commit of its effect in the registry",
  async run(bench) {
    const systems: System[] = [];
    try {
      systems.push(await startReference(await placeFor(bench.servers, "latency_reference")));
      systems.push(await startEmbedded(await placeFor(bench.servers, "latency_embedded")));
      systems.push(await startDistributed(await placeFor(bench.servers, "latency_distributed")));
      const delays = new Map<string, number[][]>();
      for (let round = 0; round <= bench.rounds; round += 1)
        for (const rate of rates)
          for (const system of systems) {
            bench.progress(`${system.name} at ${rate}/s, ${round === 0 ? "warm-up" : `round ${round}`}`);
            const measured = await measure(bench, system, rate);
            const key = `${system.name} ${rate}`;
            if (round > 0) delays.set(key, [...(delays.get(key) ?? []), measured]);
          }
      return systems.flatMap(({ name }) =>
        rates.flatMap((rate) =>
          quantiles.map(({ name: what, q, goal }): Row => {
            const of = (system: string) =>
              (delays.get(`${system} ${rate}`) ?? []).map((round) => quantile(round, q));
            const row = { what: `${name} at ${rate}/s: ${what}`, unit: " ms", sample: sampleOf(of(name)) };
            return name === "reference" ? row : { ...row, ratio: ratioOf(of(name), of("reference")), goal };
          }),
        ),
      );
    } finally {
      for (const system of systems) await system.stop();
    }
  },
};
