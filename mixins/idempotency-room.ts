/** How many idempotency keys a caller may have (idempotency.ts). */
import { sql } from "kysely";
import { Refusal } from "../services/contracts/errors.ts";
import type { Database } from "./postgres/database.ts";
import { run } from "./postgres/statement.ts";

interface RoomOptions {
  /** Keys of one caller that are kept at a time; 0: any number. */
  readonly keysMax?: number;
  readonly now: () => Date;
}

/** No further than it matters. */
const countLive = (scope: string, now: Date, rowsMax: number) => sql<{ count: number }>`
  select count(*)::int as count
  from (select 1 from idempotency where scope = ${scope} and expires_at > ${now} limit ${rowsMax}) live`;

/** What was counted is known for so long; what this process adds meanwhile is added. */
const countKeptMs = 60_000;
/** Who has none left is counted again this often. */
const usedUpKeptMs = 1_000;
/** Callers whose count is known. */
const scopesMax = 1_000;

/**
 * Whether a caller's keys leave room for another one. Counted in the database at times and in this process between: other
 * processes may add as many as they have counted for themselves, so the bound holds within a factor of their number.
 */
export function keysRoom(db: Database, { keysMax = 0, now }: RoomOptions) {
  const counts = new Map<string, { count: number; readonly atMs: number }>();
  const refused = (): Refusal =>
    new Refusal(
      "idempotency-keys-used-up",
      `Cannot keep another idempotency key: this caller has ${keysMax}; send the request without one, or once some have expired`,
    );
  return {
    /** Counts another one. Throws Refusal. */
    async require(scope: string): Promise<void> {
      if (keysMax === 0) return;
      const nowMs = performance.now();
      let known = counts.get(scope);
      const keptMs = (known?.count ?? 0) >= keysMax ? usedUpKeptMs : countKeptMs;
      if (known === undefined || nowMs - known.atMs > keptMs) {
        const [row] = await db.read((em) => run(em, countLive(scope, now(), keysMax)));
        known = { count: row?.count ?? 0, atMs: nowMs };
        if (counts.size >= scopesMax) counts.clear();
        counts.set(scope, known);
      }
      const isUsedUp = known.count >= keysMax;
      if (isUsedUp) throw refused();
      known.count += 1;
    },
  };
}
