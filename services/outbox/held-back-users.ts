/**
 * Promise: a user whose event was refused holds back only itself, and is tried again no sooner than the bus asked.
 *
 * Kept in memory: a relay that restarts, or another one, simply tries again.
 */

import { backoffMs } from "../../mixins/basics/pause.ts";

const firstDelayMs = 500;
const delayMaxMs = 60_000;
/** A user that was free for so long without a new refusal starts over (another relay has delivered it). */
const forgetMs = 10 * 60_000;

interface Hold {
  readonly partition: number;
  readonly retryAt: number;
  readonly refusals: number;
}

export function heldBackUsers(monotonicMs: () => number) {
  const holds = new Map<string, Hold>();
  const isHeld = (hold: Hold): boolean => hold.retryAt > monotonicMs();

  return {
    /** How many users were refused and not confirmed since. */
    size: (): number => holds.size,
    refuse(userId: string, partition: number, retryAfterMs: number | undefined): void {
      const refusals = (holds.get(userId)?.refusals ?? 0) + 1;
      const delayMs = retryAfterMs ?? backoffMs(refusals - 1, firstDelayMs, delayMaxMs);
      holds.set(userId, { partition, retryAt: monotonicMs() + delayMs, refusals });
    },
    confirm(userId: string): void {
      holds.delete(userId);
    },
    /** Who must not be published now. */
    held(): ReadonlyMap<string, number> {
      const held = new Map<string, number>();
      for (const [userId, hold] of holds) {
        if (isHeld(hold)) held.set(userId, hold.partition);
        else if (hold.retryAt + forgetMs < monotonicMs()) holds.delete(userId);
      }
      return held;
    },
    /** Milliseconds until the next one is free; undefined when none is held. */
    nextMs(): number | undefined {
      const waits = [...holds.values()].filter(isHeld).map((hold) => hold.retryAt - monotonicMs());
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
  };
}

export type HeldBackUsers = ReturnType<typeof heldBackUsers>;
