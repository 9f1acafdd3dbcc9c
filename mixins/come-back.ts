/**
 * Promise: whoever is turned away is told to come back when those turned away before may have been done: the later, the
 * more they are, and not all at one moment.
 */

export const comeBackLimits = {
  retryMsMin: 1_000,
  /** What is expected; chance makes it half as long, or half as long again. */
  retryMsMax: 20_000,
} as const;

export interface ComeBack {
  /** One more; after how many milliseconds it is to ask again. `paceMs`: what each takes; `inHand`: who come before all. */
  turnedAway(paceMs: number, inHand: number, nowMs: number): number;
}

/** For what waits for the same things; `random` is from 0 to 1. */
export function comeBack(random: () => number): ComeBack {
  const { retryMsMin, retryMsMax } = comeBackLimits;
  /** Those turned away who are still to come back, at the pace of what is done. */
  let away = 0;
  let awayAtMs = 0;
  return {
    turnedAway(paceMs, inHand, nowMs) {
      away = Math.max(0, away - (nowMs - awayAtMs) / paceMs) + 1;
      awayAtMs = nowMs;
      const expectedMs = Math.min(retryMsMax, (inHand + away) * paceMs);
      return Math.max(retryMsMin, expectedMs * (0.5 + random()));
    },
  };
}
