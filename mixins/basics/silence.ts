/**
 * Promise: what was not heard from for too long is told from a process that was itself frozen meanwhile: such a one has
 * not read yet what lies in its sockets, and everybody would seem silent to it.
 */
export interface SilenceLimits {
  /** Between two looks. */
  readonly lookMs: number;
  readonly silentMs: number;
}

export interface Silence {
  heard(nowMs: number): void;
  /** To be asked every `lookMs`; true when nothing was heard for longer than `silentMs`. */
  look(nowMs: number): boolean;
}

/** The decisions alone; every time comes in, from one monotonic clock. */
export function silence({ lookMs, silentMs }: SilenceLimits, startMs: number): Silence {
  let heardAtMs = startMs;
  let lookedAtMs = startMs;
  return {
    heard(nowMs) {
      heardAtMs = nowMs;
    },
    look(nowMs) {
      const wasFrozen = nowMs - lookedAtMs > 2 * lookMs;
      lookedAtMs = nowMs;
      if (wasFrozen) heardAtMs = nowMs;
      return nowMs - heardAtMs > silentMs;
    },
  };
}
