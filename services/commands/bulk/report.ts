/** What is told of a run: each row, where nobody watches a bar; what was refused; and the figures at its end. */
import { counted } from "../../../mixins/basics/plural.ts";
import type { Outcome } from "./change.ts";

export interface Figures {
  readonly rows: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly refused: number;
  readonly seconds: number;
  readonly correlationId: string;
}

export interface Report {
  /** `name` is what the row says of whom, `line` where it stands, of a file. */
  add(outcome: Outcome, name: string, line?: number): void;
  figures(): Figures;
}

interface ReportOptions {
  readonly correlationId: string;
  /** What was done to whom is changed: `deleted`. */
  readonly done: string;
  /** Rows that are not refused are told, too. */
  readonly isWhole: boolean;
  readonly print: (line: string) => void;
}

export function reportOf({ correlationId, done, isWhole, print }: ReportOptions): Report {
  const counts = { changed: 0, unchanged: 0, refused: 0 };
  const startMs = performance.now();
  const textOf = (outcome: Outcome): string => {
    if (outcome.kind === "changed") return done;
    return outcome.kind === "unchanged" ? `nothing to do: ${outcome.why}` : `refused: ${outcome.reason}`;
  };
  return {
    add(outcome, name, line) {
      counts[outcome.kind] += 1;
      if (!isWhole && outcome.kind !== "refused") return;
      const place = line === undefined ? "" : `line ${line}: `;
      print(`${place}${name}: ${textOf(outcome)}`);
    },
    figures: () => ({
      rows: counts.changed + counts.unchanged + counts.refused,
      ...counts,
      seconds: Math.round((performance.now() - startMs) / 100) / 10,
      correlationId,
    }),
  };
}

/** One line; `doing` is what was asked for. */
export const figuresText = (doing: string, figures: Figures, isDryRun: boolean): string => {
  const { rows, changed, unchanged, refused, seconds, correlationId } = figures;
  const would = isDryRun ? "would be " : "";
  const found = isDryRun ? "" : `; npm run trace -- ${correlationId}`;
  return `${doing}: ${counted(rows, "row")}, ${changed} ${would}changed, ${unchanged} with nothing to do, ${refused} ${would}refused, in ${seconds} s${found}`;
};
