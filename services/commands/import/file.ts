/** A file of users: looked through once before anything is done, so that a fault in its last line stops nothing halfway. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { DataError } from "../../contracts/exits.ts";
import { type FormatName, importFormats, recognised } from "./formats.ts";
import { BadFile, type ReaderOptions, type Source } from "./row.ts";
import { peek, textOf } from "./text.ts";

const recognitionCharsMin = 8_192;
const pieceBytes = 256 * 1024;

export interface FileOptions extends ReaderOptions {
  readonly path: string;
  /** Instead of the one that it looks like. */
  readonly format?: FormatName | undefined;
  readonly encoding?: string | undefined;
}

export interface Survey {
  readonly format: FormatName;
  readonly rows: number;
  /** Of its bytes. */
  readonly digest: string;
}

async function sourceOf(
  { path, format, encoding, columns }: FileOptions,
  onPiece: (piece: Buffer) => void,
): Promise<{ readonly format: FormatName; readonly source: Source }> {
  const pieces = async function* (): AsyncIterable<Buffer> {
    for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
      onPiece(piece as Buffer);
      yield piece as Buffer;
    }
  };
  const { begin, whole } = await peek(textOf(pieces(), encoding), recognitionCharsMin);
  const chosen = format ?? recognised(begin);
  return {
    format: chosen,
    source: importFormats[chosen].read(whole, columns === undefined ? {} : { columns }),
  };
}

/** What a fault is told as: with the file's name before its line. */
const named = (path: string, error: unknown): unknown => {
  if (error instanceof BadFile) return new DataError(`Cannot import ${path}: ${error.message}`);
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === undefined || syscall === undefined
    ? error
    : new DataError(`Cannot import ${path}: the file can't be read (${code})`, { cause: error });
};

/** Reads all of it. Throws DataError. */
export async function surveyOf(options: FileOptions): Promise<Survey> {
  const hash = createHash("sha256");
  try {
    const { format, source } = await sourceOf(options, (piece) => void hash.update(piece));
    let rows = 0;
    for await (const { passedOver } of source.rows) if (passedOver === undefined) rows += 1;
    return { format, rows, digest: hash.digest("hex") };
  } catch (error) {
    throw named(options.path, error);
  }
}

/** Its rows, piece by piece; they end with a DataError where it has changed since it was looked through. */
export async function openRows(options: FileOptions): Promise<Source> {
  try {
    const { source } = await sourceOf(options, () => {});
    const rows = async function* () {
      try {
        yield* source.rows;
      } catch (error) {
        throw named(options.path, error);
      }
    };
    return { columns: source.columns, rows: rows() };
  } catch (error) {
    throw named(options.path, error);
  }
}
