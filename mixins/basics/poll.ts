/** Looking again and again, with an end. */
import { pause } from "./pause.ts";

export interface Pace {
  /** Between two looks. */
  readonly everyMs: number;
  /** The last look is no sooner than that after the first one. */
  readonly maxMs: number;
  readonly signal?: AbortSignal;
}

const never = new AbortController().signal;

/**
 * What `look` gave last: the first that `isEnough`, or what there was when the time was over, which is for the caller to
 * judge. It looks at least once, never twice at a time. Rejects as `look` does, or with the reason of the signal.
 */
export async function poll<T>(
  look: () => Promise<T> | T,
  isEnough: (state: T) => boolean,
  { everyMs, maxMs, signal = never }: Pace,
): Promise<T> {
  const end = performance.now() + maxMs;
  for (;;) {
    signal.throwIfAborted();
    const state = await look();
    const leftMs = end - performance.now();
    if (leftMs <= 0 || isEnough(state)) return state;
    // A timer may fire a little early.
    await pause(Math.min(everyMs, Math.ceil(leftMs) + 1), signal);
  }
}
