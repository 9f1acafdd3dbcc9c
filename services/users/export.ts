/** What is known of a person, in one answer: what users says, the registry's history and the audit log. Reads only. */
import * as z from "zod";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import type { Principal } from "../contracts/access.ts";
import type { ActionParams, ActionResult } from "../contracts/actions.ts";
import type { AuditEntry } from "../contracts/audit.ts";
import type { Erasure, UserExport } from "../contracts/erasure.ts";
import { Refusal } from "../contracts/errors.ts";
import { pageSizeMax } from "../contracts/paging.ts";
import { refuseUnlessWhole } from "./domain-rules.ts";
import { ErasureRow, ScimUserRow, UserRow } from "./entities.ts";
import { stateOf } from "./queries.ts";

/** More than a person has in a lifetime; whoever has more is told that it is not all. */
const auditPagesMax = 25;
const askTimeoutMs = 1_000;

type Caller = Parameters<typeof callAction>[0];

const shown = (row: ErasureRow): Erasure => ({
  userId: row.userId,
  at: row.erasedAt.toISOString(),
  by: row.erasedBy,
  reason: row.reason,
});

const provisionedOf = ({ client, externalId, emails, attributes }: ScimUserRow) => ({
  client,
  externalId: externalId ?? null,
  emails,
  attributes,
});

const Cursor = z.tuple([z.uuid()]);

/** In the order of ids. Throws Refusal `invalid-fields` for a cursor of another list. */
export async function listErasures(
  db: Database,
  { cursor, limit }: ActionParams<"users.erasures">,
): Promise<ActionResult<"users.erasures">> {
  const where = cursor === undefined ? {} : { userId: { $gt: decodeCursor(cursor, Cursor)[0] } };
  const rows = await db.read((em) =>
    em.find(ErasureRow, where, { orderBy: { userId: "asc" }, limit: limit + 1 }),
  );
  return page(rows.map(shown), limit, ({ userId }) => [userId]);
}

async function auditOf(caller: Caller, userId: string): Promise<{ entries: AuditEntry[]; isAll: boolean }> {
  const entries: AuditEntry[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < auditPagesMax; pages += 1) {
    const query = { userId, limit: pageSizeMax, ...(cursor === null ? {} : { cursor }) };
    const answer: ActionResult<"audit.list"> = await callAction(caller, "audit.list", query, {
      timeout: askTimeoutMs,
    });
    entries.push(...answer.items);
    cursor = answer.nextCursor;
    if (cursor === null) return { entries, isAll: true };
  }
  return { entries, isAll: false };
}

/** Of a deleted or an erased user too. Throws Refusal `not-found`; rejects as the services do that are asked. */
export async function exportUser(
  db: Database,
  caller: Caller,
  id: string,
  now: Date,
  asker: Principal | null | undefined,
): Promise<UserExport> {
  const userId = id.toLowerCase();
  const [row, erasure, said] = await db.read(async (em) => [
    await em.findOne(UserRow, { id: userId }),
    await em.findOne(ErasureRow, { userId }),
    await em.findOne(ScimUserRow, { userId }),
  ]);
  if (row === null) throw new Refusal("not-found", "Cannot find the user: there is none with this id");
  refuseUnlessWhole(asker, row.erasedAt ? undefined : stateOf(row));
  const [addresses, { entries, isAll }] = await Promise.all([
    callAction(caller, "smtp-registry.addresses-of", { userId }, { timeout: askTimeoutMs }),
    auditOf(caller, userId),
  ]);
  return {
    userId,
    exportedAt: now.toISOString(),
    user: row.erasedAt ? null : stateOf(row),
    provisioned: said && provisionedOf(said),
    erasure: erasure === null ? null : shown(erasure),
    addresses: addresses.items,
    audit: entries,
    isComplete: isAll,
  };
}
