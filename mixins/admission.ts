/**
 * Promise: work is taken only when it is expected to be done within its caller's time, by the pace of such work lately.
 * The rest is refused at once, before anything is done for it, and told to come back when there may be room: the later,
 * the more have been turned away, and not all at one moment.
 *
 * Everything that is taken is begun at once and waits wherever it has to (a pool, a lane, another service); as many as
 * can be done in a caller's time may be in hand (Little's law). Clients repeat what was refused. Without a bound their
 * attempts are begun, are given up and go on for nobody, until nothing is done in time at all (ADR 0037).
 */
import { Unavailable } from "../services/contracts/errors.ts";
import { comeBack } from "./come-back.ts";
import type { Metrics } from "./metrics/metrics.ts";

export const admissionLimits = {
  /** Of the caller's time, what may be expected to pass; the rest is for work that turns out slower. */
  share: 0.5,
  /** So few are taken whatever is expected, and tell nothing of the pace: they hardly wait for each other. */
  alwaysMax: 8,
  /** How far back the pace looks, of the time in which there was more. */
  memoryMs: 1_000,
  /** The pace of each before there is one, and again when nothing was learned for so long. */
  guessMs: 5,
  keptMs: 10_000,
} as const;

/** How work ended: done or refused; too late by our own fault; or for the sake of something else, at any pace. */
export type Ending = "done" | "late" | "elsewhere";

export interface AdmissionDecisions {
  /** undefined: it is taken, and `ended` must follow; else after how many milliseconds to ask again. */
  refusedForMs(leftMs: number, nowMs: number): number | undefined;
  ended(ending: Ending, nowMs: number): void;
}

/** The decisions, with time and chance in hand; `random` is from 0 to 1. */
export function admissionDecisions(random: () => number): AdmissionDecisions {
  const { share, alwaysMax, memoryMs, guessMs, keptMs } = admissionLimits;
  let inHand = 0;
  /** How many are still to end of the last crowd, which are those that tell the pace. */
  let crowd = 0;
  /** What passed lately, and how much was done in it; both fade. */
  let passedMs: number = memoryMs;
  let done = memoryMs / guessMs;
  let endedAtMs = 0;
  let learnedAtMs = 0;
  const outside = comeBack(random);

  const paceMs = (): number => passedMs / done;

  function begin(nowMs: number): void {
    if (inHand === 0) endedAtMs = nowMs;
    if (inHand === 0 && nowMs - learnedAtMs > keptMs) [passedMs, done] = [memoryMs, memoryMs / guessMs];
    inHand += 1;
    if (inHand >= alwaysMax) crowd = inHand;
  }

  return {
    refusedForMs(leftMs, nowMs) {
      const isInTime = inHand < alwaysMax || (inHand + 1) * paceMs() <= share * leftMs;
      if (leftMs <= 0 || !isInTime) return outside.turnedAway(paceMs(), inHand, nowMs);
      begin(nowMs);
      return undefined;
    },
    ended(ending, nowMs) {
      const tookMs = nowMs - endedAtMs;
      const isOfCrowd = crowd > 0;
      endedAtMs = nowMs;
      inHand -= 1;
      crowd = Math.max(0, crowd - 1);
      if (!isOfCrowd || ending === "elsewhere") return;
      const fading = Math.exp(-tookMs / memoryMs);
      passedMs = passedMs * fading + tookMs;
      done = done * fading + (ending === "done" ? 1 : 0);
      learnedAtMs = nowMs;
    },
  };
}

export interface AdmissionOptions {
  /** Of the caller's view: what is named when it is refused. */
  readonly service: string;
  /** What is taken; label of the metric. */
  readonly work: string;
  readonly random: () => number;
  readonly metrics: Pick<Metrics, "admissionRefused">;
}

export interface Admission {
  /** Runs the work, or throws Unavailable without a wait. `leftMs` is what its caller still waits. */
  run<T>(leftMs: number, work: () => Promise<T>): Promise<T>;
}

/** One for each kind of work of a process that waits for the same things. */
export function admission({ service, work: label, random, metrics }: AdmissionOptions): Admission {
  const decisions = admissionDecisions(random);
  metrics.admissionRefused.inc({ work: label }, 0);

  const endingOf = (error: unknown): Ending => {
    if (!(error instanceof Unavailable)) return "done";
    return error.data.dependency === service ? "late" : "elsewhere";
  };

  return {
    async run(leftMs, work) {
      const retryAfterMs = decisions.refusedForMs(leftMs, performance.now());
      if (retryAfterMs !== undefined) {
        metrics.admissionRefused.inc({ work: label });
        throw new Unavailable(service, "More is asked for than can be done in time", {
          retryAfterMs,
          isOverload: true,
        });
      }
      let ending: Ending = "done";
      try {
        return await work();
      } catch (error) {
        ending = endingOf(error);
        throw error;
      } finally {
        decisions.ended(ending, performance.now());
      }
    },
  };
}
