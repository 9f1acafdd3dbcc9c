/** The numbers of a run. */
import { countsOf } from "./invariants.ts";
import type { RunResult } from "./run.ts";

/** What is printed at the end, and stands first in the JSON. */
export function summaryOf(result: RunResult) {
  const { journal, facts, faults, violations } = result;
  const eventsDelivered = new Set(facts.deliveries.map(({ subject, sequence }) => `${subject} ${sequence}`));
  const byKind: Record<string, number> = {};
  for (const { kind } of faults) byKind[kind] = (byKind[kind] ?? 0) + 1;
  const { lost, doubled } = countsOf(violations);
  return {
    seed: result.seed,
    verdict: violations.length === 0 ? "clean" : "violated",
    violations: violations.length,
    lost,
    doubled,
    faults: faults.length,
    faultsByKind: byKind,
    faultsWithProblem: faults.filter(({ problem }) => problem !== undefined).length,
    operations: journal.operations.length,
    acknowledged: journal.acknowledged,
    refused: journal.refused,
    attempts: journal.attempts,
    repeatedOperations: journal.operations.filter(({ attempts }) => attempts > 1).length,
    lateEffects: result.lateEffects,
    lateAnswers: journal.lateAnswers,
    slowestAnswerMs: journal.slowestMs,
    users: facts.users.length,
    livingUsers: facts.users.filter(({ deletedAt }) => deletedAt === null).length,
    addresses: facts.addresses.length,
    events: facts.audit.length,
    eventsDelivered: eventsDelivered.size,
    deliveries: facts.deliveries.length,
    repeatedDeliveries: facts.deliveries.length - eventsDelivered.size,
    deadLetters: facts.deadLetters.length,
    healedAfterMs: result.healedAfterMs,
    unexpectedEnds: result.unexpectedEnds.length,
    remarks: result.remarks,
    durationMs: result.phases.endMs,
  };
}

export type Summary = ReturnType<typeof summaryOf>;
