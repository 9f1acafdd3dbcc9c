/** Waiting on a condition, bounded: the only way a test may wait. */

const pollMs = 20;
/** So long that a machine with other work gets there, too: who waits in vain waits this long once. */
const waitMaxMs = 30_000;
/** A probe that takes longer never ends: what it asks has no bound of its own. */
const probeMaxMs = 120_000;

/** Rejects after `timeoutMs` with what `message` tells then; the promise itself goes on. */
export function bounded<T>(promise: Promise<T>, timeoutMs: number, message: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(message())), timeoutMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Resolves with the first result that does not throw; rejects with the last error after `timeoutMs`. */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  options: { timeoutMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? waitMaxMs);
  for (;;) {
    try {
      const outcome = Promise.resolve(probe());
      return await bounded(outcome, probeMaxMs, () => `Not told within ${probeMaxMs} ms: ${String(probe)}`);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
