/** What the outbox tells of a request's events, those that wait and those that are published; and when it forgets them. */
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { sweepRows } from "../../mixins/postgres/sweeping.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { type OutboxTrace, placeBeforeAll, WriteNote } from "../contracts/trace.ts";
import * as sql from "./sql.ts";

const noteOf = (text: string | null): WriteNote | null =>
  text === null ? null : (WriteNote.safeParse(JSON.parse(text)).data ?? null);

/**
 * One statement sees one moment: an event that is being published is in one of its tables. `fault`: why the bus takes
 * nothing now; an event that waits may never have been offered to it.
 */
export async function outboxEventsOf(
  db: Database,
  { correlationId, after, limit }: ActionParams<"outbox.trace">,
  fault: string | undefined,
): Promise<OutboxTrace> {
  const place = after ?? placeBeforeAll;
  const rows = await db.read((em) => run(em, sql.eventsOfRequest(correlationId, place, limit)));
  const events = rows.map(({ note, writtenAt, publishedAt, ...row }) => ({
    eventId: row.eventId,
    userId: row.userId,
    type: row.type,
    attempts: row.attempts,
    refusal: publishedAt === null ? (fault ?? row.refusal) : row.refusal,
    ageS: row.ageS,
    note: noteOf(note),
    writtenAt: writtenAt.toISOString(),
    publishedAt: publishedAt?.toISOString() ?? null,
  }));
  return { events, left: (rows[0]?.behind ?? 0) - rows.length };
}

/** Deletes what was published more than `days` ago; resolves with how many. */
export const sweepPublished = (db: Database, days: number): Promise<number> =>
  sweepRows(db, (rowsMax) => sql.forgetPublished(days, rowsMax));
