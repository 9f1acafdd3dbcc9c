/**
 * A CSV file as a table: its header and its records with their lines, in bounded memory. A record with more or fewer
 * cells than the header, and a quote in the wrong place, are a BadFile: nobody can tell what was meant.
 */
import { CsvError, type InfoCallback, type Options, parse } from "csv-parse";
import { BadFile, type SourceRow, type WantedUser } from "./row.ts";
import { peek } from "./text.ts";

/** A quote that never closes must not take the memory of the whole rest. */
const recordCharsMax = 1_000_000;
const headerCharsMin = 8_192;
const delimiters = [",", ";", "\t", "|"] as const;

interface Placed {
  readonly line: number;
  readonly cells: readonly string[];
}

export interface Table {
  readonly header: readonly string[];
  readonly records: AsyncIterable<Placed>;
}

/** What stands between the cells of a header, whose names hold none of it. */
export function delimiterOf(header: string): string {
  const bare = header.replaceAll(/"[^"]*"/g, "");
  const count = (delimiter: string): number => bare.split(delimiter).length;
  return delimiters.reduce((best, each) => (count(each) > count(best) ? each : best));
}

/** `Export-Csv` of Windows PowerShell says in the first line what was exported. */
const typeLine = /^#TYPE [^\n]*\n/;

/** csv-parse counts a line end of two characters twice inside of quotes. */
const countedTwice = (cells: readonly string[]): number =>
  cells.reduce((sum, cell) => sum + (cell.includes("\r\n") ? cell.split("\r\n").length - 1 : 0), 0);

const newlines = (cells: readonly string[]): number =>
  cells.reduce((sum, cell) => sum + (cell.includes("\n") ? cell.split("\n").length - 1 : 0), 0);

interface Fault {
  readonly error: CsvError;
  readonly header: readonly string[];
  /** Where the record begins that could not be read. */
  readonly recordLine: number;
  /** Between the lines of the file and those that csv-parse has counted. */
  readonly offset: number;
}

interface Place {
  readonly line: number;
  /** Where the record begins that could not be read. */
  readonly recordLine: number;
  /** Of the cell, from 1. */
  readonly cell: number;
  /** In brackets, as far as the header knows. */
  readonly name: string;
}

const byCode: Readonly<Record<string, (place: Place) => BadFile>> = {
  CSV_QUOTE_NOT_CLOSED: ({ recordLine, cell, name }) =>
    new BadFile(recordLine, cell, `a quote opens${name} and is never closed`),
  CSV_MAX_RECORD_SIZE: ({ recordLine, cell, name }) =>
    new BadFile(
      recordLine,
      cell,
      `the row has more than ${recordCharsMax} characters; a quote${name} may be open`,
    ),
  CSV_INVALID_CLOSING_QUOTE: ({ line, cell, name }) =>
    new BadFile(line, cell, `a quote closes${name} and text follows; one inside of quotes is doubled`),
  INVALID_OPENING_QUOTE: ({ line, cell, name }) =>
    new BadFile(line, cell, `a quote stands inside of a cell${name} that does not begin with one`),
};

/** In our words; `column` counts cells. */
function badFileOf({ error, header, recordLine, offset }: Fault): BadFile {
  const { code, lines, column, record } = error as CsvError & {
    readonly lines?: number;
    readonly column?: number | string;
    readonly record?: readonly string[];
  };
  const cell = (typeof column === "number" ? column : 0) + 1;
  const line = lines === undefined ? recordLine : offset + lines;
  if (record !== undefined && code === "CSV_RECORD_INCONSISTENT_FIELDS_LENGTH") {
    const count = record.length;
    const first = Math.min(count, header.length) + 1;
    return new BadFile(
      line - countedTwice(record) - newlines(record),
      first,
      `the row has ${count} cells, the header has ${header.length}`,
    );
  }
  const name = header[cell - 1] === undefined ? "" : ` (${header[cell - 1]})`;
  const place = { line, recordLine, cell, name };
  return byCode[code]?.(place) ?? new BadFile(line, cell, "this is no CSV");
}

/**
 * Records as they are read, those of a piece of text before the next one is taken. The parser keeps none of them: what
 * it offers to browsers is a stream that nobody can iterate over.
 */
async function* recordsOf(
  text: AsyncIterable<string>,
  options: Options,
  placed: (record: string[], info: InfoCallback) => Placed,
): AsyncIterable<Placed> {
  let records: Placed[] = [];
  const keep = (record: string[], info: InfoCallback): null => {
    records.push(placed(record, info));
    return null;
  };
  // Its types know no record that is left out.
  const parser = parse({ ...options, on_record: keep as never });
  const fault = new Promise<never>((_resolve, reject) => parser.on("error", reject));
  fault.catch(() => {});
  const end = new Promise<void>((resolve) => parser.on("end", resolve));
  parser.resume();
  const read = function* (): Iterable<Placed> {
    const some = records;
    records = [];
    yield* some;
  };
  for await (const piece of text) {
    const written = new Promise<void>((resolve, reject) =>
      parser.write(piece, (error) => (error ? reject(error) : resolve())),
    );
    await Promise.race([written, fault]);
    yield* read();
  }
  parser.end();
  await Promise.race([end, fault]);
  yield* read();
}

/** The first record is the header. Throws BadFile. */
export async function tableOf(text: AsyncIterable<string>): Promise<Table> {
  const { begin, whole } = await peek(text, headerCharsMin);
  const linesBefore = typeLine.test(begin) ? 1 : 0;
  const body = async function* (): AsyncIterable<string> {
    let isFirst = true;
    for await (const piece of whole) {
      yield isFirst ? piece.replace(typeLine, "") : piece;
      isFirst = false;
    }
  };
  const delimiter = delimiterOf(
    begin
      .replace(typeLine, "")
      .split(/\r?\n/)
      .find((line) => line.trim()) ?? "",
  );
  let header: readonly string[] = [];
  let lastLine = 0;
  let extraLines = 0;
  // Runs as each record is read, whereas what is told of it is lost when a later one of the same piece is bad.
  const placed = (record: string[], { lines, records }: InfoCallback): Placed => {
    if (records === 1) header = record.map((name) => name.trim());
    extraLines += countedTwice(record);
    lastLine = lines - extraLines;
    return { line: linesBefore + lastLine - newlines(record), cells: record };
  };
  const records = recordsOf(
    body(),
    { delimiter, skip_empty_lines: true, max_record_size: recordCharsMax },
    placed,
  )[Symbol.asyncIterator]();
  const next = async (): Promise<Placed | undefined> => {
    try {
      const { done, value } = await records.next();
      return done === true ? undefined : value;
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      throw badFileOf({
        error,
        header,
        recordLine: linesBefore + lastLine + 1,
        offset: linesBefore - extraLines,
      });
    }
  };
  if ((await next()) === undefined) throw new BadFile(1, 1, "the file has no header");
  const rest = async function* () {
    for (let row = await next(); row !== undefined; row = await next()) yield row;
  };
  return { header, records: rest() };
}

/** Names of columns are compared without case, spaces and marks: `E-Mail Address`, `email_address`. */
export const folded = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");

/** By the column's name as it is folded; an absent column has no cell. */
export type CellOf = (...names: readonly string[]) => string | undefined;

export interface TableForm {
  /** Of the header, once: throws BadFile when it can't be such a file. */
  check(header: readonly string[]): void;
  wanted(cell: CellOf, line: number): WantedUser;
  passedOver?(cell: CellOf): string | undefined;
}

/** The rows of a table, each through the form's eyes. */
export function tableSource(text: AsyncIterable<string>, form: TableForm) {
  let header: readonly string[] = [];
  const rows = async function* (): AsyncIterable<SourceRow> {
    const table = await tableOf(text);
    header = table.header;
    form.check(header);
    const places = new Map<string, number>();
    for (const [place, name] of header.entries())
      if (!places.has(folded(name))) places.set(folded(name), place);
    for await (const { line, cells } of table.records) {
      const cell: CellOf = (...names) => {
        for (const name of names) {
          const value = cells[places.get(name) ?? -1]?.trim();
          if (value !== undefined && value !== "") return value;
        }
        return undefined;
      };
      const passedOver = form.passedOver?.(cell);
      yield {
        line,
        cells,
        wanted: form.wanted(cell, line),
        ...(passedOver === undefined ? {} : { passedOver }),
      };
    }
  };
  return { columns: () => header, rows: rows() };
}
