/**
 * A file of people: an id of ours, an address or an external id a line, or CSV with a column of that name. A header is
 * known by its names; without one the first cell counts. What the file can't be is thrown as a DataError.
 */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { type CsvError, type Info, parse } from "csv-parse";
import * as z from "zod";
import { BadFile } from "../../../mixins/import/row.ts";
import { fromFormulaSafe } from "../../contracts/csv-cells.ts";
import { DataError } from "../../contracts/exits.ts";
import { textOf } from "../import/text.ts";

export const kinds = ["id", "address", "externalId"] as const;
/** By what somebody is named. */
export type Kind = (typeof kinds)[number];

export interface NamedRow {
  /** Where it begins; the first line is 1. */
  readonly line: number;
  readonly value: string;
  readonly kind: Kind;
  readonly cells: readonly string[];
}

export interface FileOptions {
  readonly path: string;
  /** Of one without a byte order mark, instead of UTF-8. */
  readonly encoding?: string | undefined;
  /** What every row is, whatever it looks like. */
  readonly by?: Kind | undefined;
}

export interface RowsFile {
  /** Of the file, or what stands for them; known once the first row is there. */
  readonly columns: () => readonly string[];
  readonly rows: AsyncIterable<NamedRow>;
}

/** What a column may be called, without case and what is neither letter nor digit; the first kind that a row has counts. */
const names: Readonly<Record<Kind, readonly string[]>> = {
  id: ["id", "userid", "mailrosterid"],
  externalId: ["externalid", "externaldirectoryobjectid", "employeeid", "employeenumber"],
  address: [
    "address",
    "primarysmtp",
    "primarysmtpaddress",
    "smtp",
    "mail",
    "email",
    "emailaddress",
    "userprincipalname",
  ],
};
const order = Object.keys(names) as Kind[];
const recordCharsMax = 100_000;

const folded = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
const isUuid = (text: string): boolean => z.uuid().safeParse(text).success;

/** Of a value that stands for itself. */
const kindOf = (value: string): Kind => {
  if (value.includes("@")) return "address";
  return isUuid(value) ? "id" : "externalId";
};

const placesOf = (cells: readonly string[]): Partial<Record<Kind, number>> => {
  const header = cells.map(folded);
  return Object.fromEntries(
    order.flatMap((kind) => {
      const at = header.findIndex((name) => names[kind].includes(name));
      return at < 0 ? [] : [[kind, at]];
    }),
  );
};

const cannotRead = (file: string, error: unknown): DataError => {
  const { code, lines } = error as NodeJS.ErrnoException & { lines?: number };
  if (error instanceof BadFile)
    return new DataError(`Cannot read ${file}: ${error.message}`, { cause: error });
  if (code?.startsWith("CSV_") || code === "INVALID_OPENING_QUOTE")
    return new DataError(`Cannot read ${file}: line ${lines ?? "?"}: ${(error as CsvError).message}`, {
      cause: error,
    });
  return new DataError(`Cannot read ${file}: ${code ?? (error as Error).message}`, { cause: error });
};

/** Reads all of it, so that nothing is done for a file that can't be read to its end. */
export async function countRows(file: FileOptions): Promise<number> {
  let count = 0;
  for await (const _ of rowsOf(file).rows) count += 1;
  return count;
}

export function rowsOf({ path, encoding, by }: FileOptions): RowsFile {
  let header: readonly string[] | undefined;
  const parser = () =>
    Readable.from(textOf(createReadStream(path), encoding)).compose(
      parse({
        delimiter: [",", ";", "\t"],
        info: true,
        relax_column_count: true,
        skip_empty_lines: true,
        max_record_size: recordCharsMax,
      }),
    ) as AsyncIterable<{ readonly record: readonly string[]; readonly info: Info }>;

  const rows = async function* (): AsyncGenerator<NamedRow> {
    let places: Partial<Record<Kind, number>> = {};
    let isFirst = true;
    try {
      for await (const { record, info } of parser()) {
        const cells = record.map((cell) => fromFormulaSafe(cell.trim()));
        const found = isFirst ? placesOf(cells) : {};
        const isHeader = Object.keys(found).length > 0;
        if (isFirst && isHeader) [header, places] = [cells, found];
        isFirst = false;
        if (!isHeader) yield* namedRow(cells, info.lines, places, by);
      }
    } catch (error) {
      throw cannotRead(path, error);
    }
    if (isFirst) throw new DataError(`Cannot read ${path}: it has no rows`);
  };
  return { columns: () => header ?? ["value"], rows: rows() };
}

function* namedRow(
  cells: readonly string[],
  line: number,
  places: Partial<Record<Kind, number>>,
  by: Kind | undefined,
): Generator<NamedRow> {
  const named = order.flatMap((kind) => {
    const at = places[kind];
    const value = at === undefined ? undefined : cells[at];
    return value === undefined || value === "" || (by !== undefined && kind !== by) ? [] : [{ kind, value }];
  })[0];
  const isBare = Object.keys(places).length === 0;
  const [first = ""] = cells;
  if (named !== undefined) yield { line, cells, ...named };
  else if (isBare && first !== "") yield { line, cells, value: first, kind: by ?? kindOf(first) };
  else if (!isBare) yield { line, cells, value: "", kind: by ?? "id" };
}
