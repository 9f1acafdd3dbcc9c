/** What a run found, as JSON for programs, as one self-contained page, and in a few lines for the terminal. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Operation } from "./journal.ts";
import type { RunResult } from "./run.ts";
import { type Summary, summaryOf } from "./summary.ts";
import { page } from "./timeline.ts";

const violationsPrintedMax = 20;

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
