/** The audit log's statements: append what happened, read a page of it, count what each user has. */
import { sql } from "kysely";
import * as z from "zod";
import type { Applied } from "../../mixins/bus/event-consumer.ts";
import { isCorrelationId } from "../../mixins/context/correlation.ts";
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { decodeCursor, encodeCursor } from "../../mixins/postgres/keyset-cursor.ts";
import { json, run } from "../../mixins/postgres/statement.ts";
import type { ActionParams } from "../contracts/actions.ts";
import type { AuditEntry, AuditPage } from "../contracts/audit.ts";
import type { UserEvent } from "../contracts/events.ts";
import type { AuditTrailDigest, DigestQuery } from "../contracts/reconciliation.ts";
import { type AuditTrace, placeBeforeAll, type RequestEntries } from "../contracts/trace.ts";

/**
 * One statement for the whole batch. `on conflict do nothing` makes a repeated event, also one repeated within the
 * batch or under another id, change nothing; `returning` tells which were new. Ordered by id, so that two consumers with
 * the same events in hand wait for each other instead of deadlocking.
 */
const appendEntries = (events: readonly UserEvent[]) => sql<{ id: string }>`
insert into audit_entries (id, at, action, user_id, version, actor, correlation_id, changes, assignments)
select e.id, e.at, e.action, e.user_id, e.version, e.actor, e.correlation_id, e.changes, e.assignments
from jsonb_to_recordset(${json(events.map(entryOf))}) as e (id uuid, at timestamptz, action text, user_id uuid, version int, actor text,
  correlation_id text, changes jsonb, assignments jsonb)
order by e.id
on conflict do nothing
returning id`;

const actionOf = (event: UserEvent): string => event.type.replace(/\.v\d+$/, "");

const entryOf = (event: UserEvent) => ({
  id: event.id,
  at: event.time,
  action: actionOf(event),
  user_id: event.subject,
  version: event.sequence,
  actor: event.actor,
  correlation_id: event.correlationid,
  changes: event.data.changes,
  assignments: event.data.assignments,
});

/** Appends what is new; `duplicate` for each event whose entry is there already. */
export async function append(em: EntityManager, events: readonly UserEvent[]): Promise<readonly Applied[]> {
  const rows = await run(em, appendEntries(events));
  const fresh = new Set(rows.map(({ id }) => id));
  // PostgreSQL writes UUIDs in lower case; `delete` makes the second of two equal events a duplicate.
  return events.map((event) => (fresh.delete(event.id.toLowerCase()) ? "processed" : "duplicate"));
}

/**
 * The keyset is (at, version, id): the time of a change, then its version, since two changes of one user may fall
 * into one millisecond, then the id, which makes it unique. The timestamps are stored in milliseconds, as the
 * cursor carries them, so that the comparison is exact. Of one user it is the version alone: no clock has a say in it.
 * Each filter has an index that ends in this order.
 */
function selectPage(query: ActionParams<"audit.list">): { text: string; values: unknown[] } {
  const conditions: string[] = [];
  const values: unknown[] = [];
  if (query.userId !== undefined) {
    conditions.push("user_id = ?::uuid");
    values.push(query.userId);
  }
  if (query.correlationId !== undefined) {
    conditions.push("correlation_id = ?");
    values.push(query.correlationId);
  }
  const keys = query.userId === undefined ? "at, version, id" : "version";
  if (query.cursor !== undefined) {
    const [at, version, id] = decodeCursor(query.cursor, Cursor);
    const after = query.userId === undefined ? "(?::timestamptz, ?::int, ?::uuid)" : "?::int";
    conditions.push(`(${keys}) > ${after}`);
    values.push(...(query.userId === undefined ? [at, version, id] : [version]));
  }
  const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
  const text = `
    select id, at, action, user_id as "userId", version, actor, correlation_id as "correlationId", changes, assignments
    from audit_entries ${where} order by ${keys} limit ?`;
  return { text, values: [...values, query.limit + 1] };
}

const versionMax = 2 ** 31 - 1;
/** PostgreSQL knows no year 0. */
const At = z.iso.datetime().refine((text) => text >= "0001");
const Cursor = z.tuple([At, z.int().min(1).max(versionMax), z.uuid()]);

type Row = Omit<AuditEntry, "at" | "assignments"> & {
  readonly at: Date | string;
  readonly assignments: AuditEntry["assignments"] | null;
};

const shown = ({ assignments, ...row }: Row): AuditEntry => ({
  ...row,
  at: new Date(row.at).toISOString(),
  // jsonb keeps members by the length of their names; a reader wants from before to.
  changes: row.changes.map(({ field, from, to }) => ({ field, from, to })),
  ...(assignments === null || assignments === undefined
    ? {}
    : {
        assignments: assignments.map(({ requested, assigned, kind, reason }) => ({
          requested,
          assigned,
          kind,
          reason,
        })),
      }),
});

/** Oldest first. Throws Refusal `invalid-fields` for a cursor of another list. */
export async function listEntries(db: Database, query: ActionParams<"audit.list">): Promise<AuditPage> {
  // No entry has such an id, and PostgreSQL would choke on a NUL in it.
  if (query.correlationId !== undefined && !isCorrelationId(query.correlationId))
    return { items: [], nextCursor: null };
  const { text, values } = selectPage(query);
  const rows = await db.read((em) => em.execute<Row[]>(text, values));
  const items = rows.slice(0, query.limit).map(shown);
  const last = items.at(-1);
  const nextCursor =
    rows.length > query.limit && last ? encodeCursor([last.at, last.version, last.id]) : null;
  return { items, nextCursor };
}

/** Walks the index (user_id, version) in its order, so a page costs no more than its users' entries. */
const digestPage = (where: string): string => `
select user_id as "userId", count(*)::int as entries, count(distinct version)::int as versions,
  sum(distinct version)::float8 as "versionsSum", max(version) as "maxVersion"
from audit_entries ${where} group by user_id order by user_id limit ?`;

/** For the reconciler, in the order of user ids. */
export async function digestTrails(
  db: Database,
  { after, limit, userIds }: DigestQuery,
): Promise<{ items: AuditTrailDigest[] }> {
  const [where, ...values]: [string, ...unknown[]] =
    userIds !== undefined
      ? ["where user_id = any (?::uuid[])", `{${userIds.join(",")}}`]
      : after === null
        ? [""]
        : ["where user_id > ?::uuid", after];
  return {
    items: await db.read((em) => em.execute<AuditTrailDigest[]>(digestPage(where), [...values, limit])),
  };
}

/** Parameters: correlation id, user, version, event, rows. */
const entriesOfRequestSql = `
select id, at, action, user_id as "userId", version, actor, correlation_id as "correlationId", changes,
  assignments, count(*) over ()::int as behind
from audit_entries where correlation_id = ? and (user_id, version, id) > (?::uuid, ?::int, ?::uuid)
order by user_id, version, id limit ?`;

/** By user and version. */
export async function entriesOfRequest(
  db: Database,
  { correlationId, after, limit }: ActionParams<"audit.request">,
): Promise<RequestEntries> {
  const rows = await db.read((em) =>
    em.execute<(Row & { behind: number })[]>(entriesOfRequestSql, [
      correlationId,
      ...(after ?? placeBeforeAll),
      limit,
    ]),
  );
  const items = rows.map(({ behind: _, ...row }) => shown(row));
  return { items, left: (rows[0]?.behind ?? 0) - rows.length };
}

/** Which of some events have an entry, and since when. Parameter: event ids. */
const recordedSql = `
select id as "eventId", recorded_at as at from audit_entries where id = any (?::uuid[])`;

/** For the trace of a request. */
export async function recordedOf(db: Database, eventIds: readonly string[]): Promise<AuditTrace["recorded"]> {
  const rows = await db.read((em) =>
    em.execute<{ eventId: string; at: Date | string }[]>(recordedSql, [`{${eventIds.join(",")}}`]),
  );
  return rows.map(({ eventId, at }) => ({ eventId, at: new Date(at).toISOString() }));
}
