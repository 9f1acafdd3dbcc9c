/** The audit log's statements: append what happened, read a page of it, count what each user has. */
import type { EntityKey, QueryOrderMap } from "@mikro-orm/core";
import { sql } from "kysely";
import * as z from "zod";
import { type Applied, UnacceptableEvent } from "../../mixins/bus/event-consumer.ts";
import { isCorrelationId } from "../../mixins/context/correlation.ts";
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { json, run, type Statement } from "../../mixins/postgres/statement.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { parseAddress } from "../contracts/address.ts";
import { Assignment } from "../contracts/assignment.ts";
import { AuditEntry, type AuditPage } from "../contracts/audit.ts";
import { Refusal } from "../contracts/errors.ts";
import { Change, isErasure, isUserEvent, type UserEvent, type UserFact } from "../contracts/events.ts";
import { generationSize } from "../contracts/generation.ts";
import type { AuditTrailDigest, DigestQuery } from "../contracts/reconciliation.ts";
import { type AuditTrace, placeBeforeAll, type RequestEntries } from "../contracts/trace.ts";
import { AuditEntryRow } from "./entities.ts";

/**
 * One statement for the whole batch. `on conflict do nothing` makes a repeated event, also one repeated within the
 * batch or under another id, change nothing; `returning` tells which were new. Ordered by id, so that two consumers with
 * the same events in hand wait for each other instead of deadlocking. What comes late of an erased user comes without
 * values.
 */
const appendEntries = (events: readonly UserFact[]) => sql<{ id: string }>`
insert into audit_entries (id, at, action, user_id, version, actor, on_behalf_of, correlation_id, changes, assignments,
  domains, reason)
select e.id, e.at, e.action, e.user_id, e.version, e.actor, e.on_behalf_of, e.correlation_id,
  case when x.user_id is null then e.changes else audit_values_emptied(e.changes) end,
  case when x.user_id is null then e.assignments end, e.domains, case when e.action = 'user.erased' then x.reason end
from jsonb_to_recordset(${json(events.map(entryOf))}) as e (id uuid, at timestamptz, action text, user_id uuid, version int, actor text,
  on_behalf_of text, correlation_id text, changes jsonb, assignments jsonb, domains text[])
left join erasures x on x.user_id = e.user_id
order by e.id
on conflict do nothing
returning id`;

/** Those of other content than the entry that their user's version has under another id; of an erased user nobody can tell. */
const contradicting = (events: readonly UserFact[]) => sql<{ id: string }>`
select e.id
from jsonb_to_recordset(${json(events.map(entryOf))}) as e (id uuid, at timestamptz, action text, user_id uuid, version int, actor text,
  correlation_id text, changes jsonb)
join audit_entries a on a.user_id = e.user_id and a.version = e.version and a.id <> e.id
where (a.at, a.action, a.actor, a.correlation_id, a.changes) is distinct from
  (e.at, e.action, e.actor, e.correlation_id, e.changes)
  and not exists (select from erasures x where x.user_id = e.user_id)`;

/** A release is told of the deleted user that it concerns. */
const actionOf = (event: UserFact): string =>
  isUserEvent(event) && event.type === "user.deleted.v1" && isRelease(event)
    ? "address.released"
    : event.type.replace(/\.v\d+$/, "");

const isRelease = ({ data: { changes } }: UserEvent): boolean =>
  changes.length === 1 && changes[0]?.field === "released";

const entryOf = (event: UserFact) => ({
  id: event.id,
  at: event.time,
  action: actionOf(event),
  user_id: event.subject,
  version: event.sequence,
  actor: event.actor,
  on_behalf_of: event.onbehalfof,
  correlation_id: event.correlationid,
  changes: isErasure(event) ? [] : event.data.changes,
  assignments: isErasure(event) ? undefined : event.data.assignments,
  domains: isErasure(event) ? undefined : domainsOf(event),
});

/** In A-labels, each once. */
function domainsOf({ data: { user, changes } }: UserEvent): string[] {
  const before = changes
    .filter(({ field }) => field === "primarySmtp" || field === "secondarySmtps")
    .flatMap(({ from }) => from)
    .filter((address) => typeof address === "string");
  const parsed = [user.primarySmtp, ...user.secondarySmtps, ...before].map(parseAddress);
  return [...new Set(parsed.flatMap((address) => (address.ok ? [address.asciiDomain] : [])))];
}

/**
 * Appends what is new; `duplicate` for each event whose entry is there already. Throws UnacceptableEvent when one tells
 * another story of a version than its entry: one of the two is forged, or a database has lost what it had told.
 */
export async function append(em: EntityManager, events: readonly UserFact[]): Promise<readonly Applied[]> {
  const rows = await run(em, appendEntries(events));
  const fresh = new Set(rows.map(({ id }) => id));
  // PostgreSQL writes UUIDs in lower case; `delete` makes the second of two equal events a duplicate.
  const applied = events.map((event) => (fresh.delete(event.id.toLowerCase()) ? "processed" : "duplicate"));
  const known = events.filter((_, index) => applied[index] === "duplicate");
  if (known.length > 0 && (await run(em, contradicting(known))).length > 0)
    throw new UnacceptableEvent(
      contradictsEntry,
      "the entry of this version has another id and another content",
    );
  return applied;
}

/** The reason of the dead letter. */
const contradictsEntry = "contradicts-entry";

const versionMax = 2 ** 31 - 1;
/** PostgreSQL knows no year 0. */
const At = z.iso.datetime().refine((text) => text >= "0001");
const Cursor = z.tuple([At, z.int().min(1).max(versionMax), z.uuid()]);

/** What is shown of an entry; its row has members of the same names. */
const shownMembers = Object.keys(AuditEntry.shape) as (keyof AuditEntry)[];
type Row = Pick<AuditEntryRow, keyof AuditEntry>;

/** jsonb keeps members by the length of their names; a reader wants them in the order of the schema. */
const inOrder = <T extends object>(list: readonly T[], { shape }: { readonly shape: object }): T[] =>
  list.map(
    (item) => Object.fromEntries(Object.keys(shape).map((name) => [name, item[name as keyof T]])) as T,
  );

function shown(row: Row): AuditEntry {
  const { id, at, action, userId, version, actor, correlationId, onBehalfOf } = row;
  const changes = inOrder(row.changes as Change[], Change);
  const who = { actor, ...(typeof onBehalfOf === "string" && { onBehalfOf }) };
  const entry = { id, at: at.toISOString(), action, userId, version, ...who, correlationId, changes };
  const isAny = row.assignments !== null && row.assignments !== undefined;
  const assignments = isAny && { assignments: inOrder(row.assignments as Assignment[], Assignment) };
  const reason = typeof row.reason === "string" && { reason: row.reason };
  return { ...entry, ...assignments, ...reason } as AuditEntry;
}

/**
 * The keyset is (at, version, id): the time of a change, then its version, since two changes of one user may fall
 * into one millisecond, then the id, which makes it unique. The timestamps are stored in milliseconds, as the
 * cursor carries them, so that the comparison is exact. Of one user it is the version alone: no clock has a say in it.
 * Each filter has an index that ends in this order, of which the bound of `at` is where a page begins.
 */
function behind(cursor: string | undefined, ofUser: boolean, order: "asc" | "desc") {
  if (cursor === undefined) return {};
  const [text, version, id] = decodeCursor(cursor, Cursor);
  const at = new Date(text);
  const [past, upTo] = order === "asc" ? (["$gt", "$gte"] as const) : (["$lt", "$lte"] as const);
  if (ofUser) return { version: { [past]: version } };
  const later = [{ at: { [past]: at } }, { version: { [past]: version } }, { version, id: { [past]: id } }];
  return { at: { [upTo]: at }, $or: later };
}

/** Of our era, and of four digits: what PostgreSQL can be asked for, and no entry is of another time. */
const timeOf = (text: string): Date =>
  new Date(Math.min(Math.max(0, Date.parse(text)), Date.parse("9999-12-31T00:00:00Z")));

/** Throws Refusal `invalid-fields` for a span that ends before it begins. */
function within({ from, to }: Pick<ActionParams<"audit.list">, "from" | "to">) {
  if (from !== undefined && to !== undefined && Date.parse(to) < Date.parse(from))
    throw new Refusal("invalid-fields", "The request has invalid fields", {
      errors: [{ pointer: "#/to", detail: "must not be before from" }],
    });
  return [
    ...(from === undefined ? [] : [{ at: { $gte: timeOf(from) } }]),
    ...(to === undefined ? [] : [{ at: { $lt: timeOf(to) } }]),
  ];
}

/**
 * In the order of time, of one user of versions; with `domains` of users who had an address there then. Throws Refusal
 * `invalid-fields` for a cursor of another list.
 */
export async function listEntries(
  db: Database,
  query: ActionParams<"audit.list">,
  domains?: readonly string[],
): Promise<AuditPage> {
  const { userId, correlationId, actor, action, cursor, limit, order } = query;
  const span = within(query);
  // No entry has such a name, and PostgreSQL would choke on a NUL in it.
  if ([correlationId, actor].some((text) => text !== undefined && !isCorrelationId(text)))
    return { items: [], nextCursor: null };
  const ofUser = userId !== undefined;
  const where = {
    ...(ofUser ? { userId } : {}),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(actor === undefined ? {} : { actor }),
    ...(action === undefined ? {} : { action }),
    ...(domains === undefined ? {} : { domains: { $overlap: [...domains] } }),
    ...behind(cursor, ofUser, order),
    $and: span,
  };
  const orderBy: QueryOrderMap<AuditEntryRow> = ofUser
    ? { version: order }
    : { at: order, version: order, id: order };
  const rows = await db.read((em) =>
    em.find(AuditEntryRow, where, { fields: shownMembers, orderBy, limit: limit + 1 }),
  );
  return page(rows.map(shown), limit, ({ at, version, id }) => [at, version, id]);
}

/**
 * Walks the index (user_id, version) in its order, so a page costs no more than its users' entries. Those who have been
 * written in a later generation are looked at twice.
 */
const digestPage = (where: Statement, limit: number) => sql<AuditTrailDigest>`
select user_id, count(*)::int as entries, count(distinct version)::int as versions,
  sum(distinct version)::float8 as versions_sum, max(version) as max_version,
  case when max(version) < ${generationSize}::int then array[max(version)] else array(
    select max(one.version) from audit_entries one where one.user_id = a.user_id
    group by one.version / ${generationSize}::int order by 1
  ) end as newest
from audit_entries a where ${where} group by user_id order by user_id limit ${limit}`;

/** For the reconciler, in the order of user ids. */
export async function digestTrails(
  db: Database,
  { after, limit, userIds }: DigestQuery,
): Promise<{ items: AuditTrailDigest[] }> {
  const where =
    userIds === undefined
      ? sql`user_id > ${after ?? placeBeforeAll[0]}::uuid`
      : sql`user_id = any (${[...userIds]}::uuid[])`;
  return { items: await db.read((em) => run(em, digestPage(where, limit))) };
}

/** For the thousands of rows that a trace asks for, of which entities would take several times as long. */
const rowsOf = (em: EntityManager, members: readonly EntityKey<AuditEntryRow>[]) =>
  em.createQueryBuilder(AuditEntryRow).select(members);

/** By user and version. */
export async function entriesOfRequest(
  db: Database,
  { correlationId, after, limit }: ActionParams<"audit.request">,
): Promise<RequestEntries> {
  const [userId, version, id] = after ?? placeBeforeAll;
  const where = {
    correlationId,
    userId: { $gte: userId },
    $or: [{ userId: { $gt: userId } }, { version: { $gt: version } }, { version, id: { $gt: id } }],
  };
  const orderBy = { userId: "asc", version: "asc", id: "asc" } as const;
  return db.read(async (em) => {
    const rows = await rowsOf(em, shownMembers)
      .where(where)
      .orderBy(orderBy)
      .limit(limit)
      .execute<Row[]>("all");
    const left = rows.length < limit ? 0 : (await em.count(AuditEntryRow, where)) - rows.length;
    return { items: rows.map(shown), left };
  });
}

/** Which of some events have an entry, and since when: for the trace of a request. */
export async function recordedOf(db: Database, eventIds: readonly string[]): Promise<AuditTrace["recorded"]> {
  const rows = await db.read((em) =>
    rowsOf(em, ["id", "recordedAt"])
      .where({ id: { $in: [...eventIds] } })
      .execute<Pick<AuditEntryRow, "id" | "recordedAt">[]>("all"),
  );
  return rows.map(({ id, recordedAt }) => ({ eventId: id, at: recordedAt.toISOString() }));
}
