/** Whether a figure can be believed, and whether it is what the project has set itself. Pure. */
import type { Calibration, Row } from "./part.ts";
import { type Sample, sampleOf } from "./stats.ts";

/** Rounds that a goal is judged by. */
export const roundsMin = 5;
/** The middle half of a row's rounds may be so wide, as a share of their median. */
export const rowSpreadMax = 0.2;
/** The same for the fixed tasks that are timed between the rounds; a disk is never as even as a processor. */
export const cpuSpreadMax = 0.1;
export const fsyncSpreadMax = 0.5;

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;

const tooWide = (what: string, { spread }: Sample, spreadMax: number): string[] =>
  // A spread that is no number is no proof of quiet.
  spread <= spreadMax ? [] : [`${what} spread by ${percent(spread)}, at most ${percent(spreadMax)}`];

/** What a row is judged by: its ratio where it has one, since that is free of what hit both sides alike. */
export const judged = ({ ratio, sample }: Pick<Row, "ratio" | "sample">): Sample => ratio ?? sample;

/** `met` or `missed` by its median; undefined without a goal. */
export function verdictOf(row: Pick<Row, "ratio" | "sample" | "goal">): "met" | "missed" | undefined {
  if (row.goal === undefined) return undefined;
  const { median } = judged(row);
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = row.goal;
  return median >= atLeast && median <= atMost ? "met" : "missed";
}

/** Why the figures of a row should not be relied on. */
export function doubtsOf(row: Pick<Row, "ratio" | "sample" | "goal" | "isExact">): string[] {
  const { goal, sample } = row;
  if (Number.isNaN(judged(row).median)) return ["not measured"];
  const few =
    goal !== undefined && row.isExact === undefined && sample.rounds.length < roundsMin
      ? [`too few rounds: ${sample.rounds.length}, a goal is judged by ${roundsMin}`]
      : [];
  return [...few, ...noiseOf(row)];
}

/** What stays within its bound whatever the round need not be even. */
function noiseOf(row: Pick<Row, "ratio" | "sample" | "goal">): string[] {
  const always = row.goal !== undefined && judged(row).rounds.every((value) => isWithin(value, row));
  return always ? [] : tooWide("too noisy: its rounds", judged(row), rowSpreadMax);
}

const isWithin = (value: number, row: Pick<Row, "goal">): boolean =>
  verdictOf({ sample: sampleOf([value]), ...(row.goal === undefined ? {} : { goal: row.goal }) }) === "met";

export interface Judgement {
  readonly verdict?: "met" | "missed";
  /** What the verdict is of, where it is not the row itself. */
  readonly by?: string;
  /** Why the verdict should not be relied on, or the row where there is none; empty when nothing speaks against it. */
  readonly doubts: readonly string[];
  /** Why it is not by the row itself. */
  readonly void?: string;
}

/** By the row itself; where its rounds are too noisy, by what stands there instead, if that is not. */
export function judgementOf(row: Row): Judgement {
  const verdict = verdictOf(row);
  const doubts = doubtsOf(row);
  const own: Judgement = { ...(verdict === undefined ? {} : { verdict }), doubts };
  const { instead } = row;
  const noise = noiseOf(row);
  if (instead === undefined || verdict === undefined || noise.length === 0) return own;
  const other = { sample: instead.ratio, goal: instead.goal };
  if (noiseOf(other).length > 0)
    return { ...own, doubts: [...doubts, ...noiseOf(other).map((doubt) => `${instead.what}: ${doubt}`)] };
  return {
    verdict: verdictOf(other) ?? "missed",
    by: instead.what,
    doubts: doubts.filter((doubt) => !noise.includes(doubt)),
    void: noise.join("; "),
  };
}

export interface MachineNoise {
  readonly cpuMs: Sample;
  readonly fsyncMs: Sample;
  readonly doubts: readonly string[];
}

/** What the fixed tasks say that were timed between the rounds. */
export function machineNoise(calibrations: readonly Calibration[]): MachineNoise {
  const cpuMs = sampleOf(calibrations.map(({ cpuMs: ms }) => ms));
  const fsyncMs = sampleOf(calibrations.map(({ fsyncMs: ms }) => ms));
  const doubts =
    calibrations.length === 0
      ? []
      : [
          ...tooWide("a fixed task of the processor", cpuMs, cpuSpreadMax),
          ...tooWide("a fixed number of disk syncs", fsyncMs, fsyncSpreadMax),
        ];
  return { cpuMs, fsyncMs, doubts };
}
