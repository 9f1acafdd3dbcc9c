/**
 * What a page shows of the gateway: read, read again, and watched.
 *
 * Promise: a hidden tab asks nothing, and what it would have asked it asks once it is seen, or its device is online again;
 * the next look begins only after the answer to the last one, and one that the page takes by itself says so (`poll`).
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, asProblem } from "./api.ts";
import { afterAnswer, afterFault, type Rhythm, type Seen, unseen, untilNextMs } from "./looks.ts";
import { endSession, hasEnded } from "./session.ts";
import { useStore } from "./store.ts";

export interface Resource<T> extends Seen<T> {
  refresh(): void;
}

const once = (): undefined => undefined;

/** Without a path nothing is asked. */
export function useResource<T>(
  path: string | undefined,
  rhythm: Rhythm<T> = once,
  /** Another one: look again, and keep what is shown meanwhile. */
  edition: unknown = undefined,
): Resource<T> {
  const [seen, setSeen] = useState<Seen<T> & { path?: string | undefined }>({ ...unseen });
  const [turn, setTurn] = useState(0);
  const latest = useRef(seen);
  const lastRhythm = useRef(rhythm);
  lastRhythm.current = rhythm;
  const isSignedOut = useStore(hasEnded);

  useEffect(() => {
    if (path === undefined) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const keep = (next: Seen<T>): void => {
      latest.current = { ...next, path };
      setSeen(latest.current);
    };
    if (latest.current.path !== path) keep({ ...unseen });

    let isDue = false;
    let isLooking = false;
    const plan = (): void => {
      clearTimeout(timer);
      const waitMs = untilNextMs(latest.current, lastRhythm.current, Date.now());
      if (waitMs !== undefined) timer = setTimeout(() => void look(true), waitMs);
    };
    const look = async (isPoll = false): Promise<void> => {
      if (isLooking) return;
      clearTimeout(timer);
      isDue = document.hidden;
      if (isDue) return;
      isLooking = true;
      try {
        const answer = await ask<T>(path, { signal: abort.signal, ifNoneMatch: latest.current.etag, isPoll });
        keep(afterAnswer(latest.current, answer, Date.now()));
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = asProblem(error);
        if (problem.status === 401) endSession();
        keep(afterFault(latest.current, problem, lastRhythm.current, Date.now()));
      } finally {
        isLooking = false;
      }
      plan();
    };
    const woken = (): void => {
      if (
        !document.hidden &&
        (isDue || lastRhythm.current(latest.current.data, latest.current.sames) !== undefined)
      )
        void look();
    };
    const online = (): void => {
      if (latest.current.problem?.status === 0) void look();
    };
    window.addEventListener("online", online);
    document.addEventListener("visibilitychange", woken);
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
      window.removeEventListener("online", online);
      document.removeEventListener("visibilitychange", woken);
    };
  }, [path, turn, isSignedOut, edition]);

  const isOther = path !== undefined && seen.path !== path;
  const shown: Seen<T> = isOther
    ? { ...unseen }
    : path === undefined
      ? { ...unseen, isLoading: false }
      : seen;
  return { ...shown, refresh: () => setTurn((before) => before + 1) };
}
