/** The reads: only living users, straight from their rows; they go on while smtp-registry or RabbitMQ is away. */
import * as z from "zod";
import type { Database, EntityManager } from "../../mixins/database.ts";
import { decodeCursor, encodeCursor } from "../../mixins/keyset-cursor.ts";
import type { ActionParams, UserPage } from "../contracts/actions.ts";
import { addressKey, localKey } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import type { User } from "../contracts/user.ts";
import { AddressKey, UserRow } from "./entities.ts";

const Cursor = z.tuple([z.uuid()]);

/** The row as the rules know it. */
export const stateOf = (row: UserRow): UserState => ({
  id: row.id,
  displayName: row.displayName,
  primarySmtp: row.primarySmtp,
  secondarySmtps: row.secondarySmtps,
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
  deletedAt: row.deletedAt?.toISOString() ?? null,
});

/** What a client sees of a user. */
export function shown({ deletedAt: _, ...user }: UserState): User {
  return user;
}

/** Folded as addresses are; a final sigma is one only at a word's end, which a part of the word must not depend on. */
const searchable = (text: string): string => localKey(text).replaceAll("ς", "σ");

/** What `q` is looked for in. */
export const searchTextOf = (user: Pick<User, "displayName" | "primarySmtp" | "secondarySmtps">): string =>
  [user.displayName, user.primarySmtp, ...user.secondarySmtps].map(searchable).join("\n");

/** A LIKE pattern that finds the text itself: %, _ and \ stand for themselves. */
const containing = (text: string): string => `%${searchable(text).replaceAll(/[\\%_]/g, "\\$&")}%`;

/** A user, deleted or not; undefined when there never was one. */
export async function findState(em: EntityManager, id: string): Promise<UserState | undefined> {
  const row = await em.findOne(UserRow, { id });
  return row === null ? undefined : stateOf(row);
}

/** Throws Refusal `not-found`. */
export async function getUser(db: Database, id: string): Promise<User> {
  const state = await db.read((em) => findState(em, id));
  if (state === undefined || state.deletedAt !== null)
    throw new Refusal("not-found", "Cannot find the user: there is none with this id");
  return shown(state);
}

/** A page by creation, oldest first; a user created meanwhile shows on a later page, none shows twice. */
export async function listUsers(db: Database, query: ActionParams<"users.list">): Promise<UserPage> {
  // PostgreSQL can't be asked for a NUL, and no name or address has one.
  if (query.q?.includes("\0")) return { items: [], nextCursor: null };
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, Cursor)[0];
  const rows = await db.read(async (em) => {
    const owner = query.smtp === undefined ? undefined : await ownerOf(em, query.smtp);
    if (owner === null) return [];
    const conditions = [
      ...(owner === undefined ? [] : [{ id: owner }]),
      ...(after === undefined ? [] : [{ id: { $gt: after } }]),
      ...(query.q === undefined ? [] : [{ searchText: { $like: containing(query.q) } }]),
    ];
    const where = { deletedAt: null, $and: conditions };
    return em.find(UserRow, where, { orderBy: { id: "asc" }, limit: query.limit + 1 });
  });
  const items = rows.slice(0, query.limit).map((row) => shown(stateOf(row)));
  const last = items.at(-1);
  return { items, nextCursor: rows.length > query.limit && last ? encodeCursor([last.id]) : null };
}

/** Who holds this address now; null when nobody does. */
async function ownerOf(em: EntityManager, smtp: string): Promise<string | null> {
  const held = await em.findOne(AddressKey, { key: addressKey(smtp) });
  return held?.userId ?? null;
}
