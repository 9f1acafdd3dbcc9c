/**
 * Several small things beside what a page is about: the people of an address, their entries in the audit log.
 *
 * Promise: each is asked once while the page is open, a few at a time, and one that fails takes nothing from the others.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import { ask, asProblem, isAbort, type ProblemAnswer } from "./api.ts";

const atOnceMax = 4;
const pathsMax = 24;

export interface Part<T> {
  readonly data?: T;
  readonly problem?: ProblemAnswer;
}

/** By path; one that is not there yet is under way, or beyond the first 24. */
export function useEach<T>(paths: readonly string[]): ReadonlyMap<string, Part<T>> {
  const [parts, setParts] = useState<ReadonlyMap<string, Part<T>>>(new Map());
  const asked = useRef(new Set<string>());
  const list = [...new Set(paths)].slice(0, pathsMax).join("\n");
  useEffect(() => {
    const abort = new AbortController();
    const waiting = list.split("\n").filter((path) => path !== "" && !asked.current.has(path));
    for (const path of waiting) asked.current.add(path);
    const next = async (): Promise<void> => {
      for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
        const key = path;
        try {
          const { data } = await ask<T>(key, { signal: abort.signal });
          setParts((before) => new Map(before).set(key, { data }));
        } catch (error) {
          if (isAbort(error)) {
            asked.current.delete(key);
            return;
          }
          setParts((before) => new Map(before).set(key, { problem: asProblem(error) }));
        }
      }
    };
    for (let runner = 0; runner < atOnceMax; runner += 1) void next();
    return () => {
      for (const path of waiting) asked.current.delete(path);
      abort.abort();
    };
  }, [list]);
  return parts;
}
