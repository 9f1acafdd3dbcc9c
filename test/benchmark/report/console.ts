/** What the person at the terminal sees: what is being done and what is left, then the rows of each part. */
import type { MachineNoise } from "../harness/noise.ts";
import type { JudgedRow, PartResult } from "./results.ts";
import { aligned, cellsOf, duration } from "./text.ts";

const barChars = 20;
/** Without a terminal a line stays: a few are enough. */
const lineEveryMs = 10_000;
const clearLine = "\r\u001b[K";

interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Console {
  readonly #screen: Screen;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #stepsFromMs = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  line(text: string): void {
    this.#screen.write(`${this.#screen.isTTY === true ? clearLine : ""}${text}\n`);
  }

  /** A part begins. */
  begin(): void {
    this.#stepsFromMs = performance.now();
  }

  progress(text: string, done?: number, total?: number): void {
    const now = performance.now();
    const isTerminal = this.#screen.isTTY === true;
    if (!isTerminal && now - this.#toldAtMs < lineEveryMs) return;
    this.#toldAtMs = now;
    const line = `  ${progressText(text, now - this.#stepsFromMs, done, total)}`;
    this.#screen.write(isTerminal ? `${clearLine}${line}` : `${line}\n`);
  }

  part({ rows, noise, failure, seconds }: PartResult): void {
    if (failure !== undefined) this.line(`  It could not be measured: ${failure}`);
    for (const line of tableLines(rows)) this.line(`  ${line}`);
    for (const line of noiseLines("The machine", noise)) this.line(`  ${line}`);
    this.line(`  took ${duration(seconds)}`);
  }
}

/** `[####……] 3 of 18, round 1 of 5: embedded, 2.1 min left`. Pure. */
export function progressText(text: string, elapsedMs: number, done?: number, total?: number): string {
  if (done === undefined || total === undefined || total === 0) return `… ${text}`;
  const filled = Math.min(barChars, Math.round((done / total) * barChars));
  const bar = `[${"#".repeat(filled)}${".".repeat(barChars - filled)}]`;
  const left = done === 0 ? "" : `, ${duration(((elapsedMs / done) * (total - done)) / 1_000)} left`;
  return `${bar} ${Math.floor(done)} of ${total}, ${text}${left}`;
}

/** Rows below each other, each with its note on a line of its own. */
export function tableLines(rows: readonly JudgedRow[]): string[] {
  const lines = aligned(rows.map(cellsOf));
  return rows.flatMap(({ note }, index) => [
    lines[index] ?? "",
    ...(note === undefined ? [] : [`    (${note})`]),
  ]);
}

export const noiseLines = (what: string, { doubts }: MachineNoise): string[] =>
  doubts.map((doubt) => `! ${what} was too noisy: ${doubt}`);
