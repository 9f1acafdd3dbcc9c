/** What the system costs when nobody asks for anything: statements, CPU and memory of each process. */
import { setTimeout as delay } from "node:timers/promises";
import { idFloor } from "../harness/commits.ts";
import { type Role, residentMb } from "../harness/cpu.ts";
import { type Bench, type Goal, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import type { Place } from "../harness/place.ts";
import { drained } from "../harness/settle.ts";
import { countStatements, type StatementCounter } from "../harness/statements.ts";
import { type System, startDistributed, startEmbedded, withSystems } from "../harness/systems.ts";
import { freshPrefix, saturatingConnections } from "../load/generator.ts";

const creates = 500;
/** Pools, timers and the garbage collector come to rest: half as long as a round. */
const settleMsOf = ({ scale }: Bench): number => scale.idleSeconds * 500;
const goals = {
  statements: { atMost: 1 },
  cpu: { atMost: 1 },
  memory: { atMost: 150 },
  growth: { atMost: 1.1 },
} as const satisfies Record<string, Goal>;

interface Watched {
  readonly name: string;
  readonly pid: number;
  statements(counts: { users: number; registry: number }): number | undefined;
  readonly counter: StatementCounter;
}

const perRole: Readonly<Record<string, Watched["statements"]>> = {
  "all services": ({ users, registry }) => users + registry,
  users: ({ users }) => users,
  registry: ({ registry }) => registry,
  gateway: () => undefined,
};

const watchedOf = ({ name, processes }: System, counter: StatementCounter): Watched[] =>
  processes.map(({ role, pid }: Role) => ({
    name: role === "all services" ? name : `${name}, ${role}`,
    pid,
    counter,
    statements: perRole[role] ?? (() => undefined),
  }));

interface Reading {
  readonly statements: number | undefined;
  readonly cpuMs: number;
}

/** What a process cost over one round. */
interface Cost {
  readonly statements: number | undefined;
  readonly cpuPercent: number;
  readonly memoryMb: number;
}

async function read({ servers }: Bench, { counter, statements, pid }: Watched): Promise<Reading> {
  return { statements: statements(await counter.count()), cpuMs: servers.cpu?.ownMs(pid) ?? Number.NaN };
}

/** Everyone is watched over the same time. */
async function round(bench: Bench, watched: readonly Watched[]): Promise<Cost[]> {
  const before = await Promise.all(watched.map((each) => read(bench, each)));
  const startedAt = performance.now();
  await delay(bench.scale.idleSeconds * 1_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = await Promise.all(watched.map((each) => read(bench, each)));
  return watched.map(({ pid }, index) => {
    const [from, to] = [before[index], after[index]];
    const counted =
      from?.statements === undefined || to?.statements === undefined
        ? undefined
        : (to.statements - from.statements) / seconds;
    const cpuPercent = ((to?.cpuMs ?? Number.NaN) - (from?.cpuMs ?? Number.NaN)) / (seconds * 10);
    return { statements: counted, cpuPercent, memoryMb: residentMb(pid) };
  });
}

function rowsOf({ name }: Watched, seconds: readonly Cost[], isLinux: boolean): Row[] {
  const statements = seconds.flatMap(({ statements: each }) => each ?? []);
  const memory = seconds.map(({ memoryMb }) => memoryMb);
  const counted =
    statements.length === 0
      ? []
      : [rowOf(`${name}: statements`, "/s", statements, { goal: goals.statements })];
  if (!isLinux) return counted;
  return [
    ...counted,
    rowOf(
      `${name}: CPU`,
      "% of a core",
      seconds.map(({ cpuPercent }) => cpuPercent),
      { goal: goals.cpu },
    ),
    rowOf(`${name}: RSS`, "MB", memory, { goal: goals.memory }),
    rowOf(
      `${name}: RSS to that of the first round`,
      "×",
      memory.map((mb) => mb / (memory[0] ?? Number.NaN)),
      {
        goal: goals.growth,
      },
    ),
  ];
}

async function warmUp({ servers }: Bench, system: System): Promise<void> {
  await servers.load.run({
    urls: system.urls,
    work: { kind: "create", prefix: freshPrefix() },
    pace: { connections: saturatingConnections, amount: creates },
  });
  await drained(system, idFloor(0));
}

export const idle: Part = {
  name: "idle",
  title: "Idle: what it costs when nobody asks for anything",
  about: `After ${creates} creates and some seconds of rest. Statements are those that PostgreSQL counts in the databases of a process; the gateway has none. CPU and memory are read from /proc.`,
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    const counters = new Map<string, StatementCounter>();
    const prepare = async (place: Place) =>
      void counters.set(place.name, await countStatements(servers, place));
    const starts = [
      startEmbedded(servers, "idle_embedded", { prepare }),
      startDistributed(servers, "idle_distributed", { prepare }),
    ];
    return withSystems(starts, async (systems) => {
      for (const system of systems) await warmUp(bench, system);
      const watched = systems.flatMap((system) =>
        watchedOf(system, counters.get(system.place.name) as StatementCounter),
      );
      bench.progress("coming to rest");
      await delay(settleMsOf(bench));
      const rounds: Cost[][] = [];
      for (let index = 0; index < scale.rounds; index += 1) {
        bench.progress(`round ${index + 1} of ${scale.rounds}, ${scale.idleSeconds} s`, index, scale.rounds);
        rounds.push(await round(bench, watched));
        bench.calibrate();
      }
      const isLinux = servers.cpu !== undefined;
      const rows = watched.flatMap((each, index) =>
        rowsOf(
          each,
          rounds.flatMap((seconds) => seconds[index] ?? []),
          isLinux,
        ),
      );
      return { rows, figures: [] };
    });
  },
};
