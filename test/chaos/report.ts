/** What a run found, as JSON for programs, as one self-contained page, and in a few lines for the terminal. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "./journal.ts";
import type { RunResult } from "./run.ts";
import { page } from "./timeline.ts";

const violationsPrintedMax = 20;

/** The JSON: everything but the operations of users of whom nothing is to be told. */
export function summaryOf(result: RunResult) {
  const { journal, facts, faults, violations } = result;
  const eventsDelivered = new Set(facts.deliveries.map(({ subject, sequence }) => `${subject} ${sequence}`));
  const byKind: Record<string, number> = {};
  for (const { kind } of faults) byKind[kind] = (byKind[kind] ?? 0) + 1;
  const lost = violations.filter(({ what }) => /has no audit entry|belongs to no user/.test(what)).length;
  const doubled = violations.filter(({ what }) => /twice|\d+ audit entries/.test(what)).length;
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

/** All that is known of one user, in the order of time. */
export function historyOf({ journal, facts }: RunResult, userId: string): unknown {
  const isOf = (operation: Operation) => operation.userId === userId || operation.answer?.id === userId;
  return {
    operations: journal.operations.filter(isOf),
    user: facts.users.find(({ id }) => id === userId),
    audit: facts.audit.filter((entry) => entry.userId === userId),
    addresses: facts.addresses.filter((address) => address.userId === userId),
    watermark: facts.watermarks.find((mark) => mark.userId === userId),
    deliveries: facts.deliveries
      .filter(({ subject }) => subject === userId)
      .map(({ id, type, sequence, correlationid }) => ({ id, type, sequence, correlationid })),
  };
}

function printViolations(result: RunResult, print: (line: string) => void): void {
  const told = new Set<string>();
  for (const { check, userId, what } of result.violations.slice(0, violationsPrintedMax)) {
    print(`violated: ${check}: ${userId ?? ""} ${what}`);
    if (userId === undefined || told.has(userId)) continue;
    told.add(userId);
    print(JSON.stringify(historyOf(result, userId)));
  }
  const more = result.violations.length - violationsPrintedMax;
  if (more > 0) print(`and ${more} more`);
}

/** Writes report.json and report.html into the folder of the run; resolves with the summary that it printed. */
export function writeReport(result: RunResult, folder: string, print: (line: string) => void): Summary {
  const summary = summaryOf(result);
  const users = [...new Set(result.violations.flatMap(({ userId }) => userId ?? []))];
  const histories = Object.fromEntries(users.map((userId) => [userId, historyOf(result, userId)]));
  const { schedule, faults, violations, samples, phases, unexpectedEnds, journal } = result;
  const seconds = Math.ceil(phases.endMs / 1_000);
  const throughput = Array.from({ length: seconds }, (_, second) => ({
    second,
    acknowledged: journal.acknowledgedBySecond.get(second) ?? 0,
    statuses: Object.fromEntries(journal.statuses.get(second) ?? []),
  }));
  const report = {
    summary,
    violations,
    histories,
    phases,
    faults,
    schedule,
    samples,
    throughput,
    unexpectedEnds,
  };
  writeFileSync(join(folder, "report.json"), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(join(folder, "report.html"), page(result, summary));
  printViolations(result, print);
  for (const [name, value] of Object.entries(summary)) print(`${name.padEnd(20)} ${JSON.stringify(value)}`);
  return summary;
}
