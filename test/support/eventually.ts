/** Waiting on a condition, bounded: the only way a test may wait. */

const pollMs = 20;

/** Resolves with the first result that does not throw; rejects with the last error after `timeoutMs`. */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  options: { timeoutMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? 10_000);
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
