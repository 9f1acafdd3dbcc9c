/** The rows for a terminal. */
import { shown } from "./bounds.ts";
import type { Row } from "./run.ts";

const headings = [
  "scenario",
  "acked/ops",
  "lost",
  "doubled",
  "wrong",
  "no 2xx for",
  "non-2xx",
  "failing for",
] as const;

const time = (ms: number | undefined): string => (ms === undefined ? "–" : shown(ms, "ms"));
const count = (value: number | undefined): string => (value === undefined ? "–" : String(value));

function cells({ scenario, figures, measured }: Row): string[] {
  const { lost, doubled, wrong } = measured;
  return [
    scenario,
    figures === undefined ? "–" : `${figures.acknowledged}/${figures.operations}`,
    ...[lost, doubled, wrong].map(count),
    time(figures?.silentMs),
    count(figures?.failed),
    time(figures?.failingMs),
  ];
}

/** What is not kept, or that all is. */
function verdictLines({ verdicts, problem, isKept, figures, violations }: Row): string[] {
  const broken = verdicts.filter((verdict) => !verdict.isKept).map(({ says }) => `✗ ${says}`);
  const kept = verdicts.filter((verdict) => verdict.isKept).map(({ says }) => says);
  const byStatus = Object.entries(figures?.failedByStatus ?? {}).map(([status, n]) => `${n} × ${status}`);
  return [
    ...(problem === undefined ? [] : [`✗ ${problem}`]),
    ...broken,
    ...(kept.length === 0 ? [] : [`${isKept ? "✔" : "kept:"} ${kept.join(", ")}`]),
    ...(byStatus.length === 0 ? [] : [`non-2xx: ${byStatus.join(", ")}`]),
    ...violations.slice(0, 3).map(({ check, userId, what }) => `${check}: ${userId ?? ""} ${what}`),
  ];
}

/** Each row with its verdict below it. */
export function table(rows: readonly Row[]): string {
  const body = rows.map(cells);
  const widths = headings.map((heading, at) =>
    Math.max(heading.length, ...body.map((row) => row[at]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join("  ");
  return [
    line(headings),
    ...rows.flatMap((row, at) => [
      line(body[at] ?? []),
      ...verdictLines(row).map((verdict) => `    ${verdict}`),
    ]),
  ].join("\n");
}
