/** Reads by id at a steady rate, alone and beside clients that take more than their share. */
import { type Bench, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import type { Place } from "../harness/place.ts";
import { populate } from "../harness/population.ts";
import { interleaved } from "../harness/rounds.ts";
import { quantile } from "../harness/stats.ts";
import { type System, startEmbedded, startScript, withSystems } from "../harness/systems.ts";
import type { LoadResult } from "../load/order.ts";

const perSecond = 200;
const readIds = 1_000;
const alone = "alone";

interface Subject {
  readonly name: string;
  /** undefined: nobody. */
  readonly kind?: string;
  readonly port?: "ops";
}

const subjects: readonly Subject[] = [
  { name: alone },
  { name: "beside 1,000 slow bodies", kind: "slow bodies" },
  { name: "beside 40 searches", kind: "searches" },
  { name: "beside 50 scrapers of the metrics", kind: "scrapers", port: "ops" },
];

async function measure(
  { servers, scale }: Bench,
  { urls, opsUrls }: System,
  paths: readonly string[],
  { kind, port }: Subject,
): Promise<LoadResult> {
  const [URL = ""] = port === "ops" ? opsUrls : urls;
  const takers =
    kind === undefined
      ? undefined
      : await startScript(servers, "test/benchmark/load/takers.ts", { KIND: kind, URL });
  const pace = { perSecond, seconds: scale.seconds };
  try {
    return await servers.load.run({ urls, work: { kind: "get", paths }, pace }, { mayFail: true });
  } finally {
    await takers?.stop();
  }
}

export const unfair: Part = {
  name: "unfair",
  title: "Reads by id beside who takes more than a share",
  about: `${perSecond} reads a second of users by their ids, in one process. Beside them, from a process of their own: 1,000 bodies of which one byte comes, 40 connections that search for a text that nobody has, 50 that ask for the metrics as fast as they are answered. All of it shares the machine's cores, the clients too.`,
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    const prepare = (place: Place) =>
      populate(place, scale.usersSearched, (done) => bench.progress(`${done} users are there`));
    return withSystems([startEmbedded(servers, "unfair", { prepare })], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const { rows: users } = await system.place.users.query<{ id: string }>(
        "select id::text as id from users order by id limit $1",
        [readIds],
      );
      const paths = users.map(({ id }) => `/users/${id}`);
      const rounds = await interleaved(bench, subjects, (subject) => measure(bench, system, paths, subject));
      const p99 = (name: string) => rounds(name).map(({ latenciesMs = [] }) => quantile(latenciesMs, 0.99));
      const rows = subjects.map(({ name }): Row => {
        const failed = rounds(name).reduce((sum, round) => sum + round.failed, 0);
        const note = failed === 0 ? undefined : `${failed} reads failed`;
        return name === alone
          ? rowOf(`${name}: p99`, "ms", p99(name), { note })
          : rowOf(`${name}: p99`, "ms", p99(name), { reference: p99(alone), goal: { atMost: 2 }, note });
      });
      return { rows, figures: [] };
    });
  },
};
