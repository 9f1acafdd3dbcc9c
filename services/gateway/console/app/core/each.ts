/**
 * Several small things beside what a page is about: the people of an address, their entries in the audit log.
 *
 * Promise: each is answered once while the page is open, a few at a time; one that fails takes nothing from the others, and
 * where it may pass it is asked again every 5 s.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, asProblem, type ProblemAnswer } from "./api.ts";

const atOnceMax = 4;
const pathsMax = 24;
const againMs = 5_000;

export interface Part<T> {
  readonly data?: T;
  readonly problem?: ProblemAnswer;
}

/** By path; one that is not there yet is under way, or beyond the first 24. */
export function useEach<T>(paths: readonly string[]): ReadonlyMap<string, Part<T>> {
  const [parts, setParts] = useState<ReadonlyMap<string, Part<T>>>(new Map());
  const asked = useRef(new Set<string>());
  const [turn, setTurn] = useState(0);
  const list = [...new Set(paths)].slice(0, pathsMax).join("\n");
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = (key: string): void => {
      asked.current.delete(key);
      timer ??= setTimeout(() => setTurn((before) => before + 1), againMs);
    };
    const waiting = list.split("\n").filter((path) => path !== "" && !asked.current.has(path));
    for (const path of waiting) asked.current.add(path);
    const underWay = new Set<string>();
    const next = async (): Promise<void> => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
        const key = path;
        underWay.add(key);
        try {
          const { data } = await ask<T>(key, { signal: abort.signal, isPoll: turn > 0 });
          setParts((before) => new Map(before).set(key, { data }));
        } catch (error) {
          if (abort.signal.aborted) return;
          const problem = asProblem(error);
          setParts((before) => new Map(before).set(key, { problem }));
          if (problem.mayPass) again(key);
        }
        underWay.delete(key);
      }
    };
    for (let runner = 0; runner < atOnceMax; runner += 1) void next();
    return () => {
      // Before the next effect asks: what was not answered is asked again by it.
      for (const path of [...waiting, ...underWay]) asked.current.delete(path);
      abort.abort();
      clearTimeout(timer);
    };
  }, [list, turn]);
  return parts;
}
