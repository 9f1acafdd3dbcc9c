/** Who had an address, from when to when; and that it is kept for nobody any more. */
import * as z from "zod";
import type { Database } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { run } from "../../mixins/postgres/statement.ts";
import type { Principal } from "../contracts/access.ts";
import type { ActionParams } from "../contracts/actions.ts";
import { addressKey } from "../contracts/address.ts";
import type { AddressHistoryEntry, AddressHistoryPage } from "../contracts/look-up.ts";
import { freedAt } from "../contracts/terms.ts";
import { freeTombstone } from "./erasure-sql.ts";
import { refuseImpossible, refuseOutOfReach } from "./look-up.ts";
import { nobody, type PastRow, pastOfKey } from "./past-sql.ts";
import type { RegistryRules } from "./reserve-request.ts";
import { earlier } from "./status.ts";

const Cursor = z.tuple([z.iso.datetime(), z.int(), z.uuid(), z.enum(["active", "deleted"])]);

/**
 * Newest first; of somebody who was erased that somebody had it, until its terms are over. Refusals as of a look-up:
 * `not-found` where the domain is not the asker's, `invalid-fields` for what can be nobody's address.
 */
export async function listPast(
  db: Database,
  rules: RegistryRules,
  { address, limit, cursor }: ActionParams<"smtp-registry.history">,
  asker?: Principal | null,
): Promise<AddressHistoryPage> {
  refuseOutOfReach(address, asker);
  const after = cursor === undefined ? undefined : decodeCursor(cursor, Cursor);
  const rows = await db.read((em) => run(em, pastOfKey(addressKey(address), after, limit + 1)));
  if (rows.length === 0) refuseImpossible(address);
  const { items, nextCursor } = page(rows, limit, ({ at, version, userId, state }) => [
    at.toISOString(),
    version,
    userId ?? nobody,
    state,
  ]);
  return { items: items.map((row) => entryOf(row, address, rules)), nextCursor };
}

function entryOf(row: PastRow, asked: string, { terms }: RegistryRules): AddressHistoryEntry {
  const until = row.state === "deleted" ? earlier(freedAt(row.at, terms), row.ends) : row.ends;
  return {
    userId: row.userId,
    version: row.userId === null ? null : row.version,
    address: row.address ?? asked,
    kind: row.kind,
    status: row.state,
    from: row.at.toISOString(),
    until: until?.toISOString() ?? null,
  };
}

/** Ends a tombstone before its terms are over; resolves with how many there were. Twice is once. */
export async function freeAddress(
  db: Database,
  { now }: Pick<RegistryRules, "now">,
  { address, userId, deletedUntil }: ActionParams<"smtp-registry.free">,
): Promise<number> {
  const request = { key: addressKey(address), userId, deletedUntil: new Date(deletedUntil), now: now() };
  const [row] = await db.read((em) => run(em, freeTombstone(request)));
  return row?.freed ?? 0;
}
