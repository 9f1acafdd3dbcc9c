/** What the dead letters tell of a request. */
import { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { type LettersTrace, TracedLetter, traceWritesMax } from "../contracts/trace.ts";
import { jsonValue } from "./view.ts";

const members = Object.keys(TracedLetter.omit({ at: true }).shape) as Exclude<keyof TracedLetter, "at">[];
const options = {
  fields: [...members, "settledAt", "lastFailedAt"],
  orderBy: { id: "desc" },
} as const;
type Row = Pick<DeadLetterRecord, (typeof options.fields)[number]>;

const tracedLetter = (row: Row): TracedLetter =>
  ({
    ...Object.fromEntries(members.map((name) => [name, row[name]])),
    at: jsonValue(row.settledAt ?? row.lastFailedAt),
  }) as TracedLetter;

/** The newest letter first. */
export async function lettersOf(
  db: Database,
  { correlationId, eventIds }: ActionParams<"dead-letters.trace">,
): Promise<LettersTrace> {
  const [letters, others] = await db.read(async (em) => [
    await em.find(DeadLetterRecord, { correlationId, eventId: { $in: [...eventIds] } }, options),
    await em.find(
      DeadLetterRecord,
      { correlationId, $or: [{ eventId: null }, { eventId: { $nin: [...eventIds] } }] },
      { ...options, limit: traceWritesMax },
    ),
  ]);
  return { letters: letters.map(tracedLetter), others: others.map(tracedLetter) };
}
