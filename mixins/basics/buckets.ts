/**
 * The generic cell rate algorithm (ITU-T I.371): a burst of a minute's allowance, then evenly. It keeps one number a
 * key, the time at which all its allowance is there again, in two generations of maps: when one is full, or a minute
 * old, it becomes the older one, and what the older one held is forgotten. So nothing is ever searched, and a flood of
 * new keys makes nobody's allowance whole who goes on asking.
 */
const minuteMs = 60_000;

export interface Grant {
  /** 0: granted; else after how many milliseconds it would be. Nothing was taken then. */
  readonly waitMs: number;
  /** Whole units that are left. */
  readonly remaining: number;
  /** Until all of them are there again. */
  readonly wholeInMs: number;
}

export interface Buckets {
  /** What `take` would say. */
  look(key: string, perMinute: number, nowMs: number, units?: number): Grant;
  /** Takes `units` (1) of the key's `perMinute`. More than a minute has costs all of it. */
  take(key: string, perMinute: number, nowMs: number, units?: number): Grant;
}

/** Keys of one generation. */
const keysMaxDefault = 50_000;

export function buckets(keysMax: number = keysMaxDefault): Buckets {
  let young = new Map<string, number>();
  let old = new Map<string, number>();
  let bornMs = Number.NEGATIVE_INFINITY;

  const remember = (key: string, wholeAtMs: number, nowMs: number): void => {
    if (young.size >= keysMax || nowMs - bornMs > minuteMs) {
      old = young;
      young = new Map();
      bornMs = nowMs;
    }
    young.set(key, wholeAtMs);
  };

  const grantOf = (debtMs: number, costMs: number, unitMs: number): Grant => {
    // Sums of fractions of a millisecond are not exact, and half a one is nobody's wait.
    const waitMs = debtMs + costMs - minuteMs;
    const isGranted = waitMs <= 0.5;
    const wholeInMs = isGranted ? debtMs + costMs : debtMs;
    const remaining = Math.max(0, Math.floor((minuteMs - wholeInMs) / unitMs + 0.001));
    return { waitMs: isGranted ? 0 : waitMs, remaining, wholeInMs };
  };

  const look: Buckets["look"] = (key, perMinute, nowMs, units = 1) => {
    const unitMs = minuteMs / perMinute;
    const debtMs = Math.max((young.get(key) ?? old.get(key) ?? nowMs) - nowMs, 0);
    return grantOf(debtMs, Math.min(units * unitMs, minuteMs), unitMs);
  };

  return {
    look,
    take(key, perMinute, nowMs, units = 1) {
      const grant = look(key, perMinute, nowMs, units);
      if (grant.waitMs === 0) remember(key, nowMs + grant.wholeInMs, nowMs);
      return grant;
    },
  };
}
