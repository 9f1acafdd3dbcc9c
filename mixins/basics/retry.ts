/** Trying again, with an end. */
import { backoffMs, pause } from "./pause.ts";

export interface Patience {
  /** Absent: as often as it takes until the signal. */
  readonly attemptsMax?: number;
  /** The pause after the first failure, which doubles with each other. */
  readonly minMs: number;
  readonly maxMs: number;
  readonly signal: AbortSignal;
  /** Asked after a failure that another attempt may follow, with the number of those before; absent: it may. */
  mayPass?(error: unknown, failures: number): boolean;
}

/** What the first attempt gives that succeeds. Rejects with the last one's error, or with the reason of the signal. */
export async function retry<T>(work: () => Promise<T>, patience: Patience): Promise<T> {
  const { attemptsMax = Number.POSITIVE_INFINITY, minMs, maxMs, signal } = patience;
  for (let failures = 0; ; failures += 1) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const isLast = failures + 1 >= attemptsMax || signal.aborted;
      if (isLast || patience.mayPass?.(error, failures) === false) throw error;
    }
    await pause(backoffMs(failures, minMs, maxMs), signal);
  }
}
