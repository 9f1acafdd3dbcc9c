/** Creates with more instances of one role while the others have one each. */
import { cpus } from "node:os";
import { type Bench, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { type CreatesRound, cpuFigures, createsRound } from "../harness/saturation.ts";
import { type Instances, startDistributed, withSystems } from "../harness/systems.ts";

const roles = ["gateway", "users", "registry"] as const satisfies readonly (keyof Instances)[];
const single: Instances = { gateway: 1, users: 1, registry: 1 };

/** One role at a time, so that only a few dozen processes are there at once. */
async function roleRows(bench: Bench, role: keyof Instances): Promise<Outcome> {
  const { servers, scale } = bench;
  const nameOf = (count: number) => `${count} × ${role}`;
  const starts = scale.instances.map((count) =>
    startDistributed(servers, `instances_${role}_${count}`, {
      name: nameOf(count),
      instances: { ...single, [role]: count },
    }),
  );
  return withSystems(starts, async (systems) => {
    const rounds = await interleaved(bench, systems, (system) => createsRound(bench, system));
    const of = (count: number) => rounds(nameOf(count)).map(({ answered }: CreatesRound) => answered);
    const first = scale.instances[0] ?? 1;
    const note = `${cpus().length} cores for everything`;
    const rows = scale.instances.map((count): Row => {
      const more = count === first ? { note } : { reference: of(first) };
      return rowOf(nameOf(count), "/s", of(count), more);
    });
    return { rows, figures: cpuFigures(systems, rounds, `CPU a create with more of ${role}`) };
  });
}

export const instances: Part = {
  name: "instances",
  title: "One, two and four instances of each role",
  about:
    "Creates answered a second at saturation over RabbitMQ. Several gateways share the connections of the load. What the cores of this machine can't give, more instances can't take: the CPU a create tells what an instance more costs.",
  async run(bench): Promise<Outcome> {
    const outcomes: Outcome[] = [];
    for (const role of roles) outcomes.push(await roleRows(bench, role));
    return {
      rows: outcomes.flatMap(({ rows }) => rows),
      figures: outcomes.flatMap(({ figures }) => figures),
    };
  },
};
