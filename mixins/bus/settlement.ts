/**
 * What follows from a handler's verdict on one delivery. Written once, here; both buses do what it says:
 *
 * | verdict | failures before | settlement | RabbitMQ | in-process |
 * |---|---|---|---|---|
 * | done | any | acknowledge | ack | settled for this queue |
 * | retry | less than the ladder has steps | wait | publish to the wait queue, confirm, then ack | refused with `retryAfterMs` |
 * | retry | the ladder is used up | dead-letter | publish to `<queue>.dlq`, confirm, then ack | stored durably, then settled |
 * | dead | any | dead-letter | as above | as above |
 * | requeue, or the handler threw | any | requeue | nack with requeue | refused |
 *
 * Nothing is acknowledged before what replaces it is confirmed: a crash in between repeats a message, never loses it.
 */
import type { Verdict } from "./port.ts";

export type Settlement =
  | { readonly action: "acknowledge" }
  | {
      readonly action: "wait";
      /** The step of the ladder, from 0. */
      readonly index: number;
      readonly delayMs: number;
      readonly error: string;
      readonly attempts: number;
    }
  | {
      readonly action: "dead-letter";
      readonly reason: string;
      readonly error: string;
      readonly attempts: number;
    }
  | { readonly action: "requeue" };

/** The reason of a dead letter whose handler failed once more than the ladder has steps. */
export const retriesExhausted = "retries-exhausted";

/** `attempts` in: failures before this one; `attempts` out: failures with this one. */
export function settlementOf(
  verdict: Verdict,
  attempts: number,
  retryDelaysMs: readonly number[],
): Settlement {
  switch (verdict.kind) {
    case "done":
      return { action: "acknowledge" };
    case "requeue":
      return { action: "requeue" };
    case "dead": {
      const { reason, error } = verdict;
      return { action: "dead-letter", reason, error, attempts: attempts + 1 };
    }
    case "retry": {
      const { error } = verdict;
      const delayMs = retryDelaysMs[attempts];
      return delayMs === undefined
        ? { action: "dead-letter", reason: retriesExhausted, error, attempts: attempts + 1 }
        : { action: "wait", index: attempts, delayMs, error, attempts: attempts + 1 };
    }
  }
}

/** So much of a delay is left to chance, so that what failed together does not come back together. */
const jitterShare = 0.2;

/** Never more than `delayMs`: on RabbitMQ the wait queue's own TTL is the upper bound. */
export const withJitter = (delayMs: number, random: () => number = Math.random): number =>
  Math.max(1, Math.round(delayMs * (1 - jitterShare * random())));
