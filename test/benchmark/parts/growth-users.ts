/** The same creates, gets and lists with few users in the tables and with many. */
import {
  type Bench,
  type Figure,
  type Outcome,
  type Part,
  pointOf,
  type Row,
  rowOf,
} from "../harness/part.ts";
import type { Place } from "../harness/place.ts";
import { populate } from "../harness/population.ts";
import { interleaved } from "../harness/rounds.ts";
import { type CreatesRound, createsRound } from "../harness/saturation.ts";
import { type System, startEmbedded, withSystems } from "../harness/systems.ts";
import { saturatingConnections } from "../load/generator.ts";

/** Enough for a small table, and few enough for a large one. */
const samplePercent = 10;
const readIds = 1_000;
const named = (count: number): string => `${count.toLocaleString("en")} users`;

interface Round {
  readonly creates: CreatesRound;
  readonly gets: number;
  readonly lists: number;
}

async function readRate(
  { servers, scale }: Bench,
  { urls }: System,
  paths: readonly string[],
): Promise<number> {
  const pace = { connections: saturatingConnections, seconds: scale.seconds };
  return (await servers.load.run({ urls, work: { kind: "get", paths }, pace })).perSecond;
}

async function measure(bench: Bench, system: System): Promise<Round> {
  const creates = await createsRound(bench, system);
  const { rows } = await system.place.users.query<{ id: string }>(
    `select id::text as id from users tablesample bernoulli (${samplePercent}) limit ${readIds}`,
  );
  const paths = rows.map(({ id }) => `/users/${id}`);
  const gets = await readRate(bench, system, paths);
  return { creates, gets, lists: await readRate(bench, system, ["/users?limit=20"]) };
}

export const growthUsers: Part = {
  name: "growth-users",
  title: "Growth: few users and many",
  about:
    "Two one-process systems whose tables were filled by SQL as the system would have filled them, then analyzed. What is compared is the same work in the same round.",
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    const start = async (count: number): Promise<System> => {
      const prepare = (place: Place) =>
        populate(place, count, (done) => bench.progress(`${named(count)}: ${named(done)} are there`));
      return startEmbedded(servers, `growth_${count}`, { name: named(count), prepare });
    };
    const starts: Promise<System>[] = [];
    for (const count of scale.usersBefore) {
      starts.push(start(count));
      await starts.at(-1)?.catch(() => {}); // told by withSystems
    }
    return withSystems(starts, async (systems) => {
      const rounds = await interleaved(bench, systems, (system) => measure(bench, system));
      const kinds = [
        { what: "creates", of: ({ creates }: Round) => creates.answered, goal: { atLeast: 0.85 } },
        { what: "gets by id", of: ({ gets }: Round) => gets, goal: undefined },
        { what: "lists of 20", of: ({ lists }: Round) => lists, goal: undefined },
      ];
      const first = systems[0]?.name ?? "";
      const rows = kinds.flatMap(({ what, of, goal }) =>
        systems.map(({ name }): Row => {
          const own = rounds(name).map(of);
          return name === first
            ? rowOf(`${what}, ${name}`, "/s", own)
            : rowOf(`${what}, ${name}`, "/s", own, { reference: rounds(first).map(of), goal });
        }),
      );
      const figure: Figure = {
        kind: "lines",
        title: "Rate by the users that are there",
        unit: "/s",
        axis: "users",
        lines: kinds.map(({ what, of }) => ({
          name: what,
          points: systems.map(({ name }, index) =>
            pointOf(scale.usersBefore[index] ?? 0, rounds(name).map(of)),
          ),
        })),
      };
      return { rows, figures: [figure] };
    });
  },
};
