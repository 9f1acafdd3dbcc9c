/**
 * What a page shows of the gateway: read, read again, and watched.
 *
 * Promise: what is shown stays until something newer is there, with its age; a hidden tab asks nothing, and what it would
 * have asked it asks once it is seen; the next look begins only after the answer to the last one; after a failure the looks
 * come ever further apart, 30 s at most, but for a device that is online again.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Answer, ask, asProblem, type ProblemAnswer } from "./api.ts";
import { endSession, hasEnded } from "./session.ts";
import { useStore } from "./store.ts";

export interface Resource<T> {
  readonly data: T | undefined;
  readonly etag: string | null;
  readonly problem: ProblemAnswer | undefined;
  readonly isLoading: boolean;
  /** When the data was last known to be so, by this device's clock. */
  readonly asOfMs: number | undefined;
  /** Looks in a row without an answer. */
  readonly misses: number;
  /** When it is tried again by itself; undefined: it is not. */
  readonly retryAtMs: number | undefined;
  refresh(): void;
}

type Seen<T> = Omit<Resource<T>, "refresh">;

const unseen = {
  data: undefined,
  etag: null,
  problem: undefined,
  isLoading: true,
  asOfMs: undefined,
  misses: 0,
  retryAtMs: undefined,
};
const backoffMsMax = 30_000;

const backoffMs = (problem: ProblemAnswer, misses: number): number =>
  Math.min(backoffMsMax, Math.max((problem.retryAfterS ?? 1) * 1_000, 1_000 * 2 ** Math.min(misses, 5)));

/** In how many ms to look again; undefined: not by itself. */
export type Rhythm<T> = (data: T | undefined) => number | undefined;
const once = (): undefined => undefined;

function afterAnswer<T>(seen: Seen<T>, answer: Answer<T>): Seen<T> {
  const isSame = answer.status === 304;
  return {
    ...unseen,
    data: isSame ? seen.data : answer.data,
    etag: isSame ? seen.etag : answer.etag,
    isLoading: false,
    asOfMs: Date.now(),
  };
}

function afterFault<T>(seen: Seen<T>, problem: ProblemAnswer, isWatched: boolean): Seen<T> {
  const misses = seen.misses + 1;
  const retries = problem.mayPass || (isWatched && problem.status >= 500);
  const retryAtMs = retries ? Date.now() + backoffMs(problem, misses) : undefined;
  return { ...seen, isLoading: false, problem, misses, retryAtMs };
}

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
      const { data, retryAtMs, problem } = latest.current;
      const wait = retryAtMs === undefined ? lastRhythm.current(data) : retryAtMs - Date.now();
      if (wait === undefined || (problem !== undefined && retryAtMs === undefined)) return;
      timer = setTimeout(() => void look(true), Math.max(0, wait));
    };
    const look = async (isPoll = false): Promise<void> => {
      if (isLooking) return;
      clearTimeout(timer);
      isDue = document.hidden;
      if (isDue) return;
      isLooking = true;
      try {
        const answer = await ask<T>(path, { signal: abort.signal, ifNoneMatch: latest.current.etag, isPoll });
        keep(afterAnswer(latest.current, answer));
      } catch (error) {
        if (abort.signal.aborted) return;
        const problem = asProblem(error);
        if (problem.status === 401) endSession();
        keep(afterFault(latest.current, problem, lastRhythm.current(latest.current.data) !== undefined));
      }
      isLooking = false;
      plan();
    };
    const woken = (): void => {
      if (!document.hidden && (isDue || lastRhythm.current(latest.current.data) !== undefined)) void look();
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
