/** What a scenario has at hand. */
import { setTimeout as delay } from "node:timers/promises";
import type { Observer } from "../chaos/observer.ts";
import type { TimedJournal } from "./journal.ts";
import type { OpenLoad } from "./load.ts";
import type { HaSystem } from "./system.ts";

export interface Stage {
  readonly system: HaSystem;
  readonly journal: TimedJournal;
  readonly observer: Observer;
  readonly load: OpenLoad;
  /** Only what a short run has time for. */
  readonly isShort: boolean;
  readonly elapsedMs: () => number;
  readonly interrupted: AbortSignal;
  /** Does something to the system, and remembers when. */
  fault<T>(what: string, work: () => Promise<T> | T): Promise<T>;
  /** A figure of the scenario's own, for its bounds. */
  measure(figure: string, value: number): void;
  /** Lets time pass, which is what the scenario is about: an outage of so many seconds. Rejects when interrupted. */
  rest(ms: number): Promise<void>;
}

export const restUnless =
  (interrupted: AbortSignal) =>
  async (ms: number): Promise<void> => {
    await delay(ms, undefined, { signal: interrupted });
  };
