/**
 * One run: the baseline first (load without faults must leave nothing to complain of), then load and faults, then no
 * more faults and the system has to heal by itself within a bound, then the invariants.
 */
import { mkdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { request } from "../support/processes.ts";
import { type Cluster, reservationTtlMs, startCluster } from "./cluster.ts";
import { drained } from "./drain.ts";
import { type Facts, queuesDown, readFacts } from "./facts.ts";
import { type FaultRecord, runFaults } from "./faults.ts";
import { type Violation, violationsOf } from "./invariants.ts";
import { Journal } from "./journal.ts";
import { type Load, startLoad } from "./load.ts";
import { type Monitor, monitor, type Sample } from "./monitor.ts";
import { type Observer, observe } from "./observer.ts";
import type { UnexpectedEnd } from "./role.ts";
import { type Fault, scheduleOf, skewMaxMs } from "./schedule.ts";

export interface RunOptions {
  readonly seed: number;
  /** How long faults happen. */
  readonly faultsMs: number;
  readonly faults: number;
  readonly baselineMs: number;
  readonly clients: number;
  /** Gets the logs of the processes. */
  readonly folder: string;
  readonly print: (line: string) => void;
  readonly interrupted: AbortSignal;
}

export interface RunResult {
  readonly seed: number;
  readonly schedule: readonly Fault[];
  readonly faults: readonly FaultRecord[];
  readonly journal: Journal;
  readonly facts: Facts;
  readonly violations: readonly Violation[];
  readonly samples: readonly Sample[];
  readonly phases: { readonly faultsFromMs: number; readonly faultsToMs: number; readonly endMs: number };
  /** From the end of the last fault until everything had been applied; undefined: it did not within the bound. */
  readonly healedAfterMs: number | undefined;
  readonly unexpectedEnds: readonly UnexpectedEnd[];
  /** Errors that the processes logged, and events that had to be tried again, by message. */
  readonly remarks: Readonly<Record<string, number>>;
  /** Writes that were refused after a silence and took effect all the same. */
  readonly lateEffects: number;
}

const healTimeoutMs = 120_000;
const idleTimeoutMs = 30_000;
const spotChecks = 20;
const progressEveryMs = 5_000;

interface Stage {
  readonly options: RunOptions;
  readonly cluster: Cluster;
  readonly observer: Observer;
  readonly journal: Journal;
  readonly elapsedMs: () => number;
}

const whileIdle =
  ({ cluster }: Stage, load: Load) =>
  async (work: () => Promise<void>): Promise<void> => {
    await load.pause();
    try {
      await drained(cluster, idleTimeoutMs);
      await work();
    } finally {
      load.resume();
    }
  };

/** Load without faults; throws when the system is not right by itself, for then no fault can be blamed. */
async function baseline(stage: Stage, load: Load): Promise<void> {
  const { options, cluster, journal, observer } = stage;
  await delay(options.baselineMs, undefined, { signal: options.interrupted });
  await load.pause();
  await drained(cluster, idleTimeoutMs);
  const facts = await readFacts(cluster, observer);
  const found = violationsOf(journal, facts, { ttlMs: reservationTtlMs, skewMaxMs: 0 });
  if (found.length > 0) throw new Error(`The baseline is not clean: ${JSON.stringify(found.slice(0, 5))}`);
  options.print(`baseline: ${journal.acknowledged} writes, ${facts.audit.length} events, no violation`);
  load.resume();
}

/** The same questions over HTTP, for some users. */
async function* spotCheck({ cluster }: Stage, facts: Facts): AsyncGenerator<Violation> {
  const check = "HTTP tells the same";
  const step = Math.max(1, Math.floor(facts.users.length / spotChecks));
  for (const user of facts.users.filter((_, index) => index % step === 0)) {
    const { status, text } = await request(`${cluster.gatewayUrl}/users/${user.id}`);
    const wanted = user.deletedAt === null ? 200 : 404;
    if (status !== wanted)
      yield { check, userId: user.id, what: `GET answers ${status} for ${wanted}: ${text}` };
    const smtp = await request(`${cluster.gatewayUrl}/smtp/${encodeURIComponent(user.primarySmtp)}`);
    const { userId, status: state } = smtp.json<{ userId: string; status: string }>();
    const expected = user.deletedAt === null ? "active" : "deleted";
    if (userId !== user.id || state !== expected)
      yield { check, userId: user.id, what: `${user.primarySmtp} is ${state} of ${userId} for ${expected}` };
  }
}

interface Healing {
  readonly healedAfterMs: number | undefined;
  readonly violations: Violation[];
}

/** From the end of the last fault: definite answers for all, everything applied, ready. */
async function heal(stage: Stage, load: Load, giveUp: AbortController): Promise<Healing> {
  const { cluster, elapsedMs } = stage;
  const startedMs = elapsedMs();
  const deadline = setTimeout(() => giveUp.abort(), healTimeoutMs);
  try {
    await load.stop();
    await drained(cluster, healTimeoutMs);
    await cluster.ready(healTimeoutMs);
    return { healedAfterMs: elapsedMs() - startedMs, violations: [] };
  } catch (error) {
    const down = await queuesDown(cluster).catch(() => []);
    const cause =
      down.length === 0 ? "" : `; RabbitMQ could not restart its ${down.join(", ")} (docs/runbook.md)`;
    const what = `within ${healTimeoutMs / 1_000} s: ${(error as Error).message}${cause}`;
    return { healedAfterMs: undefined, violations: [{ check: "heals by itself", userId: undefined, what }] };
  } finally {
    clearTimeout(deadline);
  }
}

function progress({ options, journal }: Stage, faults: readonly FaultRecord[]): (sample: Sample) => void {
  let printedMs = Number.NEGATIVE_INFINITY;
  return ({ atMs, lag }) => {
    if (atMs - printedMs < progressEveryMs) return;
    printedMs = atMs;
    const behind =
      lag === undefined
        ? "PostgreSQL does not answer"
        : `behind: outbox ${lag.outbox}, audit ${lag.audit}, registry ${lag.registry}`;
    options.print(
      `${(atMs / 1_000).toFixed(0).padStart(4)} s  ${faults.length} faults  ${journal.acknowledged} acknowledged  ` +
        `${journal.refused} refused  ${journal.attempts} attempts  ${behind}`,
    );
  };
}

async function judge(stage: Stage, violations: Violation[]): Promise<Facts> {
  const { cluster, journal, observer } = stage;
  const facts = await readFacts(cluster, observer);
  violations.push(...violationsOf(journal, facts, { ttlMs: reservationTtlMs, skewMaxMs }));
  for await (const violation of spotCheck(stage, facts)) violations.push(violation);
  for (const { unexpectedEnds } of cluster.roles.values())
    for (const { role, code, signal, output } of unexpectedEnds)
      if (/that nothing handles/.test(output))
        violations.push({
          check: "no process ends by itself",
          userId: undefined,
          what: `${role} ended (${code ?? signal}): ${output}`,
        });
  return facts;
}

function remarksOf(cluster: Cluster): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const role of cluster.roles.values())
    for (const [message, count] of role.remarks) sums[message] = (sums[message] ?? 0) + count;
  return sums;
}

const lateEffectsOf = (journal: Journal, facts: Facts): number => {
  const effects = new Set(facts.audit.map(({ correlationId }) => correlationId));
  return journal.operations.filter(({ outcome, id }) => outcome === "refused" && effects.has(id)).length;
};

async function runOn(stage: Stage, watch: (watching: Monitor) => void): Promise<RunResult> {
  const { options, cluster, journal, elapsedMs } = stage;
  const { seed, print, interrupted } = options;
  const schedule = scheduleOf({ seed, faults: options.faults, spanMs: options.faultsMs });
  const started: FaultRecord[] = [];
  const giveUp = new AbortController();
  const watching = monitor(cluster, elapsedMs, progress(stage, started));
  watch(watching);
  const wire = { url: cluster.gatewayUrl, journal, elapsedMs, giveUp: giveUp.signal };
  const load = await startLoad(wire, { clients: options.clients, seed, run: `chaos-${seed}` });
  await baseline(stage, load);

  const faultsFromMs = elapsedMs();
  const onStart = (record: FaultRecord) => {
    started.push(record);
    const { number, kind, target, durationMs } = record;
    print(
      `${(record.startedMs / 1_000).toFixed(1).padStart(6)} s  #${number} ${kind}: ${target} ${durationMs} ms`,
    );
  };
  const deps = { cluster, elapsedMs, whileIdle: whileIdle(stage, load), onStart };
  const faults = await runFaults(deps, schedule, interrupted);
  const faultsToMs = elapsedMs();
  const { healedAfterMs, violations } = await heal(stage, load, giveUp);
  const facts = await judge(stage, violations);
  return {
    seed,
    schedule,
    faults,
    journal,
    facts,
    violations,
    samples: watching.samples,
    phases: { faultsFromMs, faultsToMs, endMs: elapsedMs() },
    healedAfterMs,
    unexpectedEnds: [...cluster.roles.values()].flatMap((role) => role.unexpectedEnds),
    remarks: remarksOf(cluster),
    lateEffects: lateEffectsOf(journal, facts),
  };
}

/** Rejects when the system could not be started or its baseline is not clean; stops all that it has started. */
export async function run(options: RunOptions): Promise<RunResult> {
  mkdirSync(options.folder, { recursive: true });
  options.print(`seed ${options.seed}: ${options.faults} faults in ${options.faultsMs / 1_000} s`);
  let watching: Monitor | undefined;
  const cluster = await startCluster(options.folder);
  try {
    const observer = await observe(cluster.rabbit);
    await cluster.ready();
    const startedAt = performance.now();
    const elapsedMs = () => Math.round(performance.now() - startedAt);
    const stage: Stage = { options, cluster, observer, journal: new Journal(), elapsedMs };
    return await runOn(stage, (monitoring) => {
      watching = monitoring;
    });
  } finally {
    await watching?.stop();
    await cluster.stop();
  }
}
