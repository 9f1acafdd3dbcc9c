/** What the trace of a request is made of: the answers of the owners; undefined is one that could not be asked. */
import type { AuditEntry } from "../contracts/audit.ts";
import type {
  AuditTrace,
  LettersTrace,
  OutboxTrace,
  RegistryTrace,
  RequestsTrace,
  Trace,
  UsersAddresses,
  WritePlace,
} from "../contracts/trace.ts";

export interface Facts {
  readonly correlationId: string;
  readonly outbox: Pick<OutboxTrace, "events"> | undefined;
  readonly requests: RequestsTrace | undefined;
  readonly letters: LettersTrace | undefined;
  /** The entries under the correlation id. */
  readonly entries: readonly AuditEntry[] | undefined;
  readonly audit: AuditTrace | undefined;
  readonly registry: RegistryTrace | undefined;
  readonly users: UsersAddresses | undefined;
  readonly unseen: Trace["unseen"];
}

/** One event of the request, as the outbox knows it, the audit log, or both. */
export interface EventFacts {
  readonly eventId: string;
  readonly userId: string;
  readonly type: string;
  readonly row: OutboxTrace["events"][number] | undefined;
  readonly entry: AuditEntry | undefined;
}

/** By user and version: the order in which they took effect, which no clock has a say in. */
export function eventsOf({ outbox, entries = [] }: Pick<Facts, "outbox" | "entries">): EventFacts[] {
  const entryOf = new Map(entries.map((entry) => [entry.id, entry]));
  const rows = outbox?.events ?? [];
  const ids = new Set(rows.map(({ eventId }) => eventId));
  const events: EventFacts[] = [
    ...rows.map((row) => ({
      eventId: row.eventId,
      userId: row.userId,
      type: row.type,
      row,
      entry: entryOf.get(row.eventId),
    })),
    ...entries
      .filter(({ id }) => !ids.has(id))
      .map((entry) => ({
        eventId: entry.id,
        userId: entry.userId,
        type: `${entry.action}.v1`,
        row: undefined,
        entry,
      })),
  ];
  return events.sort(inOrder);
}

/** As the owners order them (WritePlace): UUIDs compare as their texts do. */
function inOrder(a: EventFacts, b: EventFacts): number {
  if (a.userId !== b.userId) return a.userId < b.userId ? -1 : 1;
  const byVersion = (versionOf(a) ?? 0) - (versionOf(b) ?? 0);
  return byVersion === 0 ? (a.eventId < b.eventId ? -1 : 1) : byVersion;
}

export const placeOf = (event: EventFacts): WritePlace => [
  event.userId,
  versionOf(event) ?? 0,
  event.eventId,
];

export const versionOf = ({ row, entry }: Pick<EventFacts, "row" | "entry">): number | null =>
  row?.note?.version ?? entry?.version ?? null;
