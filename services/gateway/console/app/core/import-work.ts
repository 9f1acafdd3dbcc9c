/**
 * An import from this page: a file is looked through, and then its rows are asked about, or written.
 *
 * Promise: what is done is what `npm run import` does, by the same modules, with the rights of whoever is signed in; it ends when
 * it is stopped, and the same file goes on from there. Memory does not grow with the file but by its refused rows.
 */
import type { ImportOptions } from "../../../../../mixins/import/judge.ts";
import { BadFile } from "../../../../../mixins/import/row.ts";
import { importRows, type RowResult } from "../../../../../mixins/import/run.ts";
import { importTally } from "../../../../../mixins/import/tally.ts";
import { csvRecord } from "../../../../contracts/csv-cells.ts";
import { newIntent } from "./api.ts";
import { importClient } from "./import-client.ts";
import { type ChosenFile, type FileSurvey, openChosen, surveyChosen } from "./import-file.ts";
import { plainWishes } from "./import-wishes.ts";

export interface RefusedRow {
  readonly line: number;
  readonly primarySmtp: string;
  readonly reason: string;
}

export interface ImportCourse {
  readonly phase: "reading" | "checking" | "importing";
  readonly state: "running" | "done" | "stopped" | "failed";
  /** Done so far. */
  readonly rows: number;
  readonly survey: FileSurvey | undefined;
  readonly counts: ReturnType<typeof importTally>["counts"];
  readonly passedOver: number;
  /** The first of them. */
  readonly refused: readonly RefusedRow[];
  /** All that were refused, as a file of the command; at the end, and only if there are any. */
  readonly rejected: Blob | undefined;
  /** Requests that the gateway wanted later. */
  readonly delayed: number;
  readonly fault: string | undefined;
  /** Of all writes together. */
  readonly correlationId: string;
}

export interface ImportOrder {
  readonly chosen: ChosenFile;
  readonly options: ImportOptions;
  /** Of a file that was looked through already. */
  readonly survey: FileSurvey | undefined;
}

export interface ImportWork {
  readonly over: Promise<void>;
  stop(): void;
}

const refusedShownMax = 50;
const tellEveryMs = 200;
const linesInPiece = 1_000;
/** As the command's correlation ids have it. */
const runIdChars = 8;
/** The byte order mark tells spreadsheets that it is UTF-8. */
const byteOrderMark = "\ufeff";

/** The browser may put what is in a Blob on disk. */
function rejectedFile() {
  let lines: string[] = [];
  let pieces: Blob[] = [];
  return {
    add(cells: readonly string[], reason: string): void {
      lines.push(csvRecord([...cells, reason]));
      if (lines.length < linesInPiece) return;
      pieces = [...pieces, new Blob(lines)];
      lines = [];
    },
    end(columns: readonly string[]): Blob | undefined {
      if (pieces.length === 0 && lines.length === 0) return undefined;
      const head = byteOrderMark + csvRecord([...columns, "reason"]);
      return new Blob([head, ...pieces, ...lines], { type: "text/csv;charset=utf-8" });
    },
  };
}

function faultText(error: unknown): string {
  if (error instanceof BadFile) return `The file can't be imported: ${error.message.replaceAll("--", "")}`;
  if (error instanceof DOMException && error.name === "NotReadableError")
    return "The file has changed since it was chosen, or can't be read any more: choose it again";
  return error instanceof Error ? error.message : "The console failed";
}

/** `told` hears of it five times a second at most, and of its end. */
export function beginImport(
  { chosen, options, survey: known }: ImportOrder,
  told: (course: ImportCourse) => void,
): ImportWork {
  const client = importClient();
  const tally = importTally();
  const rejected = rejectedFile();
  const correlationId = `import-${newIntent().slice(0, runIdChars)}`;
  const refused: RefusedRow[] = [];
  let survey = known;
  let looked = 0;
  let isStopped = false;
  let toldAtMs = 0;

  const tell = (state: ImportCourse["state"], more: Partial<ImportCourse> = {}): void => {
    toldAtMs = performance.now();
    const phase = survey === undefined ? "reading" : options.dryRun ? "checking" : "importing";
    told({
      phase,
      state,
      rows: survey === undefined ? looked : tally.rows,
      survey,
      counts: { ...tally.counts },
      passedOver: tally.passedOver,
      refused: [...refused],
      rejected: undefined,
      delayed: client.delayed,
      fault: undefined,
      correlationId,
      ...more,
    });
  };
  const tellNow = (): void => {
    if (performance.now() - toldAtMs >= tellEveryMs) tell("running");
  };
  const requireGoingOn = (): void => {
    if (isStopped) throw new Error("Stopped");
  };
  const add = (result: RowResult): void => {
    tally.add(result);
    if (result.outcome !== "refused") return;
    const { source, reason = "" } = result;
    rejected.add(source.cells, reason);
    if (refused.length < refusedShownMax)
      refused.push({ line: source.line, primarySmtp: source.wanted.primarySmtp ?? "", reason });
  };

  const work = async (): Promise<void> => {
    let columns: readonly string[] = [];
    try {
      tell("running");
      survey ??= await surveyChosen(chosen, (count) => {
        looked = count;
        requireGoingOn();
        tellNow();
      });
      const { source } = await openChosen({ ...chosen, format: survey.format });
      const run = { client, wishes: plainWishes, options, keyPrefix: `import-${survey.mark}`, correlationId };
      for await (const result of importRows(run, source.rows)) {
        columns = source.columns();
        add(result);
        requireGoingOn();
        tellNow();
      }
      tell("done", { rejected: rejected.end(columns) });
    } catch (error) {
      const parts = { rejected: rejected.end(columns) };
      if (isStopped) tell("stopped", parts);
      else tell("failed", { ...parts, fault: faultText(error) });
    } finally {
      client.close();
    }
  };
  return {
    over: work(),
    stop() {
      isStopped = true;
      client.close();
    },
  };
}
