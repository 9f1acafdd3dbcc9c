/**
 * What processes put on record, as it is stored and asked for.
 *
 * Promise: an entry is stored once, however often it is handed on; the text of a search or an address is never stored,
 * only a hash under a key that the database has made for itself, by which whoever knows the text finds it.
 */
import { createHmac } from "node:crypto";
import type { FilterQuery } from "@mikro-orm/core";
import * as z from "zod";
import type { Database } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { sweepRows } from "../../mixins/postgres/sweeping.ts";
import type { ActionParams } from "../contracts/actions.ts";
import {
  type ActivityEntry,
  type ActivityPage,
  type ActivityTarget,
  hashedKinds,
  TargetKind,
} from "../contracts/activity.ts";
import { dayMs } from "../contracts/terms.ts";
import { ActivityKeyRow, ActivityRow } from "./entities.ts";
import { forgetActivity } from "./sql.ts";

type Hash = (text: string) => string;

/** However it was written: in lower case, composed, without space around it. */
const plain = (text: string): string => text.normalize("NFC").trim().toLowerCase();

async function hashOf(db: Database): Promise<Hash> {
  const { key } = await db.read((em) => em.findOneOrFail(ActivityKeyRow, { id: 1 }));
  return (text) => createHmac("sha256", key).update(plain(text)).digest("hex");
}

const storedId = ({ kind, id }: ActivityTarget, hash: Hash): string =>
  (hashedKinds as readonly string[]).includes(kind) ? hash(id) : id;

const rowOf = ({ at, target, ...entry }: ActivityEntry, hash: Hash) => ({
  ...entry,
  at: new Date(at),
  targetKind: target?.kind ?? null,
  targetId: target === null ? null : storedId(target, hash),
});

/** PostgreSQL takes no NUL, and nobody's id has one. */
const hasNul = (texts: readonly (string | undefined)[]): boolean =>
  texts.some((text) => text?.includes("\0") === true);

const withoutNul = (entry: ActivityEntry): ActivityEntry =>
  JSON.parse(JSON.stringify(entry).replaceAll("\\u0000", "")) as ActivityEntry;

/** Those that are there already stay as they are. */
export async function storeActivities(
  db: Database,
  { entries }: ActionParams<"access.record">,
): Promise<void> {
  const hash = await hashOf(db);
  const rows = entries.map((entry) => rowOf(withoutNul(entry), hash));
  await db.transaction(async (em) => {
    await em.upsertMany(ActivityRow, rows, { onConflictFields: ["id"], onConflictAction: "ignore" });
  });
}

const Cursor = z.tuple([z.iso.datetime(), z.uuid()]);

const entryOf = (row: ActivityRow): ActivityEntry => {
  const { targetKind, targetId } = row;
  const kind = TargetKind.safeParse(targetKind);
  return {
    id: row.id,
    at: row.at.toISOString(),
    principal: row.principal,
    credential: row.credential ?? null,
    action: row.action,
    scope: (row.scope ?? null) as ActivityEntry["scope"],
    target: kind.success ? { kind: kind.data, id: targetId ?? "" } : null,
    allowed: row.allowed,
    reason: row.reason ?? null,
    correlationId: row.correlationId,
  };
};

async function filterOf(db: Database, query: ActionParams<"access.activity">) {
  const { principal, action, target, allowed, from, to, cursor } = query;
  const ands: FilterQuery<ActivityRow>[] = [];
  if (principal !== undefined) ands.push({ principal });
  if (action !== undefined) ands.push({ action });
  if (target !== undefined) ands.push({ targetId: { $in: [target, (await hashOf(db))(target)] } });
  if (allowed !== undefined) ands.push({ allowed: allowed === "true" });
  if (from !== undefined) ands.push({ at: { $gte: new Date(from) } });
  if (to !== undefined) ands.push({ at: { $lt: new Date(to) } });
  if (cursor !== undefined) {
    const [text, id] = decodeCursor(cursor, Cursor);
    const at = new Date(text);
    ands.push({ at: { $lte: at } }, { $or: [{ at: { $lt: at } }, { id: { $lt: id } }] });
  }
  return { $and: ands };
}

/** Newest first. Refusal `invalid-fields` for a cursor of another list. */
export async function listActivities(
  db: Database,
  query: ActionParams<"access.activity">,
): Promise<ActivityPage> {
  const { principal, action, target, limit } = query;
  if (hasNul([principal, action, target])) return { items: [], nextCursor: null };
  const where = await filterOf(db, query);
  const rows = await db.read((em) =>
    em.find(ActivityRow, where, { orderBy: { at: "desc", id: "desc" }, limit: limit + 1 }),
  );
  return page(
    rows.map((row) => entryOf(row as ActivityRow)),
    limit,
    ({ at, id }) => [at, id],
  );
}

/** One round over what is older than the term; resolves with how many are gone. */
export const sweepActivities = (db: Database, now: () => Date, days: number): Promise<number> =>
  sweepRows(db, (rowsMax) => forgetActivity(new Date(now().getTime() - days * dayMs), rowsMax));
