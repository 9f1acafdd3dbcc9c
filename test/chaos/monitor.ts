/** Looks at the run once a second: how far the consumers are behind. What it saw is the report's timeline. */
import { setTimeout as delay } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import { type Lag, measureLag } from "./facts.ts";

const intervalMs = 1_000;

export interface Sample {
  readonly atMs: number;
  /** undefined while PostgreSQL could not be asked. */
  readonly lag: Lag | undefined;
}

export interface Monitor {
  readonly samples: readonly Sample[];
  stop(): Promise<void>;
}

/** `onSample` may print a line of progress. */
export function monitor(
  cluster: Cluster,
  elapsedMs: () => number,
  onSample: (sample: Sample) => void,
): Monitor {
  const samples: Sample[] = [];
  const stopping = new AbortController();
  const watch = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const lag = await measureLag(cluster).catch(() => undefined);
      const sample = { atMs: elapsedMs(), lag };
      samples.push(sample);
      onSample(sample);
      await delay(intervalMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const watching = watch();
  return {
    samples,
    async stop() {
      stopping.abort();
      await watching;
    },
  };
}
