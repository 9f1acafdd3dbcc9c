/** Work that many ask for at once and whose result may be a little old: it runs once for all of them. */

interface RecentOptions {
  /** How many a result is given to; who comes after them waits until it is too old, and shares the next one. */
  readonly askersMax?: number;
}

/**
 * Whoever asks while it runs, or for `keptMs` after it has ended, gets the same result. A failure is shared by those who
 * wait for it, and not kept.
 */
export function recent<R>(
  work: () => Promise<R>,
  keptMs: number,
  { askersMax = Number.POSITIVE_INFINITY }: RecentOptions = {},
): () => Promise<R> {
  let shared: Promise<R> | undefined;
  let goodUntilMs = Number.POSITIVE_INFINITY;
  let askers = 0;
  let next: Promise<R> | undefined;
  const later = async (): Promise<R> => {
    const leftMs = Math.max(0, goodUntilMs - performance.now());
    await new Promise((resolve) => setTimeout(resolve, leftMs));
    next = undefined;
    return ask();
  };
  const ask = (): Promise<R> => {
    if (shared !== undefined && performance.now() < goodUntilMs) {
      askers += 1;
      if (askers <= askersMax || goodUntilMs === Number.POSITIVE_INFINITY) return shared;
      next ??= later();
      return next;
    }
    goodUntilMs = Number.POSITIVE_INFINITY;
    askers = 1;
    const begun = work();
    shared = begun;
    begun.then(
      () => {
        goodUntilMs = performance.now() + keptMs;
      },
      () => {
        shared = undefined;
      },
    );
    return begun;
  };
  return ask;
}
