/** Each kind of request by itself at saturation, in one process and over RabbitMQ: create, update, get, list. */
import { idFloor } from "../harness/commits.ts";
import { type Bench, insteadOf, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { drained } from "../harness/settle.ts";
import { type System, startScript, withCompared } from "../harness/systems.ts";
import { workRound } from "../harness/work.ts";
import { freshPrefix, saturatingConnections } from "../load/generator.ts";
import type { Work } from "../load/order.ts";

const usersMax = 1_000;
/** Of the bare reference's. */
const goals = { "create, embedded": 0.95, "get, embedded": 0.9 };
const constantName = "get, moleculer-web returning a constant";

interface Subject {
  readonly name: string;
  readonly urls: readonly string[];
  readonly work: () => Work;
  readonly system?: System;
  /** Its effects have to be waited for. */
  readonly writes: boolean;
}

/** Users that requests can be about: those that a first load has created. */
async function usersOf({ servers }: Bench, system: System): Promise<string[]> {
  await servers.load.run({
    urls: system.urls,
    work: { kind: "create", prefix: freshPrefix() },
    pace: { connections: saturatingConnections, amount: usersMax },
  });
  await drained(system, idFloor(0));
  const { rows } = await system.place.users.query<{ id: string }>(
    "select id::text as id from users order by id limit $1",
    [usersMax],
  );
  return rows.map(({ id }) => `/users/${id}`);
}

function subjectsOf(system: System, paths: readonly string[]): Subject[] {
  const of = (what: string, work: () => Work, writes = false): Subject => ({
    name: `${what}, ${system.name}`,
    urls: system.urls,
    work,
    system,
    writes,
  });
  const create = of("create", () => ({ kind: "create", prefix: freshPrefix() }), true);
  const get = of("get", () => ({ kind: "get", paths }));
  if (system.name === "reference") return [create, get];
  return [
    create,
    of("update", () => ({ kind: "update", paths }), true),
    get,
    of("list of 20", () => ({ kind: "get", paths: ["/users?limit=20"] })),
  ];
}

export const requests: Part = {
  name: "requests",
  title: "Create, update, get and list at saturation",
  about:
    "32 connections, each kind of request by itself. The bounds are on creating a user and on getting one by its id in the one-process system, beside the bare reference: one prepared statement a get, one transaction a create. What moleculer-web does with an action that returns a constant stands there for comparison: no database, no rules, no correlation.",
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    return withCompared(servers, "requests", async (systems) => {
      const constant = await startScript(servers, "test/benchmark/reference/constant.ts", {});
      const subjects: Subject[] = [];
      for (const system of systems) {
        bench.progress(`${usersMax} users for ${system.name}`);
        subjects.push(...subjectsOf(system, await usersOf(bench, system)));
      }
      const { work } = subjects.find(({ name }) => name === "get, reference") as Subject;
      subjects.unshift({
        name: constantName,
        urls: [`http://127.0.0.1:${constant.port}`],
        work,
        writes: false,
      });
      const rounds = await interleaved(bench, subjects, async ({ urls, work: next, system, writes }) => {
        if (system !== undefined) return workRound(bench, system, next(), { writes });
        const pace = { connections: saturatingConnections, seconds: scale.seconds };
        const { perSecond } = await servers.load.run({ urls, work: next(), pace });
        return { perSecond, cpuMs: Number.NaN };
      });
      const rate = (name: string) => rounds(name).map(({ perSecond }) => perSecond);
      const cpu = (name: string) => (servers.cpu === undefined ? [] : rounds(name).map(({ cpuMs }) => cpuMs));
      await constant.stop();
      const rows = subjects.map(({ name }): Row => {
        const [kind = ""] = name.split(",");
        const isCompared = (kind === "get" || kind === "create") && name !== constantName;
        const goal = name in goals ? { atLeast: goals[name as keyof typeof goals] } : undefined;
        const reference = rate(`${kind}, reference`);
        const byCpu = goal === undefined ? undefined : { atMost: 1 / goal.atLeast };
        const instead = insteadOf("CPU an answer", cpu(name), cpu(`${kind}, reference`), byCpu);
        return rowOf(name, "/s", rate(name), isCompared ? { reference, goal, instead } : {});
      });
      return { rows, figures: [] };
    });
  },
};
