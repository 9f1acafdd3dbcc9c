/**
 * Promise: of the calls that a service would refuse because more is asked for than can be done in time, most are refused
 * here, before anything is done for them: with no more effort than their answer takes. Twice as many are passed on as
 * the service takes, so that room is found as soon as there is some.
 *
 * It is the adaptive throttling of Google's SRE book (chapter 21, Handling Overload), with a memory of a second.
 */
import { comeBack } from "../../../mixins/come-back.ts";

export const throttleLimits = {
  /** Of what is taken, so many times as much is passed on. */
  passedShare: 2,
  /** So many of the time remembered are passed on whatever became of others. */
  alwaysPassed: 8,
  memoryMs: 1_000,
} as const;

export interface Throttle {
  /** undefined: it may be called, and `ended` must follow; else after how many milliseconds to ask again. */
  refusedForMs(nowMs: number): number | undefined;
  ended(isOverload: boolean, nowMs: number): void;
}

/** For calls of one action; `random` is from 0 to 1. */
export function throttle(random: () => number): Throttle {
  const { passedShare, alwaysPassed, memoryMs } = throttleLimits;
  const outside = comeBack(random);
  /** Those that have ended, or were refused here, and those of them that were taken; both fade. */
  let asked = 0;
  let taken = 0;
  let atMs = 0;

  function fade(nowMs: number): void {
    const fading = Math.exp(-Math.max(0, nowMs - atMs) / memoryMs);
    asked *= fading;
    taken *= fading;
    atMs = nowMs;
  }

  return {
    refusedForMs(nowMs) {
      fade(nowMs);
      const passed = passedShare * taken + alwaysPassed;
      if (asked <= passed || random() >= (asked - passed) / (asked + 1)) return undefined;
      asked += 1;
      return outside.turnedAway(memoryMs / Math.max(1, taken), 0, nowMs);
    },
    ended(isOverload, nowMs) {
      fade(nowMs);
      asked += 1;
      if (!isOverload) taken += 1;
    },
  };
}

/** The same, of each action by itself. */
export interface Throttles {
  refusedForMs(action: string, nowMs: number): number | undefined;
  ended(action: string, isOverload: boolean, nowMs: number): void;
}

/** Of one gateway. There are as many as actions at most. */
export function throttles(random: () => number): Throttles {
  const byAction = new Map<string, Throttle>();
  const of = (action: string): Throttle => {
    const known = byAction.get(action) ?? throttle(random);
    byAction.set(action, known);
    return known;
  };
  return {
    refusedForMs: (action, nowMs) => of(action).refusedForMs(nowMs),
    ended: (action, isOverload, nowMs) => of(action).ended(isOverload, nowMs),
  };
}
