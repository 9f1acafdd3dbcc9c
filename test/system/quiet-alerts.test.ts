/** The shipped alerts on a live system: real scrapes, once a second instead of every 15, so that ten minutes take less. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { pause } from "../../mixins/basics/pause.ts";
import { runningSystem } from "../support/distributed-system.ts";
import { request, type TestProcess } from "../support/processes.ts";
import { promtool } from "../support/prometheus.ts";
import { quietTest, type Series, scrape, scrapesInTenMinutes } from "../support/recorded-scrapes.ts";
import { ruleFiles } from "../support/rules.ts";

/** Of a machine that has more to do than it can they tell the truth. */
const ofTheMachine = [
  "EventLoopBlocked",
  "RegistrySlow",
  "CircuitOpen",
  "HttpErrorsBurnFast",
  "HttpErrorsBurnSlow",
  "UnavailableBudgetSpent",
];
const never = new AbortController().signal;
const isOverloaded = (): boolean => (loadavg()[0] ?? 0) > availableParallelism();

async function record(processes: Record<string, TestProcess>): Promise<Series> {
  const series: Series = new Map();
  for (let at = 0; at < scrapesInTenMinutes; at += 1) {
    await scrape(series, at, processes);
    await pause(1_000, never); // the pace of the scrapes; nothing is waited for
  }
  return series;
}

async function staysQuiet(t: ExecutionContext, series: Series): Promise<void> {
  t.true(series.size > 300);
  const folder = mkdtempSync(join(tmpdir(), "mailroster-alerts-"));
  try {
    const file = join(folder, "recorded.yml");
    writeFileSync(file, quietTest(series, ruleFiles(), isOverloaded() ? ofTheMachine : []));
    const { code, stdout, stderr } = await promtool(["test", "rules", file]);
    t.is(code, 0, stdout + stderr);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As a company uses a directory: somebody looks, now and then somebody comes or changes a name. */
async function ordinaryLoad(gateway: TestProcess, over: AbortSignal): Promise<number> {
  let answered = 0;
  for (let n = 0; !over.aborted; n += 1) {
    const created = await request(`${gateway.httpUrl}/users`, {
      body: { displayName: "Ann Lee", primarySmtp: `ann.${n}@example.com` },
    });
    if (created.status === 201) {
      const { id } = created.json<{ id: string }>();
      await request(`${gateway.httpUrl}/users/${id}`, { method: "PATCH", body: { displayName: "Ann Chen" } });
      await request(`${gateway.httpUrl}/users/${id}`);
      answered += 1;
    }
    await request(`${gateway.httpUrl}/smtp/ann.${n}@example.com`);
    await request(`${gateway.httpUrl}/users?limit=20`);
  }
  return answered;
}

test("every alert is quiet on a live system, idle and under ordinary load", async (t) => {
  const { system } = await runningSystem(t);
  const processes = { gateway: system.gateway, users: system.users, "smtp-registry": system.registry };
  await staysQuiet(t, await record(processes));
  const over = new AbortController();
  const load = ordinaryLoad(system.gateway, over.signal);
  const series = await record(processes).finally(() => over.abort());
  t.true((await load) > 0);
  await staysQuiet(t, series);
});
