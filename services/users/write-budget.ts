/**
 * Promise: no commit is begun after the caller of its write has given up on it.
 *
 * The gateway answers 503 after 1,800 ms; a write has 1,550 ms from its arrival, before its key is looked up, to the
 * begin of its commit, which leaves the difference to the commit itself and to the way there and back.
 */
import { currentLatenessMs } from "../../mixins/moleculer/lateness.ts";
import { Unavailable } from "../contracts/errors.ts";

/** From the arrival of the call to the begin of the commit. */
export const writeBudgetMs = 1_550;

export interface Budget {
  leftMs(): number;
  /** Throws Unavailable once nothing is left. */
  check(): void;
}

/**
 * Measured on the monotonic clock: a corrected wall clock neither ends nor prolongs a write. What the request spent on
 * its way is gone already.
 */
export function startBudget(totalMs = writeBudgetMs): Budget {
  const end = performance.now() + totalMs - currentLatenessMs();
  const leftMs = () => end - performance.now();
  return {
    leftMs,
    check() {
      if (leftMs() <= 0) throw new Unavailable("users", "The write could not be done in time");
    },
  };
}
