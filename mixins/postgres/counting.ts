/**
 * Promise: a count that reads a whole table takes a sixtieth of the time at most, however often it is asked for, and
 * whoever asks waits for it no longer than `waitMs`: with the count of before, or null while the first one is under way.
 *
 * A million addresses by domain take 0.9 s, so they are counted once a minute; a thousand take a millisecond, and are
 * counted once a second. Nothing is counted while nobody asks. Estimates of the planner were rejected: they know no
 * domains and are off by a tenth after an import.
 */
import { errorText } from "../log/error-text.ts";
import type { Logger } from "../log/logging.ts";

const restShare = 60;
const everyMsMin = 1_000;
const waitMs = 250;

interface CountingOptions {
  readonly now: () => Date;
  readonly log: Logger;
}

export type Counted<T> = T & { readonly countedAt: string };

export function counting<T>(
  count: () => Promise<T>,
  { now, log }: CountingOptions,
): () => Promise<Counted<T> | null> {
  let last: Counted<T> | null = null;
  let nextAtMs = 0;
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    const startedAtMs = performance.now();
    const countedAt = now().toISOString();
    try {
      last = { ...(await count()), countedAt };
    } catch (error) {
      log.warn({ reason: errorText(error) }, "can't count: the figures of before are shown");
    }
    const endedAtMs = performance.now();
    nextAtMs = endedAtMs + Math.max(everyMsMin, restShare * (endedAtMs - startedAtMs));
    running = undefined;
  };

  return async () => {
    if (running === undefined && performance.now() >= nextAtMs) running = run();
    if (running === undefined) return last;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, waitMs);
    });
    await Promise.race([running, patience]);
    clearTimeout(timer);
    return last;
  };
}
