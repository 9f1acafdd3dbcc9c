/** Work that many ask for at once and whose result may be a little old: it runs once for all of them. */

/**
 * Whoever asks while it runs, or for `keptMs` after it has ended, gets the same result. A failure is shared by those who
 * wait for it, and not kept.
 */
export function recent<R>(work: () => Promise<R>, keptMs: number): () => Promise<R> {
  let shared: Promise<R> | undefined;
  let goodUntilMs = Number.POSITIVE_INFINITY;
  return () => {
    if (shared !== undefined && performance.now() < goodUntilMs) return shared;
    goodUntilMs = Number.POSITIVE_INFINITY;
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
}
