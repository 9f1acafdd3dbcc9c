/** A file of users: looked through once before anything is done, so that a fault in its last line stops nothing halfway. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { FormatName } from "../../../mixins/import/formats.ts";
import { BadFile, type ReaderOptions, type Source } from "../../../mixins/import/row.ts";
import { countSource, sourceOf } from "../../../mixins/import/source.ts";
import { DataError } from "../../contracts/exits.ts";
import { decoderOf } from "./text.ts";

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

function openFile({ path, ...options }: FileOptions, onPiece: (piece: Buffer) => void = () => {}) {
  const pieces = async function* (): AsyncIterable<Buffer> {
    for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
      onPiece(piece as Buffer);
      yield piece as Buffer;
    }
  };
  return sourceOf(pieces(), { ...options, decoderOf });
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
    const { format, source } = await openFile(options, (piece) => void hash.update(piece));
    const rows = await countSource(source);
    return { format, rows, digest: hash.digest("hex") };
  } catch (error) {
    throw named(options.path, error);
  }
}

/** Its rows, piece by piece; they end with a DataError where it has changed since it was looked through. */
export async function openRows(options: FileOptions): Promise<Source> {
  try {
    const { source } = await openFile(options);
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
