/** What a scenario came to, out of the journal: pure. */
import type { Operation } from "../chaos/journal.ts";
import { type Attempt, isDone } from "./journal.ts";

/** Something that was done to the system, which explains what comes after it until the next one. */
export interface Mark {
  readonly what: string;
  readonly atMs: number;
}

/** From the begin of the load until it begins nothing more; repeats may go on for longer. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** In milliseconds since the run began where they are times. */
export interface Evidence {
  readonly window: Window;
  readonly marks: readonly Mark[];
  readonly operations: readonly Operation[];
  readonly writes: readonly Attempt[];
  readonly reads: readonly Attempt[];
  readonly defects: number;
}

export interface Figures {
  readonly operations: number;
  readonly acknowledged: number;
  /** Operations that had no definite answer before their clients lost patience. */
  readonly givenUp: number;
  readonly attempts: number;
  /** Attempts that were answered otherwise than by 2xx, or not at all. */
  readonly failed: number;
  /** Of all attempts, in percent. */
  readonly failedShare: number;
  readonly failedByStatus: Readonly<Record<string, number>>;
  /** The longest time without any 2xx. */
  readonly silentMs: number;
  /** From a mark to the last attempt that failed before the next one; the worst of all marks. */
  readonly failingMs: number;
  /** Seconds after a mark with an attempt that failed; the worst of all marks. */
  readonly failingSeconds: number;
  /** Of the attempts within 10 s from a mark, the share that failed, in percent; the worst of all marks. */
  readonly failedPercent: number;
  readonly reads: number;
  readonly readsFailed: number;
  /** 500, which is never right. */
  readonly defects: number;
}

const shareSpanMs = 10_000;

/** The longest time between two of these, the edges of the window among them. */
export function longestGap(times: readonly number[], { fromMs, toMs }: Window): number {
  const inside = times.filter((at) => at >= fromMs && at <= toMs).sort((a, b) => a - b);
  const edges = [fromMs, ...inside, toMs];
  return edges.reduce((gap, at, index) => Math.max(gap, at - (edges[index - 1] ?? at)), 0);
}

interface Aftermath {
  readonly failingMs: number;
  readonly failingSeconds: number;
  readonly failedPercent: number;
}

function aftermathOf(atMs: number, untilMs: number, writes: readonly Attempt[]): Aftermath {
  const failed = writes.filter((each) => !isDone(each) && each.atMs >= atMs && each.atMs < untilMs);
  const early = writes.filter((each) => each.atMs >= atMs && each.atMs < atMs + shareSpanMs);
  const earlyFailed = early.filter((each) => !isDone(each)).length;
  return {
    failingMs: failed.reduce((last, each) => Math.max(last, each.atMs - atMs), 0),
    failingSeconds: new Set(failed.map((each) => Math.floor((each.atMs - atMs) / 1_000))).size,
    failedPercent: early.length === 0 ? 0 : (100 * earlyFailed) / early.length,
  };
}

export function figuresOf(evidence: Evidence): Figures {
  const { window, marks, operations, writes, reads } = evidence;
  const times = marks.map(({ atMs }) => atMs);
  const aftermaths = times.map((atMs, index) =>
    aftermathOf(atMs, times[index + 1] ?? Number.POSITIVE_INFINITY, writes),
  );
  const worst = (of: (each: Aftermath) => number) => Math.max(0, ...aftermaths.map(of));
  const failed = writes.filter((each) => !isDone(each));
  const byStatus = Object.groupBy(failed, ({ status }) => (status === 0 ? "no answer" : String(status)));
  return {
    operations: operations.length,
    acknowledged: operations.filter(({ outcome }) => outcome === "acknowledged").length,
    givenUp: operations.filter(({ outcome }) => outcome === "open").length,
    attempts: writes.length,
    failed: failed.length,
    failedShare: writes.length === 0 ? 0 : (100 * failed.length) / writes.length,
    failedByStatus: Object.fromEntries(
      Object.entries(byStatus).map(([status, these]) => [status, these?.length ?? 0]),
    ),
    silentMs: longestGap(
      writes.filter(isDone).map(({ atMs }) => atMs),
      window,
    ),
    failingMs: worst((each) => each.failingMs),
    failingSeconds: worst((each) => each.failingSeconds),
    failedPercent: worst((each) => each.failedPercent),
    reads: reads.length,
    readsFailed: reads.filter((each) => !isDone(each)).length,
    defects: evidence.defects,
  };
}
