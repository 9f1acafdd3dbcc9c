/** What it costs to know who asks: creates and gets by id with an access key, beside a system that asks nobody. */
import { eventually } from "../../support/eventually.ts";
import { Processes, request } from "../../support/processes.ts";
import { idFloor } from "../harness/commits.ts";
import { type Bench, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import { interleaved } from "../harness/rounds.ts";
import { drained } from "../harness/settle.ts";
import { type System, startEmbedded, withSystems } from "../harness/systems.ts";
import { workRound } from "../harness/work.ts";
import { freshPrefix, saturatingConnections } from "../load/generator.ts";
import type { Work } from "../load/order.ts";

const open = "without access control";
const guarded = "with a key";
const usersMax = 1_000;
/** A key of a role that everything is open to, which no limit of units stops. */
const guardedEnv = { AUTH: "required", HTTP_UNITS_PER_MINUTE_MAX: "0" };

/** Once the gateway knows it. */
async function keyOf({ place, urls: [url = ""] }: System): Promise<string> {
  const processes = new Processes();
  const making = await processes.start({
    script: "services/commands/key/index.ts",
    args: ["create", "--name", "bench", "--role", "owner"],
    env: { DATABASE_URL: place.usersUrl },
  });
  const { code } = await making.exited();
  if (code !== 0) throw new Error(`Cannot make a key: ${making.stderr()}`);
  const token = making.stdout().trim();
  await eventually(async () => {
    const { status } = await request(`${url}/users?limit=1`, {
      headers: { authorization: `Bearer ${token}` },
    });
    if (status !== 200) throw new Error(`The key is answered with ${status}`);
  });
  return token;
}

interface Subject {
  readonly name: string;
  readonly system: System;
  readonly token: string | undefined;
  readonly work: () => Work;
}

/** Milliseconds of CPU an answer, of the process and its databases, effects included. */
async function measure(bench: Bench, { system, token, work }: Subject): Promise<number> {
  if (bench.servers.cpu === undefined)
    throw new Error("Cannot measure: /proc does not tell who spends the processor");
  return (await workRound(bench, system, work(), { token, writes: true })).cpuMs;
}

async function subjectsOf({ servers }: Bench, system: System): Promise<Subject[]> {
  const token = system.name === guarded ? await keyOf(system) : undefined;
  const pace = { connections: saturatingConnections, amount: usersMax };
  const create = (): Work => ({ kind: "create", prefix: freshPrefix() });
  await servers.load.run({ urls: system.urls, work: create(), pace, token });
  await drained(system, idFloor(0));
  const { rows } = await system.place.users.query<{ id: string }>("select id::text as id from users");
  const paths = rows.map(({ id }) => `/users/${id}`);
  const of = (what: string, work: () => Work) => ({ name: `${what}, ${system.name}`, system, token, work });
  return [of("create", create), of("get", () => ({ kind: "get", paths }))];
}

export const keysPart: Part = {
  name: "keys",
  title: "Creates and gets with an access key",
  about:
    "Two systems of one process each at saturation, one with AUTH=none, one with AUTH=required: the CPU an answer, of the process and its databases, until every effect is committed.",
  async run(bench): Promise<Outcome> {
    const { servers } = bench;
    const starting = [
      startEmbedded(servers, "keys_open", { name: open }),
      startEmbedded(servers, "keys_guarded", { name: guarded, env: guardedEnv }),
    ];
    return withSystems(starting, async (systems) => {
      const subjects: Subject[] = [];
      for (const system of systems) subjects.push(...(await subjectsOf(bench, system)));
      const cpu = await interleaved(bench, subjects, (subject) => measure(bench, subject));
      const rows = ["create", "get"].flatMap((what): Row[] => [
        rowOf(`${what}, ${open}: CPU`, "ms CPU", cpu(`${what}, ${open}`)),
        rowOf(`${what}, ${guarded}: CPU`, "ms CPU", cpu(`${what}, ${guarded}`), {
          reference: cpu(`${what}, ${open}`),
          goal: { atMost: 1.05 },
        }),
      ]);
      return { rows, figures: [] };
    });
  },
};
