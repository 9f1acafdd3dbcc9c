/** The reads, straight from the rows of users; they go on while smtp-registry or RabbitMQ is away. */
import { coalescer } from "../../mixins/coalescing.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { isLimited, type Principal } from "../contracts/access.ts";
import type { CreatedUser } from "../contracts/actions.ts";
import { parseAddress } from "../contracts/address.ts";
import type { Assignment } from "../contracts/assignment.ts";
import { Refusal } from "../contracts/errors.ts";
import { UserState } from "../contracts/events.ts";
import { localKey } from "../contracts/local-key.ts";
import { User, type UserFieldName, userFieldNames, userFields } from "../contracts/user.ts";
import { refuseUnseen } from "./domain-rules.ts";
import * as sql from "./sql.ts";

/** In one statement. */
const readLimits = { itemsMax: 100, endOfTurn: true };

/** The row as the rules know it. */
export const stateOf = (row: sql.StateRow): UserState => ({
  ...membersOf(row, stateMembers),
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
  deletedAt: row.deletedAt?.toISOString() ?? null,
  ...(row.released == null || row.deletedAt == null ? {} : { released: row.released }),
});

type Members = readonly (keyof UserState)[];
const shownMembers = Object.keys(User.shape) as Members;
const stateMembers = Object.keys(UserState.omit({ released: true }).shape) as Members;

/** A copy by names: the rest of a destructured object costs as much. */
function membersOf(row: object, members: Members): UserState {
  const copy: Record<string, unknown> = {};
  for (const member of members) copy[member] = (row as Record<string, unknown>)[member];
  return copy as never;
}

/** What a client sees of a user. */
export const userView = (user: UserState): User => membersOf(user, shownMembers);

/** Folded as addresses are; a final sigma is one only at a word's end, which a part of the word must not depend on. */
export const searchable = (text: string): string => localKey(text).replaceAll("ς", "σ");

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
    .flatMap((name) => (user[name] ?? []) as string | readonly string[])
    .flatMap(formsOf)
    .map(searchable)
    .join("\n");

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

/** Throws Refusal `not-found`; `deleted`: also a deleted one is looked for. */
export async function findUser(
  findState: FindState,
  id: string,
  asker: Principal | null | undefined,
  deleted: boolean,
): Promise<UserState> {
  const state = await findState(id);
  if (state !== undefined && isLimited(asker)) refuseUnseen(asker, state);
  if (state === undefined || (state.deletedAt !== null && !deleted))
    throw new Refusal("not-found", "Cannot find the user: there is none with this id");
  return state;
}

/** The answer to a create. */
export function createdView(state: UserState, assignments: Assignment[]): CreatedUser {
  const primary = assignments.find(({ kind }) => kind === "primary");
  return {
    ...userView(state),
    ...(primary === undefined ? {} : { requestedSmtp: primary.requested }),
    ...(assignments.length === 0 ? {} : { assignments }),
  };
}
