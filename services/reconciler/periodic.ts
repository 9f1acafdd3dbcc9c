/** Runs work now and then, never twice at a time; each wait is jittered, so that processes do not work together. */

const minuteMs = 60_000;
/** Soon after the start, so that a process that restarts often reconciles at all. */
const firstAfterMs = minuteMs;
const jitter = 0.2;

export interface Periodic {
  /** No run begins any more; resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/** `everyMinutes` 0 is never. `run` must not reject. The timer keeps no process alive. */
export function periodic(everyMinutes: number, run: () => Promise<void>): Periodic {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;
  const schedule = (ms: number): void => {
    timer = setTimeout(
      () => {
        running = run().then(() => {
          if (!stopped) schedule(everyMinutes * minuteMs);
        });
      },
      ms * (1 + jitter * Math.random()),
    );
    timer.unref();
  };
  if (everyMinutes > 0) schedule(Math.min(firstAfterMs, everyMinutes * minuteMs));
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
