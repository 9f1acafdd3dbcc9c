/** What the registry says of itself to the reconciler: each user that it knows as a version and a hash of its addresses. */
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/text-statement.ts";
import type { ActionResult } from "../contracts/actions.ts";
import { addressesHash, type DigestedAddress, type DigestQuery } from "../contracts/reconciliation.ts";
import { freedBefore } from "../contracts/terms.ts";
import type { ProjectionRules } from "./projection.ts";
import * as sql from "./users-sql.ts";

interface Row {
  readonly user_id: string;
  readonly version: number;
  readonly key: string | null;
  readonly address: string;
  readonly kind: DigestedAddress["kind"];
  readonly status: DigestedAddress["state"];
}

function byUser(rows: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.user_id);
    if (group === undefined) groups.set(row.user_id, [row]);
    else group.push(row);
  }
  return groups;
}

/** In the order of ids; holds are no facts and not told. */
export async function digestRegistry(
  db: Database,
  rules: ProjectionRules,
  { after, limit, userIds }: DigestQuery,
): Promise<ActionResult<"smtp-registry.digest">> {
  const rows = await db.read(async (em) => {
    const ids =
      userIds ??
      (await run<{ user_id: string }>(em, sql.usersAfter, { after, limit })).map(({ user_id }) => user_id);
    return run<Row>(em, sql.heldByUsers, { userIds: ids });
  });
  const items = [...byUser(rows)].map(([userId, group]) => ({
    userId,
    version: group[0]?.version ?? 0,
    addressesHash: addressesHash(
      group.flatMap(({ key, address, kind, status }) =>
        key === null ? [] : [{ key, address, kind, state: status }],
      ),
    ),
  }));
  return { items, freedBefore: freedBefore(rules.now(), rules.terms).toISOString() };
}
