/** The same installation with few people and with very many: writes, look-ups, searches, a reconciliation, an export. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Reconciliation } from "../../../services/contracts/reconciliations.ts";
import { eventually } from "../../support/eventually.ts";
import { Processes, request } from "../../support/processes.ts";
import { residentMb } from "../harness/cpu.ts";
import { type Bench, insteadOf, type Outcome, type Part, type Row, rowOf } from "../harness/part.ts";
import type { Place } from "../harness/place.ts";
import { populate, sampleOfUsers } from "../harness/population.ts";
import { interleaved } from "../harness/rounds.ts";
import { type CreatesRound, createsRound, ownCpuMs } from "../harness/saturation.ts";
import { type System, startEmbedded, withSystems } from "../harness/systems.ts";
import { type WorkRound, workRound } from "../harness/work.ts";
import { searching } from "./reads.ts";

const askedMax = 1_000;
const sampleEveryMs = 50;
const longMsMax = 6 * 3_600_000;
const named = (count: number): string => `${count.toLocaleString("en")} users`;

interface Round {
  readonly creates: CreatesRound;
  readonly lookUps: WorkRound;
  readonly searches: WorkRound;
}

async function measure(bench: Bench, system: System): Promise<Round> {
  const users = await sampleOfUsers(system.place, askedMax);
  const get = (pathOf: (address: string) => string, options = {}) =>
    workRound(bench, system, { kind: "get", paths: users.map(({ address }) => pathOf(address)) }, options);
  return {
    creates: await createsRound(bench, system),
    lookUps: await get((address) => `/smtp/${address}`),
    searches: await get((address) => `/users?q=${address.slice(0, 8)}&limit=20`, searching),
  };
}

/** The most that a process held while something was done, and how long that took. */
async function watched<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ mb: number; seconds: number; result: T }> {
  let mb = 0;
  const sampling = setInterval(() => {
    const now = residentMb(pid);
    if (now > mb) mb = now;
  }, sampleEveryMs);
  const startedAt = performance.now();
  try {
    const result = await work();
    return { mb, seconds: (performance.now() - startedAt) / 1_000, result };
  } finally {
    clearInterval(sampling);
  }
}

interface Once {
  readonly passMb: number;
  readonly passSeconds: number;
  readonly exportMb: number;
  readonly exportedPerSecond: number;
}

async function reconcile({ urls: [url = ""], processes: [one] }: System) {
  const begun = await request(`${url}/reconciliations`, { method: "POST" });
  if (begun.status !== 202) throw new Error(`Cannot begin a reconciliation: ${begun.text}`);
  const { id } = begun.json<Reconciliation>();
  return watched(one?.pid ?? 0, () =>
    eventually(
      async () => {
        const { status, error } = (await request(`${url}/reconciliations/${id}`)).json<Reconciliation>();
        if (status === "running") throw new Error("it goes on");
        if (status !== "done") throw new Error(`${error}`);
      },
      { timeoutMs: longMsMax },
    ),
  );
}

async function exportAll(place: Place, count: number): Promise<Pick<Once, "exportMb" | "exportedPerSecond">> {
  const processes = new Processes();
  try {
    const file = join(processes.folder(), "people.ndjson");
    const command = await processes.start({
      script: "services/commands/export/index.ts",
      args: ["--format", "ndjson", "--out", file],
      env: { DATABASE_URL: place.usersUrl, NODE_OPTIONS: "--max-semi-space-size=4" }, // as npm run export
    });
    const { mb, seconds, result } = await watched(command.pid, () =>
      eventually(() => command.exited(), { timeoutMs: longMsMax }),
    );
    if (result.code !== 0 || statSync(file).size === 0) throw new Error(`Cannot export: ${command.stderr()}`);
    return { exportMb: mb, exportedPerSecond: count / seconds };
  } finally {
    await processes.end();
  }
}

function ratesOf(
  bench: Bench,
  [few, many]: readonly [string, string],
  rounds: (name: string) => readonly Round[],
) {
  const cpuOf = (name: string, of: (round: Round) => number) =>
    bench.servers.cpu === undefined ? [] : rounds(name).map(of);
  const kinds = [
    {
      what: "creates",
      rate: (r: Round) => r.creates.answered,
      cpu: (r: Round) => ownCpuMs(r.creates),
      bound: 0.8,
    },
    {
      what: "look-ups of addresses",
      rate: (r: Round) => r.lookUps.perSecond,
      cpu: (r: Round) => r.lookUps.cpuMs,
      bound: 0.8,
    },
    {
      what: "lists with q",
      rate: (r: Round) => r.searches.perSecond,
      cpu: (r: Round) => r.searches.cpuMs,
      bound: undefined,
    },
  ] as const;
  return kinds.flatMap(({ what, rate, cpu, bound }): Row[] => [
    rowOf(`${what}, ${few}`, "/s", rounds(few).map(rate)),
    rowOf(`${what}, ${many}`, "/s", rounds(many).map(rate), {
      reference: rounds(few).map(rate),
      ...(bound === undefined
        ? {}
        : {
            goal: { atLeast: bound },
            instead: insteadOf(`CPU of ${what}`, cpuOf(many, cpu), cpuOf(few, cpu), { atMost: 1 / bound }),
          }),
    }),
  ]);
}

function onceRows([few, many]: readonly [string, string], once: ReadonlyMap<string, Once>): Row[] {
  const of = (name: string, what: keyof Once): number[] => [once.get(name)?.[what] ?? Number.NaN];
  const pair = (title: string, unit: string, what: keyof Once, bound?: number): Row[] => [
    rowOf(`${title}, ${few}`, unit, of(few, what)),
    rowOf(`${title}, ${many}`, unit, of(many, what), {
      reference: of(few, what),
      goal: bound === undefined ? undefined : { atMost: bound },
    }),
  ];
  return [
    ...pair("a reconciliation: RSS of the process at most", "MB", "passMb", 1.5),
    ...pair("a reconciliation: time", "s", "passSeconds"),
    ...pair("an export: RSS of the command at most", "MB", "exportMb", 1.5),
    ...pair("an export", "rows/s", "exportedPerSecond"),
  ];
}

export const size: Part = {
  name: "size",
  title: "Few people and very many",
  about:
    "Two one-process systems whose tables were filled by SQL as the system would have filled them. Creates, look-ups of addresses and lists with q by turns; then, once each, a pass of the reconciler and an export. --users says how many are very many.",
  async run(bench): Promise<Outcome> {
    const { servers, scale } = bench;
    const counts = [scale.usersBefore[0] ?? 1, scale.usersMany] as const;
    const names = [named(counts[0]), `${named(counts[1])}`] as const;
    const starts: Promise<System>[] = [];
    for (const [index, count] of counts.entries()) {
      const prepare = (place: Place) =>
        populate(place, count, (done) =>
          bench.progress(`${named(count)}: ${named(done)} are there`, done, count),
        );
      starts.push(startEmbedded(servers, `size_${index}`, { name: names[index] ?? "", prepare }));
      await starts.at(-1)?.catch(() => {}); // told by withSystems
    }
    return withSystems(starts, async (systems) => {
      const rounds = await interleaved(bench, systems, (system) => measure(bench, system));
      const once = new Map<string, Once>();
      for (const [index, system] of systems.entries()) {
        bench.progress(`a reconciliation among ${system.name}`);
        const pass = await reconcile(system);
        bench.progress(`an export of ${system.name}`);
        const exported = await exportAll(system.place, counts[index] ?? 1);
        once.set(system.name, { passMb: pass.mb, passSeconds: pass.seconds, ...exported });
      }
      return { rows: [...ratesOf(bench, names, rounds), ...onceRows(names, once)], figures: [] };
    });
  },
};
