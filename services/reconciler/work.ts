/**
 * Promise: a pass leaves a line for each difference and the gauge as it found the world; a repair tells again the state
 * of every user that differs in a way which that mends; what is acknowledged has been seen at both looks.
 */
import type { Logger } from "../../mixins/log/logging.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import {
  type AcknowledgedDifference,
  type AcknowledgeReport,
  type ConsistencyCheck,
  consistencyChecks,
  type Difference,
  type ReconcileReport,
  type RepairReport,
} from "../contracts/reconciliation.ts";
import { canBeMended } from "./compare.ts";
import { type Finding, type PassOptions, type PassResult, passOver, passOverAll } from "./pass.ts";

/** A report is an answer to a person; the lines of the log have the rest. */
const differencesListedMax = 100;

export interface WorkOptions
  extends Pick<PassOptions, "ask" | "acknowledged" | "backlogs" | "graceMs" | "stopping"> {
  /** For the report's `startedAt` alone. */
  readonly now: () => Date;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "consistencyViolations">;
}

/** Every check is shown from the start, so that an alert's first violation is a change. */
export function showViolations(
  metrics: WorkOptions["metrics"],
  counts: ReadonlyMap<ConsistencyCheck, number> = new Map(),
): void {
  for (const check of consistencyChecks) metrics.consistencyViolations.set({ check }, counts.get(check) ?? 0);
}

function list<T>(listed: { count: number; readonly differences: T[] }, more: readonly T[]): void {
  listed.count += more.length;
  listed.differences.push(...more.slice(0, differencesListedMax - listed.differences.length));
}

async function collect(
  options: WorkOptions,
  pass: (options: PassOptions) => Promise<PassResult>,
  then: (finding: Finding) => Promise<void>,
): Promise<{ report: ReconcileReport; counts: ReadonlyMap<ConsistencyCheck, number> }> {
  const startedAt = options.now().toISOString();
  const start = performance.now();
  const counts = new Map<ConsistencyCheck, number>();
  const differences: Difference[] = [];
  const pending = { count: 0, differences: [] as Difference[] };
  const acknowledged = { count: 0, differences: [] as AcknowledgedDifference[] };
  const { log } = options;
  const found = async (finding: Finding): Promise<void> => {
    for (const difference of finding.differences) {
      counts.set(difference.check, (counts.get(difference.check) ?? 0) + 1);
      if (differences.length < differencesListedMax) differences.push(difference);
      log.error({ ...difference }, "a user's accounts differ");
    }
    for (const difference of finding.pending) log.debug({ ...difference }, "an event may still wait");
    list(pending, finding.pending);
    list(acknowledged, finding.acknowledged);
    await then(finding);
  };
  const waiting = (suspects: number, ms: number): void =>
    log.info({ suspects, ms }, "users that differ are looked at again after the grace");
  const result = await pass({ ...options, found, waiting });
  const ms = Math.round(performance.now() - start);
  return {
    report: {
      startedAt,
      ms,
      ...result,
      violations: Object.fromEntries(counts),
      differences,
      pending,
      acknowledged,
    },
    counts,
  };
}

/** Compares everyone. */
export async function reconcile(options: WorkOptions): Promise<ReconcileReport> {
  const { report, counts } = await collect(options, passOverAll, async () => {});
  showViolations(options.metrics, counts);
  const { checked, inFlight, ms, violations } = report;
  const apart = { pending: report.pending.count, acknowledged: report.acknowledged.count };
  options.log.info({ checked, inFlight, ms, violations, ...apart }, "reconciled");
  return report;
}

/** `reemit` tells a user's state again under a version above the given one. The gauge waits for the next pass. */
export async function repair(
  options: WorkOptions,
  userIds: readonly string[] | undefined,
  reemit: (userId: string, above: number) => Promise<void>,
): Promise<RepairReport> {
  let reemitted = 0;
  let reportedOnly = 0;
  /** Of one user alone nobody else's repair may depend: a forged version is refused. */
  const isToldAgain = async (userId: string, newest: number): Promise<boolean> => {
    try {
      await reemit(userId, newest);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      options.log.error({ userId, newest, reason: error.message }, "a user can't be told again");
      return false;
    }
  };
  const { report } = await collect(
    options,
    (pass) => (userIds === undefined ? passOverAll(pass) : passOver(pass, userIds)),
    async ({ userId, differences, newest }) => {
      if (differences.length === 0) return;
      if (differences.some(({ check }) => canBeMended(check))) {
        if (await isToldAgain(userId, newest)) reemitted += 1;
        else reportedOnly += 1;
      } else reportedOnly += 1;
    },
  );
  const { checked, ms } = report;
  options.log.info({ checked, ms, reemitted, reportedOnly }, "repaired");
  return { ...report, reemitted, reportedOnly };
}

/** Looks at these users as a pass does, and lets `keep` have what stands of the check. */
export async function acknowledgeStanding(
  options: WorkOptions,
  { userIds, check }: Pick<ActionParams<"reconciler.acknowledge">, "userIds" | "check">,
  keep: (standing: readonly Difference[]) => Promise<void>,
): Promise<AcknowledgeReport> {
  const known: AcknowledgedDifference[] = [];
  const standing: Difference[] = [];
  const why = new Map(userIds.map((userId) => [userId.toLowerCase(), "has no such difference now"]));
  const found = async (finding: Finding): Promise<void> => {
    known.push(...finding.acknowledged.filter((difference) => difference.check === check));
    for (const difference of finding.differences.filter((one) => one.check === check))
      if (difference.deadLetter)
        why.set(difference.userId, "has a dead letter of it: replay or discard that first");
      else standing.push(difference);
    if (finding.pending.some((one) => one.check === check))
      why.set(finding.userId, "has an event that may still wait in the consumer's queue");
  };
  await passOver({ ...options, found }, userIds);
  await keep(standing);
  const acknowledgedOf = await options.acknowledged(standing.map(({ userId }) => userId));
  const fresh = standing.flatMap((difference) => acknowledgedOf(difference) ?? []);
  for (const { acknowledged, ...difference } of fresh)
    options.log.warn({ ...difference, ...acknowledged }, "a difference is acknowledged");
  const acknowledged = [...known, ...fresh];
  for (const { userId } of acknowledged) why.delete(userId);
  return { acknowledged, left: [...why].map(([userId, reason]) => ({ userId, why: reason })) };
}
