/**
 * Promise: while a dependency does not answer, calls to it are refused at once instead of each waiting for its timeout;
 * one call at a time finds out whether it is back, and the first answer lets all through again.
 *
 * Whatever the dependency says is an answer, a refusal too. It opens at `faultsMax` faults without an answer between,
 * the last answer being `quietMs` old: one slow call never does it, and neither does one frozen instance of several,
 * whose others answer all the time. A call that had less than `patienceMinMs` says nothing about the dependency.
 * Docs: docs/adr/0011-a-circuit-breaker-of-our-own.md.
 */
import { Unavailable } from "../services/contracts/errors.ts";
import type { Logger } from "./log/logging.ts";
import { type CircuitState, circuitStates, type Metrics } from "./metrics/metrics.ts";

export const circuitLimits = {
  faultsMax: 3,
  quietMs: 1_000,
  /** From a fault to the next try; short, because a client that repeats its write must find the registry back. */
  openMs: 1_000,
  patienceMinMs: 500,
} as const;

export type CircuitLimits = { readonly [K in keyof typeof circuitLimits]: number };

/** A call that was let through; of which period of the circuit, and whether it is the one that tries. */
export interface Pass {
  readonly period: number;
  readonly patienceMs: number;
}

type Admission = { readonly pass: Pass } | { readonly refusedForMs: number };

/** The decisions alone; every time comes in, from one monotonic clock. */
export function circuit(limits: CircuitLimits = circuitLimits) {
  let state: CircuitState = "closed";
  /** Grows with each change, so that a call of an earlier period is known when it ends. */
  let period = 0;
  let faults = 0;
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  /** Open: when the next call may try. Half-open: when the one that tries has ended at the latest. */
  let waitUntilMs = 0;

  const become = (next: CircuitState, untilMs: number): void => {
    state = next;
    period += 1;
    waitUntilMs = untilMs;
  };

  return {
    state: (): CircuitState => state,
    /** Whether a call would be let through now. */
    isOpenFor: (patienceMs: number, nowMs: number): boolean =>
      state === "closed" || (state === "open" && nowMs >= waitUntilMs && patienceMs >= limits.patienceMinMs),
    admit(patienceMs: number, nowMs: number): Admission {
      if (state === "closed") return { pass: { period, patienceMs } };
      const refused = { refusedForMs: Math.max(0, waitUntilMs - nowMs) };
      if (state === "half-open" || refused.refusedForMs > 0 || patienceMs < limits.patienceMinMs)
        return refused;
      become("half-open", nowMs + patienceMs);
      return { pass: { period, patienceMs } };
    },
    answered(pass: Pass, nowMs: number): void {
      faults = 0;
      answeredAtMs = nowMs;
      if (pass.period === period) {
        if (state === "half-open") become("closed", nowMs);
      } else if (state === "open") waitUntilMs = nowMs;
    },
    failed(pass: Pass, nowMs: number): void {
      if (pass.period !== period || pass.patienceMs < limits.patienceMinMs) return;
      faults += 1;
      const isQuiet = nowMs - answeredAtMs >= limits.quietMs;
      if (state === "half-open" || (faults >= limits.faultsMax && isQuiet))
        become("open", nowMs + limits.openMs);
    },
    /** Something speaks for it: the next call may try at once. */
    mayBeBack(nowMs: number): void {
      if (state === "open") waitUntilMs = nowMs;
    },
  };
}

/** Nothing was sent. `retryAfterMs` is when the next try is. */
export class CircuitOpen extends Unavailable {}

export interface CircuitBreakerOptions {
  /** Who is called; label of the metrics and `dependency` of the refusal. */
  readonly target: string;
  /** Whether a call that rejected with this had no answer. */
  readonly isFault: (error: unknown) => boolean;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "circuitState" | "circuitRefused">;
}

export interface CircuitBreaker {
  /** Runs the call, which must end by itself within `patienceMs`, or rejects with CircuitOpen. */
  run<T>(patienceMs: number, call: () => Promise<T>): Promise<T>;
  state(): CircuitState;
  /** The next call may try at once. */
  mayBeBack(): void;
}

/** One for each dependency of a process. */
export function circuitBreaker(options: CircuitBreakerOptions): CircuitBreaker {
  const { target, isFault, log, metrics } = options;
  const decisions = circuit();
  let shown: CircuitState = "closed";
  let openedAtMs = 0;
  let refused = 0;

  const show = (nowMs: number): void => {
    const state = decisions.state();
    if (state === shown) return;
    if (shown === "closed") {
      openedAtMs = nowMs;
      refused = 0;
      log.warn({ target }, "circuit opened: calls are refused until it answers");
    } else if (state === "closed")
      log.info({ target, ms: Math.round(nowMs - openedAtMs), refused }, "circuit closed: it answers again");
    else log.debug({ target, state }, "circuit tries");
    shown = state;
    for (const each of circuitStates)
      metrics.circuitState.set({ target, state: each }, each === state ? 1 : 0);
  };
  for (const each of circuitStates)
    metrics.circuitState.set({ target, state: each }, each === "closed" ? 1 : 0);
  metrics.circuitRefused.inc({ target }, 0);

  return {
    async run(patienceMs, call) {
      const admission = decisions.admit(patienceMs, performance.now());
      if ("refusedForMs" in admission) {
        refused += 1;
        metrics.circuitRefused.inc({ target });
        throw new CircuitOpen(target, `Cannot ask ${target}: it does not answer`, {
          retryAfterMs: Math.ceil(admission.refusedForMs),
        });
      }
      show(performance.now());
      try {
        const answer = await call();
        decisions.answered(admission.pass, performance.now());
        return answer;
      } catch (error) {
        decisions[isFault(error) ? "failed" : "answered"](admission.pass, performance.now());
        throw error;
      } finally {
        show(performance.now());
      }
    },
    state: decisions.state,
    mayBeBack: () => decisions.mayBeBack(performance.now()),
  };
}
