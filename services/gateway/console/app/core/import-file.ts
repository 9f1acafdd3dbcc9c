/** A file that somebody has chosen, read piece by piece in this browser; it is sent nowhere. */
import type { FormatName } from "../../../../../mixins/import/formats.ts";
import type { ReaderOptions } from "../../../../../mixins/import/row.ts";
import { countSource, type SourceOptions, sourceOf } from "../../../../../mixins/import/source.ts";
import { newIntent } from "./api.ts";

const pieceBytes = 256 * 1024;
const digestChars = 32;

export interface ChosenFile extends ReaderOptions {
  readonly file: File;
  /** Instead of the one that it looks like. */
  readonly format?: FormatName | undefined;
  /** Of a file without a byte order mark; UTF-8 unless it is said. */
  readonly encoding?: string | undefined;
}

export interface FileSurvey {
  readonly format: FormatName;
  readonly rows: number;
  /** Of its content; where browsers digest nothing (plain HTTP) of this choice alone. */
  readonly mark: string;
}

const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Each piece is digested with the digest of those before it: a browser's digest wants its text whole. */
function fileMark() {
  let digest = new Uint8Array();
  return {
    async add(piece: Uint8Array): Promise<void> {
      if (crypto.subtle === undefined) return;
      const both = new Uint8Array(digest.length + piece.length);
      both.set(digest);
      both.set(piece, digest.length);
      digest = new Uint8Array(await crypto.subtle.digest("SHA-256", both));
    },
    text: (): string => (digest.length === 0 ? newIntent() : hexOf(digest)).slice(0, digestChars),
  };
}

const decoderOf: SourceOptions["decoderOf"] = (encoding) => {
  const decoder = new TextDecoder(encoding, { ignoreBOM: true });
  return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() };
};

async function* piecesOf(
  file: File,
  onPiece: (piece: Uint8Array) => Promise<void>,
): AsyncIterable<Uint8Array> {
  for (let at = 0; at < file.size; at += pieceBytes) {
    const piece = new Uint8Array(await file.slice(at, at + pieceBytes).arrayBuffer());
    await onPiece(piece);
    yield piece;
  }
}

/** Rejects with a BadFile, or with the browser's NotReadableError once the file has changed. */
export const openChosen = (
  { file, ...options }: ChosenFile,
  onPiece = async (_: Uint8Array): Promise<void> => {},
) => sourceOf(piecesOf(file, onPiece), { ...options, decoderOf });

/** Reads all of it; rejects as `openChosen`. */
export async function surveyChosen(chosen: ChosenFile, onRow: (count: number) => void): Promise<FileSurvey> {
  const mark = fileMark();
  const { format, source } = await openChosen(chosen, mark.add);
  const rows = await countSource(source, onRow);
  return { format, rows, mark: mark.text() };
}
