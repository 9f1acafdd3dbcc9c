/**
 * A write that somebody wants.
 *
 * Promise: it is done once. Its key stays the same through every repeat, also the one by hand after an answer that never
 * came; only something else that is wanted gets a new one.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Answer, ask, asProblem, newIntent, type ProblemAnswer, type Request } from "./api.ts";
import { endSession } from "./session.ts";

const repeatsMax = 5;

type Wish = Omit<Request, "key" | "signal">;

export interface Intent<T> {
  readonly state: "idle" | "sending" | "waiting" | "done" | "refused";
  readonly answer: Answer<T> | undefined;
  readonly problem: ProblemAnswer | undefined;
  /** Of a repeat that is to come. */
  readonly retryAtMs: number | undefined;
  /** Resolves with the answer, or with undefined once it is clear that none comes by itself. */
  send(path: string, request: Wish): Promise<Answer<T> | undefined>;
  /** Something else is wanted from here on. */
  reset(): void;
}

export type Course<T> = Omit<Intent<T>, "send" | "reset">;
const idle = { state: "idle", answer: undefined, problem: undefined, retryAtMs: undefined } as const;

export interface Sender<T> extends Pick<Intent<T>, "send" | "reset"> {
  /** Nobody looks any more: nothing is repeated. */
  leave(): void;
}

/** `told` hears of each step; `afterMs` waits before a repeat, and not any longer once its signal is aborted. */
export function sender<T>(
  told: (course: Course<T>) => void,
  afterMs: (ms: number, signal: AbortSignal) => Promise<void>,
): Sender<T> {
  const gone = new AbortController();
  let kept: { readonly of: string; readonly key: string } | undefined;
  const keyOf = (path: string, request: Wish): string => {
    const of = JSON.stringify([path, request]);
    if (kept?.of !== of) kept = { of, key: newIntent() };
    return kept.key;
  };
  return {
    async send(path, request) {
      const key = keyOf(path, request);
      for (let repeat = 0; !gone.signal.aborted; repeat += 1) {
        told({ ...idle, state: "sending" });
        try {
          const answer = await ask<T>(path, { ...request, key });
          kept = undefined;
          told({ ...idle, state: "done", answer });
          return answer;
        } catch (error) {
          const problem = asProblem(error);
          if (problem.status === 401) endSession();
          if (!problem.mayPass || repeat >= repeatsMax) {
            told({ ...idle, state: "refused", problem });
            return undefined;
          }
          const waitMs = (problem.retryAfterS ?? 2 ** repeat) * 1_000;
          told({ ...idle, state: "waiting", problem, retryAtMs: Date.now() + waitMs });
          await afterMs(waitMs, gone.signal);
        }
      }
      return undefined;
    },
    reset() {
      kept = undefined;
      told(idle);
    },
    leave: () => gone.abort(),
  };
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

export function useIntent<T>(): Intent<T> {
  const [course, setCourse] = useState<Course<T>>(idle);
  const own = useRef<Sender<T> | undefined>(undefined);
  own.current ??= sender(setCourse, pause);
  const { send, reset, leave } = own.current;
  useEffect(() => leave, []);
  return { ...course, send, reset };
}
