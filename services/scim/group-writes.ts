/**
 * A write of a group: one transaction, under the lock of the group's row, with what is kept for a repeat of its key.
 * Rejects with a Refusal, or as the database does.
 */
import { isDeepStrictEqual } from "node:util";
import { LockMode } from "@mikro-orm/core";
import type { Idempotency, IdempotentCall, Ticket } from "../../mixins/idempotency.ts";
import { type Database, type EntityManager, isUniqueViolation } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { Refusal } from "../contracts/errors.ts";
import { scimRefusal } from "../contracts/scim.ts";
import type { GroupReader } from "./group-lists.ts";
import type { MemberChange } from "./group-members.ts";
import { type GroupFields, groupTag, versionIn } from "./group-resource.ts";
import { groupNameIndex, ScimGroupRow } from "./group-rows.ts";
import { addMembers, removeMembers, shownMemberIds } from "./group-sql.ts";
import { isUuid } from "./values.ts";

const notFound = (): Refusal => new Refusal("not-found", "Cannot find the group: there is none with this id");

/** A group that is this reader's to see. Throws Refusal `not-found`. */
export async function findGroup(
  em: EntityManager,
  id: string,
  { client, domains }: GroupReader,
  lockMode?: LockMode.PESSIMISTIC_WRITE,
): Promise<ScimGroupRow> {
  if (!isUuid(id)) throw notFound();
  const where = { id: id.toLowerCase(), ...(domains === undefined ? {} : { client }) };
  const row = await em.findOne(ScimGroupRow, where, lockMode === undefined ? {} : { lockMode });
  if (row === null) throw notFound();
  return row;
}

/** Throws Refusal `not-found`, or `version-mismatch`. */
export async function lockedGroup(
  em: EntityManager,
  id: string,
  reader: GroupReader,
  expected: readonly string[] | undefined,
): Promise<ScimGroupRow> {
  const row = await findGroup(em, id, reader, LockMode.PESSIMISTIC_WRITE);
  if (expected !== undefined && !expected.some((tag) => versionIn(tag) === row.version))
    throw new Refusal("version-mismatch", `Cannot change the group: its version is ${groupTag(row.version)}`);
  return row;
}

/** How many have come or gone. Throws Refusal `invalidValue`. */
export async function changeMembers(
  em: EntityManager,
  groupId: string,
  { replaces, added, removed }: MemberChange,
  { domains }: GroupReader,
): Promise<number> {
  const gone = [...removed];
  if (replaces)
    for (const { userId } of await run(em, shownMemberIds(groupId, domains)))
      if (!added.has(userId)) gone.push(userId);
  let changes = 0;
  if (gone.length > 0) changes += (await run(em, removeMembers(groupId, gone, domains)))[0]?.members ?? 0;
  if (added.size === 0) return changes;
  const [come] = await run(em, addMembers(groupId, [...added], domains));
  if (come?.stranger != null)
    throw scimRefusal("invalidValue", `members: there is no user of the id ${come.stranger}`);
  return changes + (come?.members ?? 0);
}

async function unlessTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUniqueViolation(error, groupNameIndex)) throw error;
    throw scimRefusal("uniqueness", "displayName is not available: another group has it");
  }
}

/** The row after the change; the one of before where nothing was changed. */
export async function changeGroup(
  em: EntityManager,
  before: ScimGroupRow,
  fields: GroupFields,
  change: MemberChange,
  { reader, at }: { readonly reader: GroupReader; readonly at: Date },
): Promise<ScimGroupRow> {
  const members = await changeMembers(em, before.id, change, reader);
  const { displayName, displayNameKey, client, externalId = null } = before;
  if (members === 0 && isDeepStrictEqual({ displayName, displayNameKey, client, externalId }, fields))
    return before;
  const after = { ...fields, version: before.version + 1, updatedAt: at };
  await em.nativeUpdate(ScimGroupRow, { id: before.id }, after);
  return { ...before, ...after };
}

export interface WriteDeps {
  readonly db: Database;
  readonly keys: Pick<Idempotency, "run">;
}

/** What is kept for a repeat is the id alone: the rest may be large, and tells who is a member. */
export async function writeGroup<T>(
  { db, keys }: WriteDeps,
  call: IdempotentCall,
  work: (em: EntityManager) => Promise<{ readonly id: string; readonly answer: T }>,
  repeated: (id: string) => Promise<T>,
): Promise<T> {
  let first: { readonly answer: T } | undefined;
  const kept = await keys.run(call, (ticket: Ticket) =>
    unlessTaken(() =>
      db.transaction(async (em) => {
        const done = await work(em);
        const { id } = done;
        await ticket.remember(em, { id });
        first = done;
        return { id };
      }),
    ),
  );
  return first === undefined || call.meta.idempotentReplayed === true ? repeated(kept.id) : first.answer;
}
