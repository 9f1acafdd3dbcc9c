/**
 * People as comma-separated values (RFC 4180, in UTF-8, lines end in LF), which spreadsheets open without calculating
 * anything. An import reads back what was written: the columns are those that it takes.
 */
import { stringify } from "csv-stringify/sync";
import { formulaSafe } from "./csv-cells.ts";

/** Whom a file tells: what an installation needs to have the same user, and of a deleted one since when. */
export interface Person {
  readonly id: string;
  readonly displayName: string;
  readonly primarySmtp: string;
  /** In the order of their code points, so that the same directory is the same file. */
  readonly secondarySmtps: readonly string[];
  readonly externalId: string | null;
  readonly userName: string | null;
  readonly active: boolean;
  /** RFC 3339; null: a living one. */
  readonly deletedAt: string | null;
}

/** How one format tells people, as text of whole lines. */
export interface Writer {
  /** What stands before the first. */
  readonly head: string;
  line(person: Person): string;
}

export const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

type Columns = Readonly<Record<string, (person: Person) => string>>;

/** `idName`: what the column of our own ids is called, where others have an `id` of theirs. */
export function writerOf(own: Columns, deleted: boolean, idName = "id"): Writer {
  const ofDeleted: Columns = { [idName]: ({ id }) => id, deletedAt: ({ deletedAt }) => deletedAt ?? "" };
  const columns = deleted ? { ...own, ...ofDeleted } : own;
  const cells = Object.values(columns);
  return {
    head: stringify([Object.keys(columns)]),
    line: (person) => stringify([cells.map((cell) => formulaSafe(cell(person)))]),
  };
}

/** No address holds a space or a semicolon, by which several of them are told apart in one cell. */
export const csv = (deleted: boolean): Writer =>
  writerOf(
    {
      displayName: ({ displayName }) => displayName,
      primarySmtp: ({ primarySmtp }) => primarySmtp,
      secondarySmtps: ({ secondarySmtps }) => secondarySmtps.join(" "),
      externalId: ({ externalId }) => externalId ?? "",
      userName: ({ userName }) => userName ?? "",
      active: ({ active }) => String(active),
    },
    deleted,
  );
