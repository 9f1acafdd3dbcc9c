/**
 * The rows that a command could not do, each with a reason for a person, in a CSV file that a spreadsheet opens and the
 * command takes again. It is written beside its final name and moved there at the end, so that a run that was killed
 * leaves the one of the last run; without a row there is no file.
 */

import { once } from "node:events";
import { createWriteStream, renameSync, rmSync, type WriteStream } from "node:fs";
import { csvRecord } from "../contracts/csv-cells.ts";

/** The byte order mark tells spreadsheets that it is UTF-8. */
const byteOrderMark = "\ufeff";

export interface RejectedRows {
  /** Cells in the order of the columns; resolves when there is room for more. */
  add(cells: readonly string[], reason: string): Promise<void>;
  /** Resolves with the name of the file; undefined: there is none. */
  end(): Promise<string | undefined>;
}

/** `columns` without `reason`, which comes last; asked for when the first row is there. */
export function rejectedRows(path: string, columns: () => readonly string[]): RejectedRows {
  const unfinished = `${path}.part`;
  let stream: WriteStream | undefined;
  let failure: Error | undefined;
  const opened = (): WriteStream => {
    const file = createWriteStream(unfinished, { mode: 0o600 });
    file.on("error", (error) => {
      failure = error;
    });
    file.write(byteOrderMark + csvRecord([...columns(), "reason"]));
    return file;
  };
  return {
    async add(cells, reason) {
      if (failure !== undefined) throw failure;
      stream ??= opened();
      if (!stream.write(csvRecord([...cells, reason]))) await once(stream, "drain");
    },
    async end() {
      rmSync(path, { force: true });
      if (stream === undefined) return undefined;
      stream.end();
      await once(stream, "finish");
      renameSync(unfinished, path);
      return path;
    },
  };
}
