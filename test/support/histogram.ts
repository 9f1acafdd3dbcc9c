/** A histogram of a metrics endpoint, and its quantiles as Prometheus computes them. */

/** Cumulative counts by upper bound, as in the text format. */
export type Buckets = ReadonlyMap<number, number>;

/** The buckets of one histogram in the text of a scrape; those of several label sets are summed, as `sum by (le)` does. */
export function bucketsIn(text: string, name: string): Buckets {
  const buckets = new Map<number, number>();
  for (const line of text.split("\n")) {
    const match = /^([\w:]+)_bucket\{(?:.*,)?le="([^"]+)"[^}]*\} (\S+)/.exec(line);
    if (match?.[1] !== name) continue;
    const bound = match[2] === "+Inf" ? Number.POSITIVE_INFINITY : Number(match[2]);
    buckets.set(bound, (buckets.get(bound) ?? 0) + Number(match[3]));
  }
  return buckets;
}

/** What was observed between two scrapes, as `increase` tells it of a process that was not restarted. */
export const increase = (before: Buckets, after: Buckets): Buckets =>
  new Map([...after].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)]));

/** `histogram_quantile(q, buckets)`: linear within its bucket, the last finite bound beyond them; NaN of nothing. */
export function histogramQuantile(q: number, buckets: Buckets): number {
  const ordered = [...buckets].sort(([a], [b]) => a - b);
  const total = ordered.at(-1)?.[1] ?? 0;
  if (total === 0) return Number.NaN;
  const rank = q * total;
  const index = ordered.findIndex(([, count]) => count >= rank);
  const [bound, count] = ordered[index] ?? [Number.NaN, 0];
  const [lower, below] = ordered[index - 1] ?? [0, 0];
  if (bound === Number.POSITIVE_INFINITY) return lower;
  return lower + ((bound - lower) * (rank - below)) / (count - below);
}
