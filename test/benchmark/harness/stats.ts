/** What a few rounds say: the middle, how far they spread, and whether the machine was too noisy to be believed. Pure. */

export interface Sample {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max − min) ÷ median of the middle half: 0.1 is a quiet machine. */
  readonly spread: number;
  readonly rounds: readonly number[];
}

/** Linear between the two neighbours; NaN for none. `q` from 0 to 1. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return low + (high - low) * (at - Math.floor(at));
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

export function sampleOf(rounds: readonly number[]): Sample {
  const middle = median(rounds);
  return {
    median: middle,
    min: Math.min(...rounds),
    max: Math.max(...rounds),
    spread: (quantile(rounds, 0.75) - quantile(rounds, 0.25)) / middle,
    rounds,
  };
}

/**
 * The median of the ratios round by round, so that what hit both sides of a round alike (they ran one after the other)
 * cancels out.
 */
export const ratioOf = (values: readonly number[], reference: readonly number[]): Sample =>
  sampleOf(values.map((value, round) => value / (reference[round] ?? Number.NaN)));
