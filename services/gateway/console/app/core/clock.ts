/** Promise: what shows an age is drawn anew as the age grows, while the tab is seen, and all of a page by the same clock. */
import { useEffect } from "preact/hooks";
import { type Store, storeOf, useStore } from "./store.ts";

const clocks = new Map<number, Store<number>>();

function clockOf(everyMs: number): Store<number> {
  const known = clocks.get(everyMs);
  if (known !== undefined) return known;
  const clock = storeOf(Date.now());
  clocks.set(everyMs, clock);
  setInterval(() => {
    if (!document.hidden) clock.set(Date.now());
  }, everyMs);
  return clock;
}

const staleMs = 1_000;

/** `of`: what is shown; another one is not told by a clock from before it. */
export function useClock(everyMs = 10_000, of?: unknown): number {
  const clock = clockOf(everyMs);
  useEffect(() => {
    if (Date.now() - clock.get() >= staleMs) clock.set(Date.now());
  }, [clock, of]);
  return useStore(clock);
}
