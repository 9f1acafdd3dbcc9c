/** Figures and rows as people read them. Pure. */
import { judged } from "../harness/noise.ts";
import type { Goal, Row } from "../harness/part.ts";
import type { Sample } from "../harness/stats.ts";
import type { JudgedRow } from "./results.ts";

/** Three digits that count, thousands set apart: 12,345 · 123 · 12.3 · 1.23. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    // Not `-0`, nor `-0.00` of what is rounded.
    signDisplay: "negative",
  });
}

export const withUnit = (value: number, unit: string): string =>
  unit.startsWith("/") ? `${figure(value)}${unit}` : `${figure(value)} ${unit}`;

/** Nothing of one round: it has no spread. */
export const spreadText = ({ spread, rounds }: Sample): string =>
  Number.isFinite(spread) && rounds.length > 1 ? `±${(spread * 100).toFixed(0)} %` : "";

export function goalText({ atLeast, atMost }: Goal): string {
  if (atLeast !== undefined && atMost !== undefined) return `${atLeast} to ${atMost}`;
  return atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
}

export const ratioText = ({ ratio }: Pick<Row, "ratio">): string =>
  ratio === undefined ? "" : `× ${figure(ratio.median)}`;

const marks = { met: "✔ met", missed: "✘ missed" } as const;

type Judged = Pick<JudgedRow, "verdict" | "doubts" | "by" | "void" | "instead">;

/** `by CPU a create × 0.81 (≤ 0.85), for the rate is too noisy`; empty when the row was judged by itself. */
export function judgedByText({ by, instead, void: why }: Judged): string {
  if (by === undefined || instead === undefined) return "";
  return `by ${by}, ${ratioText(instead)} (${goalText(instead.goal)}), for the row itself is ${why}`;
}

/** What became of the goal of a row, by what it was judged, and why that may be wrong. */
export function verdictText(row: Judged): string {
  const mark = row.verdict === undefined ? [] : [marks[row.verdict]];
  const by = row.by === undefined ? [] : [judgedByText(row)];
  const doubtful = row.doubts.length === 0 ? [] : [`(${row.doubts.join("; ")})`];
  return [...mark, ...by, ...doubtful].join(" ");
}

/** The cells of a row: what, median, spread, ratio, goal, verdict. */
export function cellsOf(row: JudgedRow): string[] {
  return [
    row.what,
    withUnit(row.sample.median, row.unit),
    spreadText(judged(row)),
    ratioText(row),
    row.goal === undefined ? "" : goalText(row.goal),
    verdictText(row),
  ];
}

/** Lines of equal columns; all but the first and the last are set to the right. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        const isLast = column === row.length - 1;
        return column === 0 ? cell.padEnd(width) : isLast ? cell : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${seconds.toFixed(0)} s`;
  return `${(seconds / 60).toFixed(1)} min`;
}
