/** What stands against many addresses at once, for a check of what writes of them would do. Reads only. */
import type { Database } from "../../mixins/postgres/database.ts";
import type { TakenAddress } from "../contracts/reservations.ts";
import { type Holding, statusOf } from "../contracts/terms.ts";
import { AddressRow } from "./entities.ts";
import type { RegistryRules } from "./reserve-request.ts";

/** In no order; a key that anybody may take is left out. What erased users have left is known to users as well. */
export async function takenOf(
  db: Database,
  { now, terms, blocked }: RegistryRules,
  keys: readonly string[],
): Promise<TakenAddress[]> {
  const at = now();
  const rows = await db.read((em) => em.find(AddressRow, { key: { $in: [...keys] } }));
  const held = rows.flatMap(({ key, userId, status, deletedAt }) => {
    const current = statusOf(
      { status: status as Holding["status"], deletedAt: deletedAt ?? null },
      at,
      terms,
    );
    return current === "available" ? [] : [{ key, status: current, userId }];
  });
  const isHeld = new Set(held.map(({ key }) => key));
  const nobodys = keys.filter((key) => !isHeld.has(key) && blocked.has(key));
  return [...held, ...nobodys.map((key) => ({ key, status: "blocked" as const, userId: null }))];
}
