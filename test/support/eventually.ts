/** Waiting on a condition, bounded: the only way a test may wait. */

const pollMs = 20;
/** So long that a machine with other work gets there, too: who waits in vain waits this long once. */
const waitMaxMs = 30_000;

/** Resolves with the first result that does not throw; rejects with the last error after `timeoutMs`. */
export async function eventually<T>(
  probe: () => Promise<T> | T,
  options: { timeoutMs?: number } = {},
): Promise<T> {
  const deadline = Date.now() + (options.timeoutMs ?? waitMaxMs);
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, pollMs));
    }
  }
}
