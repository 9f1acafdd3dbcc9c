/** What a part of the benchmark gets and gives. */

import type { Servers } from "./servers.ts";
import type { Sample } from "./stats.ts";

export interface Bench {
  readonly servers: Servers;
  readonly rounds: number;
  /** Of one measured round. */
  readonly seconds: number;
  /** Tells the person who waits what is going on. */
  progress(text: string): void;
}

/** A bound that the project has set itself, on the ratio of a row. */
export interface Goal {
  readonly atLeast?: number;
  readonly atMost?: number;
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
}

export interface Part {
  readonly name: string;
  readonly title: string;
  run(bench: Bench): Promise<readonly Row[]>;
}

export const meets = (value: number, { atLeast, atMost }: Goal): boolean =>
  (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
