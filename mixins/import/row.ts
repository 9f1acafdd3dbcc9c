/** What every format makes of a file: rows, each with what it wants of a user and where it stands. No logic. */
import { DataError } from "../../services/contracts/exits.ts";

/** What a row says of a user; what it does not say is left as it is. */
export interface WantedUser {
  readonly displayName?: string;
  readonly primarySmtp?: string;
  readonly secondarySmtps?: readonly string[];
  readonly externalId?: string;
  readonly userName?: string;
  /** A text is neither `true` nor `false`, and refused for what it is. */
  readonly active?: boolean | string;
}

export interface SourceRow {
  /** Where it begins; the first line of a file is 1. */
  readonly line: number;
  readonly wanted: WantedUser;
  /** Why there is nothing to do for it; it counts as no row. */
  readonly passedOver?: string;
  /** As it stands in the file, by the columns of the source. */
  readonly cells: readonly string[];
}

/** A file that is read: its columns are known once the first row is there. */
export interface Source {
  readonly columns: () => readonly string[];
  readonly rows: AsyncIterable<SourceRow>;
}

/** How a format reads a text. What the file can't be is thrown as a BadFile. */
export type Reader = (text: AsyncIterable<string>, options: ReaderOptions) => Source;

export interface ReaderOptions {
  /** Names of columns by what they are to be, instead of the usual ones. */
  readonly columns?: Readonly<Partial<Record<keyof WantedUser, string>>>;
}

/** The file is not what it should be; `column` counts characters, or cells where a file has them. */
export class BadFile extends DataError {
  override name = "BadFile";
  constructor(line: number, column: number, why: string) {
    super(`line ${line}, column ${column}: ${why}`);
  }
}

/** The columns of what has none of its own; a rejected row is written in them. */
export const ownColumns = [
  "displayName",
  "primarySmtp",
  "secondarySmtps",
  "externalId",
  "userName",
  "active",
] as const;

export const ownCells = (wanted: WantedUser): string[] =>
  ownColumns.map((column) => {
    const value = wanted[column];
    return typeof value === "object" ? value.join(" ") : String(value ?? "");
  });

/** Of `active`: what a cell or a member says, in any case. */
export function flagOf(text: string | undefined): boolean | string | undefined {
  const word = text?.trim().toLowerCase();
  return word === "true" || word === "false" ? word === "true" : text;
}

/** Without the members that say nothing: an empty cell is no wish. */
export function saidOf(
  said: {
    readonly [M in keyof WantedUser]: WantedUser[M] | undefined;
  },
): WantedUser {
  const isSaid = (value: unknown): boolean =>
    typeof value === "string" ? value.trim() !== "" : value !== undefined;
  return Object.fromEntries(Object.entries(said).filter(([, value]) => isSaid(value))) as WantedUser;
}
