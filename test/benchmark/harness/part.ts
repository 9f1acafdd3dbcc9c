/** What a part of the benchmark gets and gives. */
import type { Scale } from "./options.ts";
import type { Servers } from "./servers.ts";
import { ratioOf, type Sample, sampleOf } from "./stats.ts";

/** Milliseconds that two fixed tasks took between two rounds. */
export interface Calibration {
  readonly cpuMs: number;
  readonly fsyncMs: number;
}

export interface Bench {
  readonly servers: Servers;
  readonly scale: Scale;
  /** Tells the person who waits what is being done, and how many of how many steps of the part are behind. */
  progress(text: string, done?: number, total?: number): void;
  /** Between two rounds: times the fixed tasks that tell how even the machine is. */
  calibrate(): void;
}

/** A bound that the project has set itself: on the ratio of a row, or on its value when it has none. */
export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** What a row is judged by when its own rounds are too noisy: CPU, which does not tell how long one waits for a core. */
export interface Instead {
  readonly what: string;
  /** To that of the reference in the same rounds. */
  readonly ratio: Sample;
  readonly goal: Goal;
}

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly sample: Sample;
  /** To the reference of the same rounds. */
  readonly ratio?: Sample;
  readonly goal?: Goal;
  /** What limits the figure, or how it was taken, when that is not plain. */
  readonly note?: string;
  /** The same in every round: one says all. */
  readonly isExact?: true;
  readonly instead?: Instead;
}

interface RowOptions {
  readonly reference?: readonly number[];
  readonly goal?: Goal | undefined;
  readonly note?: string | undefined;
  readonly isExact?: true;
  readonly instead?: Instead | undefined;
}

export const rowOf = (
  what: string,
  unit: string,
  rounds: readonly number[],
  { reference, goal, note, isExact, instead }: RowOptions = {},
): Row => ({
  what,
  unit,
  sample: sampleOf(rounds),
  ...(reference === undefined ? {} : { ratio: ratioOf(rounds, reference) }),
  ...(goal === undefined ? {} : { goal }),
  ...(note === undefined ? {} : { note }),
  ...(isExact === undefined ? {} : { isExact }),
  ...(instead === undefined ? {} : { instead }),
});

/** undefined where the machine does not tell CPU, or there is no goal. */
export const insteadOf = (
  what: string,
  rounds: readonly number[],
  reference: readonly number[],
  goal: Goal | undefined,
): Instead | undefined =>
  goal === undefined || rounds.length === 0 || rounds.some(Number.isNaN)
    ? undefined
    : { what, ratio: ratioOf(rounds, reference), goal };

export interface Bars {
  readonly kind: "bars";
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly { readonly label: string; readonly sample: Sample }[];
}

export interface Stacks {
  readonly kind: "stacks";
  readonly title: string;
  readonly unit: string;
  readonly stacks: readonly {
    readonly label: string;
    readonly layers: readonly { readonly name: string; readonly value: number }[];
  }[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** The range of the rounds. */
  readonly low: number;
  readonly high: number;
}

export interface Lines {
  readonly kind: "lines";
  readonly title: string;
  readonly unit: string;
  readonly axis: string;
  readonly lines: readonly { readonly name: string; readonly points: readonly Point[] }[];
}

export type Figure = Bars | Stacks | Lines;

/** A point of a line out of the rounds at one place of the axis. */
export function pointOf(x: number, rounds: readonly number[]): Point {
  const { median, min, max } = sampleOf(rounds);
  return { x, y: median, low: min, high: max };
}

export interface Outcome {
  readonly rows: readonly Row[];
  /** Beside the bars, which every row gets. */
  readonly figures: readonly Figure[];
}

export interface Part {
  readonly name: string;
  readonly title: string;
  /** A sentence or two for the page: what is compared with what. */
  readonly about: string;
  /** It touches neither PostgreSQL nor RabbitMQ nor the load: alone, it starts none of them. */
  readonly needsNoServers?: true;
  run(bench: Bench): Promise<Outcome>;
}
