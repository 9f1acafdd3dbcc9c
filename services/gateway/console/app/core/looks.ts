/**
 * What is known of something that is looked at again and again, by each answer and each failure.
 *
 * Promise: what is shown stays until something newer is there; after a failure the looks come ever further apart, 30 s at
 * most, and after one that the same request can't mend there is none.
 */
import type { Answer, ProblemAnswer } from "./api.ts";

export interface Seen<T> {
  readonly data: T | undefined;
  readonly etag: string | null;
  readonly problem: ProblemAnswer | undefined;
  readonly isLoading: boolean;
  /** When the data was last known to be so, by this device's clock. */
  readonly asOfMs: number | undefined;
  /** Answers in a row that told nothing new. */
  readonly sames: number;
  /** Looks in a row without an answer. */
  readonly misses: number;
  /** When it is tried again by itself; undefined: it is not. */
  readonly retryAtMs: number | undefined;
}

export const unseen = {
  data: undefined,
  etag: null,
  problem: undefined,
  isLoading: true,
  asOfMs: undefined,
  sames: 0,
  misses: 0,
  retryAtMs: undefined,
} satisfies Seen<never>;

const backoffMsMax = 30_000;
const backoffMs = (problem: ProblemAnswer, misses: number): number =>
  Math.min(backoffMsMax, Math.max((problem.retryAfterS ?? 1) * 1_000, 1_000 * 2 ** Math.min(misses, 5)));

/** In how many ms to look again, by what is known and how many looks in a row it has stood; undefined: not by itself. */
export type Rhythm<T> = (data: T | undefined, sames: number) => number | undefined;

export function afterAnswer<T>(seen: Seen<T>, answer: Answer<T>, nowMs: number): Seen<T> {
  const isSame = answer.status === 304;
  return {
    ...unseen,
    data: isSame ? seen.data : answer.data,
    etag: isSame ? seen.etag : answer.etag,
    isLoading: false,
    asOfMs: nowMs,
    sames: isSame ? seen.sames + 1 : 0,
  };
}

export function afterFault<T>(
  seen: Seen<T>,
  problem: ProblemAnswer,
  rhythm: Rhythm<T>,
  nowMs: number,
): Seen<T> {
  const misses = seen.misses + 1;
  const isWatched = rhythm(seen.data, seen.sames) !== undefined;
  const retries = problem.mayPass || (isWatched && problem.status >= 500);
  const retryAtMs = retries ? nowMs + backoffMs(problem, misses) : undefined;
  return { ...seen, isLoading: false, problem, misses, retryAtMs };
}

/** For how long nobody looks; undefined: until somebody asks for it. */
export function untilNextMs<T>(
  { data, sames, problem, retryAtMs }: Seen<T>,
  rhythm: Rhythm<T>,
  nowMs: number,
): number | undefined {
  if (retryAtMs !== undefined) return Math.max(0, retryAtMs - nowMs);
  return problem === undefined ? rhythm(data, sames) : undefined;
}
