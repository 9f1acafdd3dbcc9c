/**
 * When the relay looks again. Nudges make it quick, polling makes it sure: a nudge that was lost (a crash between
 * the commit and it, a network that dropped the call) costs the latency of a poll and never an event.
 *
 * A full batch is followed at once; else the next look comes when a nudge does, or when the poll is due: 50 ms after
 * work, doubling up to 1 s, and up to 5 s when there has been nothing for a while. Only a look that published many events
 * is followed by a rest (mixins/basics/pause.ts).
 */

import { backoffMs, restMsAfter } from "../../mixins/basics/pause.ts";

const pollMinMs = 50;
const pollMaxBusyMs = 1_000;
const pollMaxIdleMs = 5_000;
const busyForMs = 30_000;
const blockedPollMs = 1_000;
const failureMinMs = 100;
const failureMaxMs = 5_000;
const doublingsMax = 10;

/**
 * full: there is more; worked: something was published and that was all; idle: nothing to do; blocked: the bus takes
 * nothing; failed: the database did not answer.
 */
export type Look = "full" | "worked" | "idle" | "blocked" | "failed";

/** Milliseconds until the next poll; pure but for the counts it keeps. */
export function pollSchedule(monotonicMs: () => number) {
  let quietLooks = 0;
  let failures = 0;
  let workedAt = Number.NEGATIVE_INFINITY;
  return {
    after(look: Look): number {
      failures = look === "failed" ? failures + 1 : 0;
      if (look === "failed") return backoffMs(failures - 1, failureMinMs, failureMaxMs);
      if (look === "blocked") return blockedPollMs;
      if (look === "idle") quietLooks += 1;
      else {
        quietLooks = 0;
        workedAt = monotonicMs();
      }
      if (look === "full") return 0;
      const pollMaxMs = monotonicMs() - workedAt < busyForMs ? pollMaxBusyMs : pollMaxIdleMs;
      return Math.min(pollMinMs * 2 ** Math.min(quietLooks, doublingsMax), pollMaxMs);
    },
  };
}

export type Alarm = ReturnType<typeof pollAlarm>;

/** Any number of rings while nobody waits, or during a rest, are one. */
export function pollAlarm(monotonicMs: () => number) {
  let rung = false;
  let wake: (() => void) | undefined;
  let lookedAt = monotonicMs();

  const sleep = (ms: number, until: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      if (until()) return resolve();
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        wake = undefined;
        resolve();
      }
      wake = () => {
        if (until()) done();
      };
    });

  return {
    ring(): void {
      rung = true;
      wake?.();
    },
    /** Resolves after `delayMs`, or when it rings; whether it rang. `events`: what the look before it published. */
    async wait(delayMs: number, events: number, stopping: AbortSignal): Promise<boolean> {
      const isStopping = (): boolean => stopping.aborted;
      const endedAt = monotonicMs();
      const restMs = restMsAfter(events, endedAt - lookedAt);
      if (delayMs > 0) {
        await sleep(delayMs, () => rung || isStopping());
        const tooSoonMs = endedAt + restMs - monotonicMs();
        if (rung && tooSoonMs > 0) await sleep(tooSoonMs, isStopping);
      }
      const rang = rung;
      rung = false;
      lookedAt = monotonicMs();
      return rang;
    },
  };
}
