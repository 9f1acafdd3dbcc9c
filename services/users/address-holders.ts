/** Who has an address by the users' own guard, for a registry that waits to hear of it. Reads only. */
import type { Database } from "../../mixins/postgres/database.ts";
import type { HeldKey } from "../contracts/reservations.ts";
import { heldAddresses } from "./digest.ts";
import { AddressKey, UserRow } from "./entities.ts";
import { stateOf } from "./queries.ts";

/** In no order; a key that nobody has is left out, as is one whose terms are over. */
export async function holdersOf(db: Database, freed: Date, keys: readonly string[]): Promise<HeldKey[]> {
  const isHeld = { $or: [{ deletedAt: null }, { deletedAt: { $gt: freed } }] };
  const rows = await db.read(async (em) => {
    const held = await em.find(AddressKey, { key: { $in: [...keys] }, ...isHeld });
    return em.find(UserRow, { id: { $in: [...new Set(held.map(({ userId }) => userId))] } });
  });
  const isAsked = new Set(keys);
  return rows.flatMap((row) => {
    const user = stateOf(row);
    return heldAddresses(user)
      .filter(({ key }) => isAsked.has(key))
      .map(({ key, address, kind }) => ({ key, address, kind, userId: user.id }));
  });
}
