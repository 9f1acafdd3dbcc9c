/** What the dead letters tell of a request. */
import type { Database } from "../../mixins/database.ts";
import { type LettersTrace, type TracedLetter, traceWritesMax } from "../contracts/trace.ts";

/** Newest first; the age by the database's own clock. Parameters: correlation id, rows. */
const lettersOfRequest = `
select id, queue, status, event_id as "eventId", reason, error, attempts, replays,
  coalesce(settled_at, last_failed_at) as at,
  greatest(extract(epoch from now() - coalesce(settled_at, last_failed_at)), 0)::float8 as "ageS",
  discarded_by as "discardedBy", discard_reason as "discardReason"
from dead_letters where correlation_id = ? order by id desc limit ?`;

type Row = Omit<TracedLetter, "at"> & { readonly at: Date | string };

export async function lettersOf(db: Database, correlationId: string): Promise<LettersTrace> {
  const rows = await db.read((em) => em.execute<Row[]>(lettersOfRequest, [correlationId, traceWritesMax]));
  return { letters: rows.map((row) => ({ ...row, at: new Date(row.at).toISOString() })) };
}
