/** What the registry says of itself to the reconciler: each user that it knows as a version and a hash of its addresses. */
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import type { ActionResult } from "../contracts/actions.ts";
import { addressesHash, type DigestQuery } from "../contracts/reconciliation.ts";
import { freedBefore } from "../contracts/terms.ts";
import type { ProjectionRules } from "./projection.ts";
import * as sql from "./users-sql.ts";

/** In the order of ids; holds are no facts and not told. */
export async function digestRegistry(
  db: Database,
  rules: ProjectionRules,
  { after, limit, userIds }: DigestQuery,
): Promise<ActionResult<"smtp-registry.digest">> {
  const rows = await db.read(async (em) => {
    const ids = userIds ?? (await run(em, sql.usersAfter(after, limit))).map(({ userId }) => userId);
    return run(em, sql.heldByUsers(ids));
  });
  const items = [...Map.groupBy(rows, ({ userId }) => userId)].map(([userId, group]) => ({
    userId,
    version: group[0]?.version ?? 0,
    addressesHash: addressesHash(sql.addressesIn(group)),
  }));
  return { items, freedBefore: freedBefore(rules.now(), rules.terms).toISOString() };
}
