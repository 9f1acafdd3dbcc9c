/** What a scenario must keep, and whether it did. */
import type { Figures } from "./figures.ts";

/** Everything that a bound may be of: the journal's figures, the comparison's, and what the scenario itself measured. */
export type Measured = Readonly<Record<string, number>>;

export interface Bound {
  /** Of `Measured`; one that was not measured is not kept. */
  readonly figure: string;
  readonly says: string;
  readonly unit: "ms" | "%" | "";
  readonly most?: number;
  readonly least?: number;
  /** A part of `most` that the speed of the machine has no share in: Patroni's ttl, a pause of ours. */
  readonly fixed?: number;
}

export interface Verdict {
  readonly says: string;
  readonly value: number | undefined;
  readonly limit: number;
  readonly isKept: boolean;
}

/** What a machine without other work needs at most between two answers, at 20 writes a second. */
const quietGapMs = 500;
const scaleMax = 4;

/** How much slower the baseline of the same run was than a quiet machine; only what is slower is allowed for. */
export const scaleOf = ({ silentMs }: Pick<Figures, "silentMs">): number =>
  Math.min(scaleMax, Math.max(1, silentMs / quietGapMs));

export const shown = (value: number, unit: Bound["unit"]): string =>
  unit === "ms"
    ? `${(value / 1_000).toFixed(1)} s`
    : `${Number(value.toFixed(1))}${unit === "%" ? " %" : ""}`;

export function judge(bound: Bound, measured: Measured, scale: number): Verdict {
  const { figure, says, unit, most, least, fixed = 0 } = bound;
  const value = measured[figure];
  const limit = least ?? fixed + (most ?? 0) * (unit === "ms" ? scale : 1);
  const isKept = value !== undefined && (least === undefined ? value <= limit : value >= limit);
  const actual = value === undefined ? "not measured" : shown(value, unit);
  const sign = least === undefined ? "≤" : "≥";
  return { says: `${says} ${actual} (${sign} ${shown(limit, unit)})`, value, limit, isKept };
}

const none = (figure: string, says: string): Bound => ({ figure, says, unit: "", most: 0 });

/** In all of them. */
export const intact: readonly Bound[] = [
  none("lost", "lost"),
  none("doubled", "doubled"),
  none("wrong", "wrong"),
  none("defects", "answers 500"),
];

export const silent = (most: number, fixed = 0): Bound => ({
  figure: "silentMs",
  says: "no 2xx for",
  unit: "ms",
  most,
  fixed,
});

export const failing = (most: number, fixed = 0): Bound => ({
  figure: "failingMs",
  says: "failing for",
  unit: "ms",
  most,
  fixed,
});

export const failingSeconds = (most: number): Bound => ({
  figure: "failingSeconds",
  says: "seconds with a failure",
  unit: "",
  most,
});

export const failedPercent = (most: number): Bound => ({
  figure: "failedPercent",
  says: "failed",
  unit: "%",
  most,
});

export const failedShare = (most: number): Bound => ({
  figure: "failedShare",
  says: "failed of all",
  unit: "%",
  most,
});

export const noFailure: Bound = none("failed", "failed attempts");
export const noReadFailure: Bound = none("readsFailed", "failed reads");
export const allDone: Bound = none("givenUp", "given up");
