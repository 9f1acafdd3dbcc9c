/** What users says of itself to the reconciler: each user, deleted ones too, as a version and a hash of its addresses. */
import type { Database } from "../../mixins/database.ts";
import type { ActionResult } from "../contracts/actions.ts";
import { addressKey } from "../contracts/address.ts";
import { addressesHash, type DigestQuery, type UserDigest } from "../contracts/reconciliation.ts";
import { UserRow } from "./entities.ts";
import { stateOf } from "./queries.ts";
import { addressesOf } from "./rules.ts";

function digestOf(row: UserRow): UserDigest {
  const user = stateOf(row);
  const state = user.deletedAt === null ? "active" : "deleted";
  const addresses = addressesOf(user).map(({ address, kind }) => ({
    key: addressKey(address),
    address,
    kind,
    state,
  })) satisfies Parameters<typeof addressesHash>[0];
  const { id: userId, version, updatedAt, deletedAt } = user;
  return { userId, version, addressesHash: addressesHash(addresses), updatedAt, deletedAt };
}

/** In the order of ids. */
export async function digestUsers(db: Database, query: DigestQuery): Promise<ActionResult<"users.digest">> {
  const { after, limit, userIds } = query;
  const where =
    userIds === undefined ? (after === null ? {} : { id: { $gt: after } }) : { id: { $in: userIds } };
  const rows = await db.read((em) => em.find(UserRow, where, { orderBy: { id: "asc" }, limit }));
  return { items: rows.map(digestOf) };
}
