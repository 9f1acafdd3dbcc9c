/**
 * How much JavaScript a function runs, as a number that is the same on every machine: V8 counts how often each block of
 * every script ran (its precise coverage, which keeps the compilers out), and a block weighs as much as it has tokens, so
 * that neither names nor comments nor formatting count. What Node does in C++ and in its own scripts is not in it.
 */
import { type Profiler, Session } from "node:inspector";
import { setFlagsFromString } from "node:v8";
import type typescript from "typescript";

type Compiler = typeof typescript;

/** Of a script: where each of its tokens begins, in order. */
function tokenStarts(ts: Compiler, source: string): number[] {
  const file = ts.createSourceFile("script.js", source, ts.ScriptTarget.Latest, false, ts.ScriptKind.JS);
  const starts: number[] = [];
  const visit = (node: typescript.Node): void => {
    const children = node.getChildren(file);
    if (children.length === 0 && node.end > node.getStart(file)) starts.push(node.getStart(file));
    else for (const child of children) visit(child);
  };
  visit(file);
  return starts;
}

type Range = Profiler.CoverageRange;

/** Tokens that ran: each as often as the innermost of the ranges around it. Pure. */
export function tokensRun(starts: readonly number[], ranges: readonly Range[]): number {
  // A range lies within another one or beside it, never across.
  const sorted = ranges.toSorted((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const open: Range[] = [];
  let next = 0;
  let sum = 0;
  for (const at of starts) {
    for (; next < sorted.length && (sorted[next] as Range).startOffset <= at; next += 1)
      open.push(sorted[next] as Range);
    while (open.length > 0 && (open.at(-1) as Range).endOffset <= at) open.pop();
    sum += open.at(-1)?.count ?? 0;
  }
  return sum;
}

const own = new Set([import.meta.url, new URL("measure.ts", import.meta.url).href]);
/** `""`: what a library has put together at run time. */
const isCounted = ({ url, functions }: Profiler.ScriptCoverage): boolean =>
  (url === "" || url.startsWith("file:")) &&
  !own.has(url) &&
  functions.some(({ ranges }) => ranges.some(({ count }) => count > 0));

export interface Counting {
  /** Runs each `times` after as many that fill caches, then ends the counting. */
  count(functions: Readonly<Record<string, () => unknown>>, times: number): Weighing;
}

export interface Weighing {
  /** Tokens of one call of each function. It lets V8 compile from then on, so that it takes less time. */
  tokens(): Promise<Record<string, number>>;
}

/** What has run since the last time. Within the turn, so that nothing else gets between (a session answers at once). */
function taken(session: Session): Profiler.ScriptCoverage[] {
  let result: Profiler.ScriptCoverage[] = [];
  session.post("Profiler.takePreciseCoverage", (error, answer) => {
    if (error !== null) throw error;
    result = answer.result;
  });
  return result;
}

/** Before what is counted is loaded: of what has been compiled by then V8 tells calls only, not blocks. */
export function beginCounting(): Counting {
  const session = new Session();
  session.connect();
  session.post("Debugger.enable");
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  const take = (): Profiler.ScriptCoverage[] => taken(session);
  return {
    count(functions, times) {
      const byName = new Map<string, Profiler.ScriptCoverage[]>();
      for (const [name, run] of Object.entries(functions)) {
        for (let n = 0; n < times; n += 1) run();
        take(); // counts begin again
        for (let n = 0; n < times; n += 1) run();
        byName.set(name, take().filter(isCounted));
      }
      session.post("Profiler.stopPreciseCoverage");
      return { tokens: () => weigh(session, byName, times) };
    },
  };
}

async function weigh(
  session: Session,
  byName: ReadonlyMap<string, readonly Profiler.ScriptCoverage[]>,
  times: number,
): Promise<Record<string, number>> {
  for (const flag of ["--opt", "--maglev", "--sparkplug"]) setFlagsFromString(flag);
  const { default: ts } = await import("typescript");
  const startsOf = new Map<string, readonly number[]>();
  for (const { scriptId } of [...byName.values()].flat()) {
    if (startsOf.has(scriptId)) continue;
    session.post("Debugger.getScriptSource", { scriptId }, (error, { scriptSource }) => {
      if (error !== null) throw error;
      startsOf.set(scriptId, tokenStarts(ts, scriptSource));
    });
  }
  session.disconnect();
  const sumOf = (scripts: readonly Profiler.ScriptCoverage[]): number =>
    scripts.reduce((sum, { scriptId, functions }) => {
      const ranges = functions.flatMap((each) => each.ranges);
      return sum + tokensRun(startsOf.get(scriptId) ?? [], ranges);
    }, 0);
  return Object.fromEntries([...byName].map(([name, scripts]) => [name, Math.round(sumOf(scripts) / times)]));
}
