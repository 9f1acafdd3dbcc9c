/** Does the 10,000th person of one name cost more than the first? Beside as many creates of other addresses each time. */
import { idFloor } from "../harness/commits.ts";
import { type Bench, type Outcome, type Part, pointOf, rowOf } from "../harness/part.ts";
import { drained } from "../harness/settle.ts";
import { type System, startEmbedded, withSystems } from "../harness/systems.ts";
import { freshPrefix, saturatingConnections } from "../load/generator.ts";
import type { Work } from "../load/order.ts";

const steps = 10;
const warmUpCreates = 500;

async function rate({ servers }: Bench, system: System, work: Work, amount: number): Promise<number> {
  const fromId = idFloor(Date.now());
  const pace = { connections: saturatingConnections, amount };
  const { perSecond } = await servers.load.run({ urls: system.urls, work, pace });
  await drained(system, fromId);
  return perSecond;
}

interface Step {
  readonly same: number;
  readonly other: number;
}

/** All the takers of one name, and as many others in between. */
async function round(bench: Bench, system: System, tell: (step: number) => void): Promise<Step[]> {
  const address = `${freshPrefix()}@bench.example`;
  const amount = bench.scale.sameAddress / steps;
  const measured: Step[] = [];
  for (let step = 0; step < steps; step += 1) {
    tell(step);
    const same = await rate(bench, system, { kind: "create-same", address }, amount);
    const other = await rate(bench, system, { kind: "create", prefix: freshPrefix() }, amount);
    measured.push({ same, other });
  }
  bench.calibrate();
  return measured;
}

export const growthAddress: Part = {
  name: "growth-address",
  title: "Growth: many creates of one address",
  about:
    "Each of them is given the next free suffix. Every step is followed by as many creates of addresses that nobody has, and compared with them, so that the machine's moods cancel out.",
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    return withSystems([startEmbedded(servers, "growth_address")], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: no system has started");
      bench.progress("warm-up");
      await rate(bench, system, { kind: "create", prefix: freshPrefix() }, warmUpCreates);
      const rounds: Step[][] = [];
      for (let index = 0; index < scale.rounds; index += 1)
        rounds.push(
          await round(bench, system, (step) =>
            bench.progress(
              `round ${index + 1} of ${scale.rounds}: ${(step * scale.sameAddress) / steps} of ${scale.sameAddress} have the name`,
              index * steps + step,
              scale.rounds * steps,
            ),
          ),
        );
      const at = (step: number, of: (step: Step) => number) =>
        rounds.flatMap((each) => {
          const found = each[step];
          return found === undefined ? [] : [of(found)];
        });
      const relative = ({ same, other }: Step): number => same / other;
      const size = scale.sameAddress / steps;
      const line = (name: string, of: (step: Step) => number) => ({
        name,
        points: Array.from({ length: steps }, (_, step) => pointOf((step + 1) * size, at(step, of))),
      });
      return {
        rows: [
          rowOf(`the first ${size} of one address, to others`, "×", at(0, relative)),
          rowOf(`the last ${size} of one address, to others`, "×", at(steps - 1, relative), {
            reference: at(0, relative),
            goal: { atLeast: 0.8 },
            note: "ratio: the last to the first, each to creates of other addresses in the same step",
          }),
          rowOf(
            `the first ${size} of one address`,
            "/s",
            at(0, ({ same }) => same),
          ),
          rowOf(
            `the last ${size} of one address`,
            "/s",
            at(steps - 1, ({ same }) => same),
          ),
        ],
        figures: [
          {
            kind: "lines",
            title: "Creates a second, step by step",
            unit: "/s",
            axis: "users of one name",
            lines: [
              line("of one address", ({ same }) => same),
              line("of other addresses", ({ other }) => other),
            ],
          },
        ],
      };
    });
  },
};
