/** What users says of itself to the reconciler: each user, deleted ones too, as a version and a hash of its addresses. */
import type { Database } from "../../mixins/postgres/database.ts";
import type { ActionResult } from "../contracts/actions.ts";
import { addressKey } from "../contracts/address.ts";
import {
  addressesHash,
  type DigestedAddress,
  type DigestQuery,
  type UserDigest,
} from "../contracts/reconciliation.ts";
import { UserRow } from "./entities.ts";
import { stateOf } from "./queries.ts";
import { heldOf } from "./rules.ts";

/** What the registry should say of the user's addresses. */
export function heldAddresses(user: Parameters<typeof heldOf>[0]): DigestedAddress[] {
  const state = user.deletedAt === null ? "active" : "deleted";
  return heldOf(user).map(({ address, kind }) => ({ key: addressKey(address), address, kind, state }));
}

/** As `heldAddresses`; an erased user has none that anybody could tell. */
export const addressesOfRow = (row: UserRow): DigestedAddress[] =>
  row.erasedAt == null ? heldAddresses(stateOf(row)) : [];

function digestOf(row: UserRow): UserDigest {
  const user = stateOf(row);
  const { id: userId, version, updatedAt, deletedAt } = user;
  return { userId, version, addressesHash: addressesHash(addressesOfRow(row)), updatedAt, deletedAt };
}

/** In the order of ids. */
export async function digestUsers(db: Database, query: DigestQuery): Promise<ActionResult<"users.digest">> {
  const { after, limit, userIds } = query;
  const where =
    userIds === undefined ? (after === null ? {} : { id: { $gt: after } }) : { id: { $in: userIds } };
  const rows = await db.read((em) => em.find(UserRow, where, { orderBy: { id: "asc" }, limit }));
  return { items: rows.map(digestOf) };
}
