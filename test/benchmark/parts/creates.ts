/**
 * The whole way at saturation: `POST /users` of new addresses over 32 connections, with the relay and both consumers at
 * work meanwhile. A round is not over before every effect of it is committed in the registry and the audit log.
 */
import { type Goal, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import {
  type CreatesRound,
  cpuFigures,
  createsRound,
  delayQuantile,
  ownCpuMs,
} from "../harness/saturation.ts";
import { startDistributed, startEmbedded, startReference, withSystems } from "../harness/systems.ts";

const goals: Readonly<Record<string, Goal>> = {
  embedded: { atLeast: 0.9 },
  distributed: { atLeast: 0.6 },
};
const noCpu = "CPU is read from /proc, which this machine does not have";

type Value = (round: CreatesRound) => number;

export const creates: Part = {
  name: "creates",
  title: "Creates at saturation, the whole way",
  about:
    "POST /users over 32 connections, as fast as answers come. The reference does the same durable work by hand: a reservation in the registry's database, one transaction with the event, a relay with confirms, two batching consumers.",
  async run(bench): Promise<Outcome> {
    const { servers } = bench;
    const starts = [
      startReference(servers, "creates_reference"),
      startEmbedded(servers, "creates_embedded"),
      startDistributed(servers, "creates_distributed"),
    ];
    return withSystems(starts, async (systems) => {
      const roundsOf = await interleaved(bench, systems, (system) => createsRound(bench, system));
      const rows = systems.flatMap(({ name }): Row[] => {
        const row = (what: string, unit: string, of: Value, goal?: Goal) =>
          rowOf(`${name}: ${what}`, unit, roundsOf(name).map(of), {
            ...(name === "reference" ? {} : { reference: roundsOf("reference").map(of) }),
            goal,
          });
        return [
          row("creates answered", "/s", ({ answered }) => answered, goals[name]),
          row("creates with every effect committed", "/s", ({ settled }) => settled),
          row("commit → registry at saturation, p50", "ms", delayQuantile(0.5)),
          row("commit → registry at saturation, p99", "ms", delayQuantile(0.99)),
          ...(servers.cpu === undefined ? [] : [row("CPU a create", "ms CPU", ownCpuMs)]),
        ];
      });
      const [first, ...others] = rows;
      const noted =
        first === undefined || servers.cpu !== undefined ? rows : [{ ...first, note: noCpu }, ...others];
      return { rows: noted, figures: cpuFigures(systems, roundsOf) };
    });
  },
};
