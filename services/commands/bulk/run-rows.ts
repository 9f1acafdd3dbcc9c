/** A file of people from its first row to the figures. */
import { exitCodes } from "../../contracts/exits.ts";
import { progressBar } from "../progress.ts";
import { rejectedRows } from "../rejected-rows.ts";
import type { Api } from "./api.ts";
import { change, type Decision, type Outcome } from "./change.ts";
import { figuresText, reportOf } from "./report.ts";
import { countRows, type FileOptions, type NamedRow, rowsOf } from "./rows.ts";
import { decideRow, doneBy, type FileDeed } from "./rows-decision.ts";
import { atOnceMax, print, type RunOptions, tellRun } from "./run-options.ts";
import { sideBySide } from "./side-by-side.ts";

export { type FileDeed, fileDeeds } from "./rows-decision.ts";

export interface RowsWish {
  readonly deed: FileDeed;
  readonly file: FileOptions;
}

const doneWords: Readonly<Record<FileDeed, string>> = { delete: "deleted", restore: "restored" };

const withoutWriting = (decision: Decision): Outcome =>
  decision.kind === "write" ? { kind: "changed", id: decision.id } : decision;

/** Resolves with the exit code. Throws DataError for a file that can't be read to its end, before anything is done. */
export async function runRows(
  api: Api,
  { deed, file }: RowsWish,
  { run, isDryRun, isJson }: RunOptions,
): Promise<number> {
  const total = await countRows(file);
  const source = rowsOf(file);
  const rejected = rejectedRows(`${file.path}.rejected.csv`, source.columns);
  const isWatched = process.stdout.isTTY === true;
  const report = reportOf({
    correlationId: run,
    done: isDryRun ? `would be ${doneWords[deed]}` : doneWords[deed],
    isWhole: !isWatched,
    print: isJson ? () => {} : print,
  });
  const bar = progressBar("rows");
  const one = async (row: NamedRow): Promise<void> => {
    const decide = () => decideRow(api, deed, row);
    const outcome = isDryRun
      ? withoutWriting(await decide())
      : await change(api, `${run}.${row.line}`, decide, doneBy[deed]);
    report.add(outcome, row.value, row.line);
    if (outcome.kind === "refused" && !isDryRun) await rejected.add(row.cells, outcome.reason);
    const { rows } = report.figures();
    bar.update(rows, total, rows);
  };
  if (!isDryRun) tellRun(run);
  try {
    await sideBySide(source.rows, atOnceMax, one);
  } finally {
    bar.stop();
  }
  const refusedTo = isDryRun ? undefined : await rejected.end();
  const figures = report.figures();
  if (isJson) print(JSON.stringify(figures));
  else {
    if (refusedTo !== undefined) print(`What was refused stands in ${refusedTo}`);
    print(figuresText(`${deed} ${file.path}`, figures, isDryRun));
  }
  return figures.refused === 0 ? exitCodes.ok : exitCodes.failure;
}
