/**
 * Lists of users, straight from their rows: by creation, or by the last change for whoever keeps a copy in step.
 * Whoever is limited to domains is told of those alone who have an address there, deleted ones too.
 */
import * as z from "zod";
import type { Database } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { type EntityManager, run, runInTurn, type Statement } from "../../mixins/postgres/statement.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { addressKey, inOtherForm } from "../contracts/address.ts";
import type { UserState } from "../contracts/events.ts";
import { dayMs, type Terms } from "../contracts/terms.ts";
import type { ListedUser, UserPage } from "../contracts/user-lists.ts";
import * as sql from "./list-sql.ts";
import { searchable, stateOf, userView } from "./queries.ts";
import { searchLimits } from "./searches.ts";
import type { StateRow } from "./sql.ts";

const ByCreation = z.tuple([z.uuid()]);
const ByChange = z.tuple([z.iso.datetime(), z.uuid()]);

/** A LIKE pattern that finds the text itself: %, _ and \ stand for themselves. */
const containing = (text: string): string => `%${searchable(text).replaceAll(/[\\%_]/g, "\\$&")}%`;

/** As it is asked for, and with a domain in the other form: a user that is long unchanged may hold only that one. */
function patternsOf(q: string): string[] {
  const other = inOtherForm(q);
  return [...new Set([q, ...(other === undefined ? [] : [other])].map(containing))];
}

/** With the terms of a deleted one. */
export function listedUser(user: UserState, { tombstoneDays, quarantineDays }: Terms): ListedUser {
  if (user.deletedAt === null) return userView(user);
  const at = Date.parse(user.deletedAt);
  const daysAfter = (days: number): string => new Date(at + days * dayMs).toISOString();
  return {
    ...userView(user),
    deletedAt: user.deletedAt,
    restorableUntil: daysAfter(tombstoneDays),
    quarantinedUntil: daysAfter(tombstoneDays + quarantineDays),
  };
}

/** An index of trigrams narrows a text by each three letters or digits in a row; by a shorter one it reads everything. */
const trigram = { ascii: /[a-z0-9]{3}/, all: /[\p{L}\p{N}]{3}/u } as const;

/**
 * The first users behind the id are walked: a text of many is found there. Only one of few is looked up in the index,
 * which reads all that it finds before it can say who comes first.
 */
async function searched(em: EntityManager, query: Parameters<typeof sql.usersPage>[0]): Promise<StateRow[]> {
  const endMs = performance.now() + searchLimits.statementTimeoutMs;
  const leftMs = (): number => Math.max(1, Math.ceil(endMs - performance.now()));
  const knows = (letters: RegExp): boolean => query.patterns.every((each) => letters.test(each));
  if (query.key !== undefined || query.externalId !== undefined || !knows(trigram.all))
    return run(em, sql.usersPage(query));
  const [[planning], near] = await runInTurn(em, [sql.searchPlanning, sql.usersNear(query)]);
  if (near.length === query.limit) return near;
  let page = sql.usersPage(query);
  if (planning?.indexed === true && (planning.letters || knows(trigram.ascii))) {
    const asked = [sql.bitmapAlone(leftMs()), sql.indexedCount(query.patterns)] as const;
    const [, [count]] = await runInTurn(em, asked);
    if ((count?.found ?? 0) <= sql.indexedMax) page = sql.usersByText(query);
  }
  const [, rows] = await runInTurn(em, [sql.anyPlan(leftMs()), page]);
  return rows;
}

/**
 * By creation, oldest first: a user created meanwhile shows on a later page, none shows twice. With `updatedSince` by the
 * last change: one that changes meanwhile shows again. Throws Refusal `invalid-fields` for the cursor of another list.
 */
export async function listUsers(
  db: Database,
  query: ActionParams<"users.list">,
  terms: Terms,
  domains?: readonly string[],
): Promise<UserPage> {
  const { q, smtp, domain, externalId, deleted, updatedSince, cursor, limit } = query;
  // PostgreSQL can't be asked for a NUL, and no name or address has one.
  if (q?.includes("\0")) return { items: [], nextCursor: null };
  const key = smtp === undefined ? undefined : addressKey(smtp);
  const filter = {
    deleted,
    key,
    externalId,
    domain,
    patterns: q === undefined ? [] : patternsOf(q),
    domains,
  };
  const found = (statement: Statement<StateRow>) => db.read((em) => run(em, statement));
  const listed = (rows: readonly StateRow[]) => rows.map((row) => listedUser(stateOf(row), terms));
  if (updatedSince === undefined) {
    const after = cursor === undefined ? sql.beforeAll : decodeCursor(cursor, ByCreation)[0];
    const asked = { after, limit: limit + 1, ...filter };
    const rows =
      q === undefined ? await found(sql.usersPage(asked)) : await db.snapshot((em) => searched(em, asked));
    return page(listed(rows), limit, ({ id }) => [id]);
  }
  const [updatedAt, id] =
    cursor === undefined ? [updatedSince, sql.beforeAll] : decodeCursor(cursor, ByChange);
  const rows = await found(sql.changedUsers({ after: { updatedAt, id }, limit: limit + 1, ...filter }));
  return page(listed(rows), limit, (user) => [user.updatedAt, user.id]);
}
