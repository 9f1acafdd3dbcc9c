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

export interface Intent<T> {
  readonly state: "idle" | "sending" | "waiting" | "done" | "refused";
  readonly answer: Answer<T> | undefined;
  readonly problem: ProblemAnswer | undefined;
  /** Of a repeat that is to come. */
  readonly retryAtMs: number | undefined;
  /** Resolves with the answer, or with undefined once it is clear that none comes by itself. */
  send(path: string, request: Omit<Request, "key" | "signal">): Promise<Answer<T> | undefined>;
  /** Something else is wanted from here on. */
  reset(): void;
}

type Course<T> = Omit<Intent<T>, "send" | "reset">;
const idle = { state: "idle", answer: undefined, problem: undefined, retryAtMs: undefined } as const;

export function useIntent<T>(): Intent<T> {
  const [course, setCourse] = useState<Course<T>>(idle);
  const key = useRef<{ readonly of: string; readonly key: string } | undefined>(undefined);
  const isGone = useRef(false);
  const wake = useRef<(() => void) | undefined>(undefined);
  useEffect(
    () => () => {
      isGone.current = true;
      wake.current?.();
    },
    [],
  );

  const keyOf = (path: string, request: Omit<Request, "key" | "signal">): string => {
    const of = JSON.stringify([path, request]);
    if (key.current?.of !== of) key.current = { of, key: newIntent() };
    return key.current.key;
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake.current = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  return {
    ...course,
    async send(path, request) {
      const sentKey = keyOf(path, request);
      for (let repeat = 0; !isGone.current; repeat += 1) {
        setCourse({ ...idle, state: "sending" });
        try {
          const answer = await ask<T>(path, { ...request, key: sentKey });
          key.current = undefined;
          setCourse({ ...idle, state: "done", answer });
          return answer;
        } catch (error) {
          const problem = asProblem(error);
          if (problem.status === 401) endSession();
          if (!problem.mayPass || repeat >= repeatsMax) {
            setCourse({ ...idle, state: "refused", problem });
            return undefined;
          }
          const waitMs = (problem.retryAfterS ?? 2 ** repeat) * 1_000;
          setCourse({ ...idle, state: "waiting", problem, retryAtMs: Date.now() + waitMs });
          await pause(waitMs);
        }
      }
      return undefined;
    },
    reset() {
      key.current = undefined;
      setCourse(idle);
    },
  };
}
