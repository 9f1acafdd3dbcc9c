/**
 * Preloaded into a process of ours: its wall clock is wrong by CHAOS_CLOCK_SKEW_MS. Only `Date` is, as on a machine
 * whose clock is wrong: the monotonic clock and timers go on as they should. No privilege is needed for it.
 */
const skewMs = Number(process.env.CHAOS_CLOCK_SKEW_MS ?? 0);
const RealDate = Date;

class SkewedDate extends RealDate {
  constructor(...args: unknown[]) {
    super(...((args.length === 0 ? [RealDate.now() + skewMs] : args) as []));
  }
  static override now(): number {
    return RealDate.now() + skewMs;
  }
}

globalThis.Date = SkewedDate as DateConstructor;
