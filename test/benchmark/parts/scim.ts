/** What it costs to come by SCIM, as identity providers do, beside REST, of one system: creates, and a synchronisation. */
import { idFloor } from "../harness/commits.ts";
import { type Bench, type Outcome, type Part, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { drained } from "../harness/settle.ts";
import { type System, startEmbedded, withSystems } from "../harness/systems.ts";
import { workRound, workRows } from "../harness/work.ts";
import { freshPrefix, saturatingConnections } from "../load/generator.ts";
import type { HttpWork } from "../load/order.ts";

const usersMax = 1_000;

interface Subject {
  readonly name: string;
  readonly work: () => HttpWork;
}

const byRest: Subject = {
  name: "creates by REST",
  work: () => ({ kind: "create", prefix: freshPrefix() }),
};
const byScim: Subject = {
  name: "creates by SCIM",
  work: () => ({ kind: "create-scim", prefix: freshPrefix() }),
};

export const scimPart: Part = {
  name: "scim",
  title: "Creates by SCIM",
  about:
    "One system of one process at saturation: creates over REST, and creates as identity providers make them, which look for the name first and keep what else was said.",
  run(bench): Promise<Outcome> {
    return withSystems([startEmbedded(bench.servers, "scim")], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const rounds = await interleaved(bench, [byRest, byScim], ({ work }) =>
        workRound(bench, system, work(), { writes: true }),
      );
      const beside = { name: byRest.name, rate: { atLeast: 0.8 }, cpu: { atMost: 1.25 } };
      return { rows: workRows(bench, [byRest, { ...byScim, beside }], rounds), figures: [] };
    });
  },
};

/** Those whom a first synchronisation has made. */
async function synchronised({ servers }: Bench, system: System) {
  const pace = { connections: saturatingConnections, amount: usersMax };
  await servers.load.run({ urls: system.urls, work: byScim.work(), pace });
  await drained(system, idFloor(0));
  const { rows } = await system.place.users.query<{ id: string; name: string }>(
    "select id::text as id, user_name as name from users order by id limit $1",
    [usersMax],
  );
  return rows;
}

export const scimSync: Part = {
  name: "scim-sync",
  title: "A second synchronisation by SCIM",
  about: `${usersMax} users who are as the identity provider wants them: each is looked for by name and patched with what it is, which writes nothing. Beside it reads of the same users by id over REST, in the same process, at saturation; a user of a synchronisation is two requests.`,
  run(bench): Promise<Outcome> {
    return withSystems([startEmbedded(bench.servers, "scim_sync")], async ([system]) => {
      if (system === undefined) throw new Error("Cannot measure: there is no system");
      const users = await synchronised(bench, system);
      const paths = users.map(({ id }) => `/users/${id}`);
      const reads: Subject = { name: "reads by id", work: () => ({ kind: "get", paths }) };
      const sync: Subject = {
        name: "requests of a synchronisation",
        work: () => ({ kind: "scim-sync", users }),
      };
      const versions = async (): Promise<number> => {
        const { rows } = await system.place.users.query<{ n: number }>(
          "select sum(version)::int as n from users",
        );
        return rows[0]?.n ?? Number.NaN;
      };
      const before = await versions();
      const rounds = await interleaved(bench, [reads, sync], ({ work }) => workRound(bench, system, work()));
      const beside = { name: reads.name, rate: { atLeast: 0.2 }, cpu: { atMost: 5 } };
      return {
        rows: [
          ...workRows(bench, [reads, { ...sync, beside }], rounds),
          rowOf("versions that it wrote", "versions", [(await versions()) - before], {
            goal: { atMost: 0 },
            isExact: true,
          }),
        ],
        figures: [],
      };
    });
  },
};
