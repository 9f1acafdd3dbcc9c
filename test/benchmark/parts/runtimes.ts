/** The same files on Node and on Deno, in one process and over RabbitMQ. */
import { runtimes } from "../../support/processes.ts";
import { type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { type CreatesRound, cpuFigures, createsRound, ownCpuMs } from "../harness/saturation.ts";
import { startDistributed, startEmbedded, withSystems } from "../harness/systems.ts";

const shapes = { embedded: startEmbedded, distributed: startDistributed } as const;
type Shape = keyof typeof shapes;

export const runtimesPart: Part = {
  name: "runtimes",
  title: "Node and Deno, embedded and distributed",
  about:
    "Creates at saturation. Ratios: Deno to Node of the same shape, and on Node the distributed to the embedded system.",
  async run(bench): Promise<Outcome> {
    const { servers } = bench;
    const starts = (Object.keys(shapes) as Shape[]).flatMap((shape) =>
      runtimes.map((runtime) =>
        shapes[shape](servers, `runtimes_${shape}_${runtime}`, { name: `${shape}, ${runtime}`, runtime }),
      ),
    );
    return withSystems(starts, async (systems) => {
      const rounds = await interleaved(bench, systems, (system) => createsRound(bench, system));
      const referenceOf = (name: string): string | undefined => {
        if (name.endsWith(", deno")) return name.replace("deno", "node");
        return name.startsWith("distributed") ? "embedded, node" : undefined;
      };
      const row = (name: string, what: string, unit: string, of: (round: CreatesRound) => number): Row => {
        const reference = referenceOf(name);
        const more = reference === undefined ? {} : { reference: rounds(reference).map(of) };
        return rowOf(`${name}: ${what}`, unit, rounds(name).map(of), more);
      };
      const rows = systems.flatMap(({ name }) => [
        row(name, "creates answered", "/s", ({ answered }) => answered),
        ...(servers.cpu === undefined ? [] : [row(name, "CPU a create", "ms CPU", ownCpuMs)]),
      ]);
      return { rows, figures: cpuFigures(systems, rounds) };
    });
  },
};
