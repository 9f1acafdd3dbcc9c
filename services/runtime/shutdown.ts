/**
 * Promise: a process ends in order (the last thing started is the first to stop), within a deadline, and with an
 * exit code that tells why: 0 after a signal, 1 after a fault, 130 when it was forced.
 */
import { pause } from "../../mixins/basics/pause.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { exitCodes } from "../contracts/exits.ts";

/**
 * Longer than Moleculer waits for running requests; with the pause before it (DRAIN_MS) shorter than the 25 s that our
 * containers are given.
 */
const stopDeadlineMs = 18_000;
/** npm hands a terminal's Ctrl-C on to a child that has it already: that one is not a second Ctrl-C. */
const sameSignalMs = 500;

interface Step {
  readonly name: string;
  readonly stop: () => Promise<unknown> | unknown;
  /** What must be done, without waiting, when there is no time to stop in order. */
  readonly abandon: (() => void) | undefined;
}

export interface Lifecycle {
  /** Aborted as soon as the process is to stop: a start that is still under way gives up. */
  readonly signal: AbortSignal;
  /** The start itself: stopping waits for its end, so that nothing is started behind its back. */
  starting(start: Promise<unknown>): void;
  /** What was started and has to be stopped. */
  started(name: string, stop: Step["stop"], abandon?: () => void): void;
  /** Stops everything and exits; the first caller decides the exit code. */
  stop(reason: string, exitCode: number): Promise<void>;
}

export interface LifecycleOptions {
  /** Never returns. */
  readonly exit?: (code: number) => void;
  /** A process that runs goes on serving for this long after a signal, not ready any more (DRAIN_MS). */
  readonly drainMs?: number;
}

/** Installs the signal handlers. */
export function lifecycle(
  log: Logger,
  { exit = process.exit, drainMs = 0 }: LifecycleOptions = {},
): Lifecycle {
  const steps: Step[] = [];
  const aborter = new AbortController();
  let stopping: Promise<void> | undefined;
  let firstSignalAt = 0;
  let start: Promise<unknown> = Promise.resolve();
  let isRunning = false;
  const never = new AbortController().signal;

  const unwind = async (exitCode: number): Promise<void> => {
    const deadline = setTimeout(() => {
      log.fatal(`Stopping took longer than ${(drainMs + stopDeadlineMs) / 1000} s and is given up`);
      exit(exitCodes.failure);
    }, drainMs + stopDeadlineMs);
    // After a fault nobody knows what it would serve.
    if (isRunning && exitCode === exitCodes.ok) await pause(drainMs, never);
    await start.catch(() => {}); // told by whoever started it
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      const { name, stop } = step;
      try {
        await stop();
        log.debug(`Stopped ${name}`);
      } catch (error) {
        log.error({ err: error }, `Cannot stop ${name} in order`);
      }
    }
    clearTimeout(deadline);
    log.info("Stopped");
    exit(exitCode);
  };
  const stop = (reason: string, exitCode: number): Promise<void> => {
    if (stopping === undefined) {
      log.info(`Stopping: ${reason}`);
      aborter.abort(new Error(reason));
      stopping = unwind(exitCode);
    }
    return stopping;
  };

  const onSignal = (name: NodeJS.Signals) => {
    if (stopping === undefined || firstSignalAt === 0) {
      firstSignalAt = Date.now();
      void stop(name, exitCodes.ok);
    } else if (Date.now() - firstSignalAt > sameSignalMs) {
      log.warn(`Stopping at once: ${name} came again`);
      exit(exitCodes.interrupted);
    }
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => onSignal(name));
  const onFault = (kind: string) => (error: unknown) => {
    log.fatal({ err: error }, kind);
    void stop(kind, exitCodes.failure);
  };
  process.on("uncaughtException", onFault("An error that nothing handles"));
  process.on("unhandledRejection", onFault("A rejected promise that nothing handles"));

  // Whoever else exits (the REPL's `exit` does) must not leave a PostgreSQL behind either.
  process.once("exit", () => {
    for (const step of steps) step.abandon?.();
  });

  return {
    signal: aborter.signal,
    starting: (promise) => {
      start = promise.then(() => {
        isRunning = true;
      });
      start.catch(() => {}); // told by whoever started it
    },
    started: (name, run, abandon) => {
      steps.push({ name, stop: run, abandon });
    },
    stop,
  };
}
