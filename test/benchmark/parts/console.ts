/** What open tabs of the console cost: 50 that look at the system as the page does, beside none. */
import { setTimeout as delay } from "node:timers/promises";
import type { Status } from "../../../services/contracts/status.ts";
import { systemRhythm } from "../../../services/gateway/console/app/core/flow.ts";
import {
  afterAnswer,
  type Seen,
  unseen,
  untilNextMs,
} from "../../../services/gateway/console/app/core/looks.ts";
import type { Role } from "../harness/cpu.ts";
import { type Bench, type Goal, type Outcome, type Part, rowOf } from "../harness/part.ts";
import { type Script, type System, startDistributed, startScript, withSystems } from "../harness/systems.ts";

const tabs = 50;
const firstMsMax = 5_000;
const goal: Goal = { atMost: 2 };
/** Nobody has signed in: the same with a session, but for opening its cookie. */
const env = { HTTP_UNITS_PER_MINUTE_MAX: "0" };

type Pace = (seen: Seen<Status>) => number;
/** As the page looks by itself, which is seldom once nothing has happened for a while; and as it does where something happens. */
const paces = {
  calm: (seen) => untilNextMs(seen, systemRhythm, Date.now()) ?? 0,
  lively: (seen) => systemRhythm(seen.data, 0),
} as const satisfies Record<string, Pace>;

interface Polling {
  readonly answers: () => number;
  stop(): Promise<void>;
}

async function look(url: string, seen: Seen<Status>, signal: AbortSignal): Promise<Seen<Status>> {
  const known: Record<string, string> = seen.etag === null ? {} : { "if-none-match": seen.etag };
  const headers = { "x-mailroster-console": "poll", ...known };
  const answer = await fetch(`${url}/status`, { headers, signal });
  const text = await answer.text();
  const { status } = answer;
  if (status !== 200 && status !== 304) throw new Error(`A tab is answered ${status}`);
  const data = (status === 200 ? JSON.parse(text) : seen.data) as Status;
  return afterAnswer(
    seen,
    { status, data, etag: answer.headers.get("etag"), correlationId: null },
    Date.now(),
  );
}

interface Tab {
  readonly url: string;
  readonly pace: Pace;
  readonly first: Seen<Status>;
}

/** It asks again once it has its answer and its time is over, and tells what it has. */
async function watch(
  { url, pace, first }: Tab,
  index: number,
  told: () => void,
  signal: AbortSignal,
): Promise<void> {
  let seen = first;
  try {
    await delay((index * pace(seen)) / tabs, undefined, { signal });
    while (!signal.aborted) {
      seen = await look(url, seen, signal);
      told();
      await delay(pace(seen), undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function open(tab: Tab): Polling {
  const closed = new AbortController();
  let answers = 0;
  const all = Promise.all(
    Array.from({ length: tabs }, (_, index) => watch(tab, index, () => (answers += 1), closed.signal)),
  );
  all.catch(() => {}); // told by stop
  return {
    answers: () => answers,
    async stop() {
      closed.abort();
      await all;
    },
  };
}

/** Percent of a core that the process takes over one round. */
async function costOf({ servers, scale }: Bench, pid: number): Promise<number> {
  const read = (): number => servers.cpu?.ownMs(pid) ?? Number.NaN;
  const [startedAt, before] = [performance.now(), read()];
  await delay(scale.idleSeconds * 1_000);
  return ((read() - before) * 100) / (performance.now() - startedAt);
}

interface Cost {
  readonly percent: number;
  readonly answers: number;
}

async function withTabs(bench: Bench, pid: number, tab: Tab): Promise<Cost> {
  const polling = open(tab);
  // Every tab has asked once.
  await delay(tab.pace(tab.first));
  const before = polling.answers();
  const percent = await costOf(bench, pid);
  const answers = (polling.answers() - before) / bench.scale.idleSeconds;
  await polling.stop();
  return { percent, answers };
}

async function measure(
  bench: Bench,
  { urls: [url = ""], processes }: System,
  bare: Script,
): Promise<Outcome> {
  const { pid } = processes.find(({ role }) => role === "gateway") as Role;
  await delay(bench.scale.idleSeconds * 500);
  const rounds: { idle: number; calm: Cost; lively: Cost; bare: Cost }[] = [];
  for (let round = 0; round < bench.scale.rounds; round += 1) {
    bench.progress(`round ${round + 1} of ${bench.scale.rounds}`, round, bench.scale.rounds);
    const first = await look(url, { ...unseen }, AbortSignal.timeout(firstMsMax));
    // As after a minute in which nothing has happened.
    const calm = { url, pace: paces.calm, first: { ...first, sames: 30 } };
    const lively = { url, pace: paces.lively, first };
    rounds.push({
      idle: await costOf(bench, pid),
      calm: await withTabs(bench, pid, calm),
      lively: await withTabs(bench, pid, lively),
      bare: await withTabs(bench, bare.pid, { ...lively, url: `http://127.0.0.1:${bare.port}` }),
    });
    bench.calibrate();
  }
  const of = (read: (round: (typeof rounds)[number]) => number): number[] => rounds.map(read);
  const unit = "% of a core";
  const rowsOf = (where: string, pace: keyof typeof paces, options: { goal?: Goal } = {}) => {
    const answers = of((round) => round[pace].answers);
    const more = of((round) => round[pace].percent - round.idle);
    return [
      rowOf(`${where}: answers`, "/s", answers),
      rowOf(`${where}: CPU of ${tabs} tabs more than of none`, unit, more, options),
    ];
  };
  const idle = of((round) => round.idle);
  const bareCost = of((round) => round.bare.percent);
  return {
    rows: [
      rowOf("gateway, no tab: CPU", unit, idle),
      ...rowsOf("where nothing happens", "calm", { goal }),
      ...rowsOf("where something happens", "lively"),
      rowOf("a bare server of Node, asked as often: CPU", unit, bareCost),
    ],
    figures: [],
  };
}

export const consolePart: Part = {
  name: "console",
  title: "Open tabs of the console",
  about: `${tabs} tabs on the page of the system, each asking GET /status with the ETag that it has, beside none: as the page does where nothing has happened for a while, and every 2 s as where something happens. Beside it a server of Node that answers 304 and nothing else, asked every 2 s. CPU of the process that answers, from /proc; who asks is another process.`,
  async run(bench): Promise<Outcome> {
    const bare = await startScript(bench.servers, "test/benchmark/reference/unchanged.ts", {});
    return withSystems([startDistributed(bench.servers, "console", { env })], ([system]) =>
      measure(bench, system as System, bare),
    );
  },
};
