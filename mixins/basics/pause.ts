/** Waiting with an end: every wait is bounded or ends with a signal. In browsers, too. */

/** Resolves after `ms`, or at once when the signal is aborted; never rejects. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const over = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", over, { once: true });
  });

/** Doubles from `minMs` to `maxMs`; half of it is chance, so that many clients do not come back at once. */
export const backoffMs = (failures: number, minMs: number, maxMs: number): number =>
  Math.min(maxMs, minMs * 2 ** Math.min(failures, 20)) * (0.5 + 0.5 * Math.random());

/** Resolves when the signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });

/** The work did not end in time, and may still. */
export class TimeoutError extends Error {
  override name = "TimeoutError";
}

/** As the work ends, or rejects with a TimeoutError of this message after `ms`; the work itself goes on. */
export async function within<T>(ms: number, message: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(message)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Fewer events than these are not made to wait for others. */
const manyEvents = 16;
const restMsMax = 50;

/**
 * How long to rest after a batch of so many events: as long as it took, in milliseconds. When a large one takes long the
 * machine is busy, and half as many batches do twice as much each.
 */
export const restMsAfter = (events: number, tookMs: number): number =>
  events < manyEvents ? 0 : Math.min(tookMs, restMsMax);
