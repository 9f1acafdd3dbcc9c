/**
 * The whole way at saturation: `POST /users` of new addresses over 32 connections, with the relay and both consumers at
 * work meanwhile. A round is not over before every effect of it is committed in the registry and the audit log.
 */
import { boundOf, bounds } from "../harness/bounds.ts";
import { insteadOf, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import {
  type CreatesRound,
  cpuFigures,
  createsRound,
  delayQuantile,
  ownCpuMs,
} from "../harness/saturation.ts";
import { type System, withCompared } from "../harness/systems.ts";

const noCpu = "no CPU a create: it is read from /proc, which this machine does not have";
const answered = "creates answered";

interface Figured {
  readonly what: string;
  readonly unit: string;
  readonly of: (round: CreatesRound) => number;
  readonly goals?: typeof bounds.creates | typeof bounds.createCpu;
}

const figured: readonly Figured[] = [
  {
    what: answered,
    unit: "/s",
    of: (round) => round.answered,
    goals: bounds.creates,
  },
  { what: "creates with every effect committed", unit: "/s", of: ({ settled }) => settled },
  { what: "commit → registry at saturation, p50", unit: "ms", of: delayQuantile(0.5) },
  { what: "commit → registry at saturation, p99", unit: "ms", of: delayQuantile(0.99) },
  { what: "CPU a create", unit: "ms CPU", of: ownCpuMs, goals: bounds.createCpu },
];

export const creates: Part = {
  name: "creates",
  title: "Creates at saturation, the whole way",
  about:
    "POST /users over 32 connections, as fast as answers come. The reference does the same durable work by hand: a reservation in the registry's database, one transaction with the event, a relay with confirms, two batching consumers.",
  async run(bench): Promise<Outcome> {
    const { servers } = bench;
    return withCompared(servers, "creates", async (systems) => {
      const roundsOf = await interleaved(bench, systems, (system) => createsRound(bench, system));
      const cpu = (name: string) => (servers.cpu === undefined ? [] : roundsOf(name).map(ownCpuMs));
      const row = ({ name }: System, { what, unit, of, goals }: Figured): Row =>
        rowOf(`${name}: ${what}`, unit, roundsOf(name).map(of), {
          ...(name === "reference" ? {} : { reference: roundsOf("reference").map(of) }),
          goal: goals === undefined ? undefined : boundOf(goals, name),
          instead:
            what === answered
              ? insteadOf("CPU a create", cpu(name), cpu("reference"), boundOf(bounds.createCpu, name))
              : undefined,
          note: what === answered && servers.cpu === undefined ? noCpu : undefined,
        });
      const told = servers.cpu === undefined ? figured.filter(({ of }) => of !== ownCpuMs) : figured;
      const rows = told.flatMap((each) => systems.map((system) => row(system, each)));
      return { rows, figures: cpuFigures(systems, roundsOf) };
    });
  },
};
