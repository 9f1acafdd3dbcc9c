/**
 * Promise: no two living users have one userName, compared without case. The unique index decides, at the moment of the
 * commit; only who meets it comes here. A deleted user keeps theirs, and gets it back by a restore unless somebody has it
 * by then.
 */
import { type Database, isUniqueViolation } from "../../mixins/postgres/database.ts";
import { isLimited, type Principal } from "../contracts/access.ts";
import { Refusal } from "../contracts/errors.ts";
import { userNameKey } from "../contracts/user.ts";
import { sees } from "./domain-rules.ts";
import { UserRow, userNameIndex } from "./entities.ts";
import { stateOf } from "./queries.ts";
import type { Changed } from "./rules.ts";

export const isUserNameTaken = (error: unknown): boolean => isUniqueViolation(error, userNameIndex);

/** Throws Refusal `user-name-taken` where another user still has it; else the write may be tried again. */
export async function refuseTakenUserName(
  { db }: { readonly db: Database },
  { state, changes }: Changed,
  asker: Principal | null | undefined,
): Promise<void> {
  const { id, userName } = state;
  if (userName == null) return;
  const living = { userNameKey: userNameKey(userName), deletedAt: null };
  const row = await db.read((em) => em.findOne(UserRow, living));
  if (row === null || row.id === id) return;
  const isSeen = !isLimited(asker) || sees(asker, stateOf(row));
  const conflict = { userName, status: "active" as const, userId: isSeen ? row.id : null };
  // A restore has no body that could name it.
  const pointer = changes.some(({ field }) => field === "userName") ? "#/userName" : "#";
  throw new Refusal("user-name-taken", "Cannot give the user this userName: another has it", {
    errors: [{ pointer, detail: "is not available: it is active", conflict }],
  });
}
