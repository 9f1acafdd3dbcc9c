/** What a few rounds say: the middle, and how far they spread. Pure. */

export interface Sample {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Width of the middle half ÷ median: 0.1 is a quiet machine. */
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

/** Of no rounds at all every figure is NaN. */
export function sampleOf(rounds: readonly number[]): Sample {
  const middle = median(rounds);
  const width = quantile(rounds, 0.75) - quantile(rounds, 0.25);
  return {
    median: middle,
    min: rounds.length === 0 ? Number.NaN : Math.min(...rounds),
    max: rounds.length === 0 ? Number.NaN : Math.max(...rounds),
    // Nothing at all, time and again, is as quiet as can be.
    spread: width === 0 ? 0 : width / middle,
    rounds,
  };
}

/**
 * The ratios round by round, so that what hit both sides of a round alike (they ran one after the other) cancels out.
 */
export const ratioOf = (values: readonly number[], reference: readonly number[]): Sample =>
  sampleOf(values.map((value, round) => value / (reference[round] ?? Number.NaN)));
