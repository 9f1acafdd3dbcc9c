/**
 * Promise: of what runs under one name one is in hand at a time. Who comes meanwhile is begun when that is over, however
 * it ended, or rejects with `tooLate` after `waitMs` without having been begun.
 */
import { PassingMap } from "./passing-map.ts";
import { within } from "./pause.ts";

export interface Patience {
  readonly waitMs: number;
  readonly tooLate: () => Error;
}

export type SingleRun = <T>(name: string, patience: Patience, work: () => Promise<T>) => Promise<T>;

export function singleRun(): SingleRun {
  const runs = new PassingMap<string, Promise<unknown>>();
  const overWithin = (ms: number, run: Promise<unknown>, tooLate: () => Error): Promise<unknown> =>
    within(ms, "still running", Promise.allSettled([run])).catch(() => {
      throw tooLate();
    });
  return async (name, { waitMs, tooLate }, work) => {
    const giveUpAtMs = performance.now() + waitMs;
    // No wait between the last look and `set`: of two who come back at once the second has to see the first.
    for (let first = runs.get(name); first !== undefined; first = runs.get(name))
      await overWithin(giveUpAtMs - performance.now(), first, tooLate);
    const mine = work();
    runs.set(name, mine);
    try {
      return await mine;
    } finally {
      runs.delete(name);
    }
  };
}
