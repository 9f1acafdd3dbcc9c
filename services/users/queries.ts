/** The reads: only living users, straight from their rows; they go on while smtp-registry or RabbitMQ is away. */
import * as z from "zod";
import { coalescer } from "../../mixins/coalescing.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { isLimited, type Principal } from "../contracts/access.ts";
import type { ActionParams, UserPage } from "../contracts/actions.ts";
import { addressKey, inOtherForm, localKey, parseAddress } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import { UserState } from "../contracts/events.ts";
import { User, type UserFieldName, userFieldNames, userFields } from "../contracts/user.ts";
import { refuseUnseen } from "./domain-rules.ts";
import * as sql from "./sql.ts";

const Cursor = z.tuple([z.uuid()]);
/** In one statement. */
const readLimits = { itemsMax: 100, endOfTurn: true };

/** The row as the rules know it. */
export const stateOf = (row: sql.StateRow): UserState => ({
  ...membersOf(row, stateMembers),
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
  deletedAt: row.deletedAt?.toISOString() ?? null,
});

type Members = readonly (keyof UserState)[];
const shownMembers = Object.keys(User.shape) as Members;
const stateMembers = Object.keys(UserState.shape) as Members;

/** A copy by names: the rest of a destructured object costs as much. */
function membersOf(row: object, members: Members): UserState {
  const copy: Record<string, unknown> = {};
  for (const member of members) copy[member] = (row as Record<string, unknown>)[member];
  return copy as never;
}

/** What a client sees of a user. */
export const userView = (user: UserState): User => membersOf(user, shownMembers);

/** Folded as addresses are; a final sigma is one only at a word's end, which a part of the word must not depend on. */
const searchable = (text: string): string => localKey(text).replaceAll("ς", "σ");

/** As it is read, and with its domain in A-labels where that is something else. */
function formsOf(address: string): string[] {
  const parsed = parseAddress(address);
  if (!parsed.ok || parsed.domain === parsed.asciiDomain) return [address];
  return [address, `${parsed.local}@${parsed.asciiDomain}`];
}

/** What `q` is looked for in. */
export const searchTextOf = (user: Pick<User, UserFieldName>): string =>
  userFieldNames
    .filter((name) => userFields[name].isSearched)
    .flatMap((name) => user[name] ?? [])
    .flatMap(formsOf)
    .map(searchable)
    .join("\n");

/** A LIKE pattern that finds the text itself: %, _ and \ stand for themselves. */
const containing = (text: string): string => `%${searchable(text).replaceAll(/[\\%_]/g, "\\$&")}%`;

/** As it is asked for, and with a domain in the other form: a user that is long unchanged may hold only that one. */
function patternsOf(q: string): string[] {
  const other = inOtherForm(q);
  return [...new Set([q, ...(other === undefined ? [] : [other])].map(containing))];
}

/** Reads a user, deleted or not; undefined when there never was one, or it was erased. */
export type FindState = (id: string) => Promise<UserState | undefined>;

/**
 * For one process: those who ask while a statement is under way share the next one, which begins after they have asked
 * and so sees what was committed before. A statement each, through an entity, cost ten times as much CPU.
 */
export function stateFinder(db: Database): FindState {
  const findShared = coalescer(async (ids: readonly string[]) => {
    const rows = await db.read((em) => run(em, sql.usersById(ids)));
    const states = new Map(
      rows.flatMap((row) => (row.erasedAt == null ? [[row.id, stateOf(row)] as const] : [])),
    );
    return ids.map((id) => ({ value: states.get(id) }));
  }, readLimits);
  return (id) => findShared(id.toLowerCase());
}

/** Throws Refusal `not-found`. */
export async function getUser(findState: FindState, id: string, asker?: Principal | null): Promise<User> {
  const state = await findState(id);
  if (state !== undefined && isLimited(asker)) refuseUnseen(asker, state);
  if (state === undefined || state.deletedAt !== null)
    throw new Refusal("not-found", "Cannot find the user: there is none with this id");
  return userView(state);
}

/** A page by creation, oldest first, with `domains` of those who have an address there; a user created meanwhile shows on a later page, none shows twice. */
export async function listUsers(
  db: Database,
  query: ActionParams<"users.list">,
  domains?: readonly string[],
): Promise<UserPage> {
  const { q, smtp, cursor, limit } = query;
  // PostgreSQL can't be asked for a NUL, and no name or address has one.
  if (q?.includes("\0")) return { items: [], nextCursor: null };
  const after = cursor === undefined ? sql.beforeAll : decodeCursor(cursor, Cursor)[0];
  const key = smtp === undefined ? undefined : addressKey(smtp);
  const patterns = q === undefined ? [] : patternsOf(q);
  const rows = await db.read((em) =>
    run(em, sql.usersPage({ after, limit: limit + 1, key, patterns, domains })),
  );
  return page(
    rows.map((row) => userView(stateOf(row))),
    limit,
    ({ id }) => [id],
  );
}
