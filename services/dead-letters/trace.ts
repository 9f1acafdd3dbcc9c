/** What the dead letters tell of a request. */
import type { Database } from "../../mixins/postgres/database.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { type LettersTrace, type TracedLetter, traceWritesMax } from "../contracts/trace.ts";

/** The age by the database's own clock. */
const columns = `
id, queue, status, event_id as "eventId", reason, error, attempts, replays,
  coalesce(settled_at, last_failed_at) as at,
  greatest(extract(epoch from now() - coalesce(settled_at, last_failed_at)), 0)::float8 as "ageS",
  discarded_by as "discardedBy", discard_reason as "discardReason"`;

/** The newest letter first. Parameters: correlation id, event ids. */
const lettersOfEvents = `
select ${columns} from dead_letters where correlation_id = ? and event_id = any (?::text[]) order by id desc`;

/** Parameters: correlation id, event ids, rows. */
const lettersOfOthers = `
select ${columns} from dead_letters where correlation_id = ? and (event_id is null or event_id <> all (?::text[]))
order by id desc limit ?`;

type Row = Omit<TracedLetter, "at"> & { readonly at: Date | string };

const shown = (row: Row): TracedLetter => ({ ...row, at: new Date(row.at).toISOString() });

export async function lettersOf(
  db: Database,
  { correlationId, eventIds }: ActionParams<"dead-letters.trace">,
): Promise<LettersTrace> {
  const ids = `{${eventIds.join(",")}}`;
  const [letters, others] = await db.read(async (em) => [
    await em.execute<Row[]>(lettersOfEvents, [correlationId, ids]),
    await em.execute<Row[]>(lettersOfOthers, [correlationId, ids, traceWritesMax]),
  ]);
  return { letters: letters.map(shown), others: others.map(shown) };
}
