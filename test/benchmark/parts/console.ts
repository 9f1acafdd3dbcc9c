/** What open tabs of the console cost: 50 that look at the system as the page does, beside none. */
import { setTimeout as delay } from "node:timers/promises";
import type { Role } from "../harness/cpu.ts";
import { type Bench, type Goal, type Outcome, type Part, rowOf } from "../harness/part.ts";
import { type System, startDistributed, withSystems } from "../harness/systems.ts";

const tabs = 50;
const everyMs = 2_000;
const goal: Goal = { atMost: 2 };
/** Nobody has signed in: the same with a session, but for opening its cookie. */
const env = { HTTP_UNITS_PER_MINUTE_MAX: "0" };

interface Polling {
  readonly answers: () => number;
  stop(): Promise<void>;
}

/** A tab asks again once it has its answer and two seconds are over, and tells what it has. */
async function tab(url: string, index: number, told: () => void, signal: AbortSignal): Promise<void> {
  let etag = "";
  try {
    await delay((index * everyMs) / tabs, undefined, { signal });
    while (!signal.aborted) {
      const headers = { "x-mailroster-console": "poll", ...(etag === "" ? {} : { "if-none-match": etag }) };
      const answer = await fetch(`${url}/status`, { headers, signal });
      await answer.arrayBuffer();
      if (answer.status !== 200 && answer.status !== 304)
        throw new Error(`A tab is answered ${answer.status}`);
      etag = answer.headers.get("etag") ?? "";
      told();
      await delay(everyMs, undefined, { signal });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function open(url: string): Polling {
  const closed = new AbortController();
  let answers = 0;
  const all = Promise.all(
    Array.from({ length: tabs }, (_, index) => tab(url, index, () => (answers += 1), closed.signal)),
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
async function costOf({ servers, scale }: Bench, { pid }: Role): Promise<number> {
  const read = (): number => servers.cpu?.ownMs(pid) ?? Number.NaN;
  const [startedAt, before] = [performance.now(), read()];
  await delay(scale.idleSeconds * 1_000);
  return ((read() - before) * 100) / (performance.now() - startedAt);
}

async function measure(bench: Bench, { urls: [url = ""], processes }: System): Promise<Outcome> {
  const gateway = processes.find(({ role }) => role === "gateway") as Role;
  const [idle, polled, asked]: [number[], number[], number[]] = [[], [], []];
  await delay(bench.scale.idleSeconds * 500);
  for (let round = 0; round < bench.scale.rounds; round += 1) {
    bench.progress(`round ${round + 1} of ${bench.scale.rounds}`, round, bench.scale.rounds);
    idle.push(await costOf(bench, gateway));
    const polling = open(url);
    // Every tab has asked once.
    await delay(everyMs);
    const before = polling.answers();
    polled.push(await costOf(bench, gateway));
    asked.push((polling.answers() - before) / bench.scale.idleSeconds);
    await polling.stop();
    bench.calibrate();
  }
  const more = polled.map((cost, round) => cost - (idle[round] ?? Number.NaN));
  const unit = "% of a core";
  return {
    rows: [
      rowOf("gateway, no tab: CPU", unit, idle),
      rowOf(`gateway, ${tabs} tabs: CPU`, unit, polled),
      rowOf(`gateway, ${tabs} tabs: answers`, "/s", asked),
      rowOf(`${tabs} tabs: CPU more than none`, unit, more, { goal }),
    ],
    figures: [],
  };
}

export const consolePart: Part = {
  name: "console",
  title: "Open tabs of the console",
  about: `${tabs} tabs on the page of the system, each asking GET /status every ${everyMs / 1_000} s with the ETag that it has, beside none. CPU of the gateway's process, from /proc; who asks is another process.`,
  async run(bench): Promise<Outcome> {
    return withSystems([startDistributed(bench.servers, "console", { env })], ([system]) =>
      measure(bench, system as System),
    );
  },
};
