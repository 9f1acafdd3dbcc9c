/**
 * Promise: everybody of one moment, each once, a thousand in memory at a time: what is written while the export runs is
 * not in it. Of a moment that is over it tells only those of whom the audit log knows all that has happened since, and
 * counts the others.
 */
import type { Database, EntityManager } from "../../../mixins/postgres/database.ts";
import { run } from "../../../mixins/postgres/statement.ts";
import { byCodePoint, type Person } from "../../contracts/people-csv.ts";
import * as sql from "./sql.ts";

export interface SnapshotWish {
  /** Absent: now. */
  readonly at: Date | undefined;
  /** Deleted people too. */
  readonly deleted: boolean;
}

/** Whom it could not tell. */
export interface Untold {
  /** The audit log does not have, or not yet, all that has happened to them since. */
  readonly unknown: string[];
  /** Erased since. */
  readonly erased: number;
}

const personOf = (row: sql.PersonRow): Person => ({
  id: row.id,
  displayName: row.displayName,
  primarySmtp: row.primarySmtp,
  secondarySmtps: row.secondarySmtps.toSorted(byCodePoint),
  externalId: row.externalId ?? null,
  userName: row.userName ?? null,
  active: row.active,
  deletedAt: row.deletedAt?.toISOString() ?? null,
});

async function* peopleOf(em: EntityManager, unknown: string[]): AsyncGenerator<Person> {
  for (let rows = await run(em, sql.nextPeople); rows.length > 0; rows = await run(em, sql.nextPeople))
    for (const row of rows)
      if (row.isWhole === false) unknown.push(row.id);
      else yield personOf(row);
}

/** Gives the people to `take`, which may ask before about how many there are, and resolves once it has had them. */
export function snapshot(
  db: Database,
  { at, deleted }: SnapshotWish,
  take: (people: AsyncIterable<Person>, expected: () => Promise<number>) => Promise<void>,
): Promise<Untold> {
  return db.snapshot(async (em) => {
    await run(em, sql.readAll);
    await run(em, at === undefined ? sql.openNow(deleted) : sql.openThen(at, deleted));
    const unknown: string[] = [];
    const expected = async (): Promise<number> => (await run(em, sql.expected(at, deleted)))[0]?.people ?? 0;
    await take(peopleOf(em, unknown), expected);
    const [erased] = at === undefined ? [] : await run(em, sql.erasedSince(at));
    return { unknown, erased: erased?.users ?? 0 };
  });
}
