/**
 * Promise: addresses that nobody has, which is nearly every request, are held by one statement for all requests that
 * wait together; whatever is not that plain (an address taken, blocked, held or owned already) is decided alone, after
 * it and by the statement that sees everything (reserve-alone.ts). No request's outcome depends on its neighbours'.
 *
 * A statement a request costs the registry about ten times as much CPU as a row in a shared one.
 */
import { sql } from "kysely";
import { coalescer, type Outcome } from "../../mixins/coalescing.ts";
import { currentLatenessMs } from "../../mixins/moleculer/lateness.ts";
import { type Database, isContention, isUniqueViolation } from "../../mixins/postgres/database.ts";
import { json, run } from "../../mixins/postgres/statement.ts";
import { addressKey } from "../contracts/address.ts";
import { Unavailable } from "../contracts/errors.ts";
import type { Reservation } from "../contracts/reservations.ts";
import { freedBefore } from "../contracts/terms.ts";
import { tombstoneOf } from "./erasure-sql.ts";
import { release, reserveAlone } from "./reserve-alone.ts";
import type { RegistryRules, ReserveRequest, Wanted } from "./reserve-request.ts";
import { withoutDiskWait } from "./sql.ts";

/** Nobody who asks waits longer (users). */
const callerWaitsMsMax = 1_400;
/** Left for the last statement and the answer, when a request is run again or looks on for a suffix. */
const answerMs = 250;
/** In one statement. */
const limits = { itemsMax: 64 };

interface Plain {
  readonly request: ReserveRequest;
  readonly heldSince: Date;
  readonly expiresAt: Date;
  readonly wanted: readonly Wanted[];
}

/**
 * Rejects with Refusal `address-taken` or Unavailable. What is granted after `callerWaitsMs` would be held for nobody,
 * and the caller's release may have come before it: it is let go.
 */
export type Reserve = (request: ReserveRequest, callerWaitsMs?: number) => Promise<Reservation>;

/**
 * Holds of many requests for addresses that nobody has: the primary key alone decides, and what it refuses is nobody's
 * loss but a second look (`reserve`). Of two requests in one statement that want the same key, the first gets it.
 */
const reserveFresh = (wanted: readonly object[], freed: Date) => sql<{ key: string; reservationId: string }>`
insert into addresses (key, address, user_id, kind, status, reservation_id, requested_key, held_since, expires_at)
select w.key, w.address, w.user_id, w.kind, 'reserved', w.reservation_id, w.key, w.held_since, w.expires_at
from ${withoutDiskWait}, jsonb_to_recordset(${json(wanted)}) as w(key text, address text, user_id uuid, kind text,
  reservation_id text, held_since timestamptz, expires_at timestamptz, place int)
where not exists (${tombstoneOf("w.key", freed)})
order by w.key, w.place
on conflict (key) do nothing
returning key, reservation_id`;

/** Which requests got everything; what a request got of a part stays its hold, and is used or released alone. */
async function holdTogether(db: Database, items: readonly Plain[], freed: Date): Promise<Outcome<boolean>[]> {
  const rows = items.flatMap(({ request, wanted, heldSince, expiresAt }, place) =>
    wanted.map(({ key, address, kind }) => ({
      key,
      address,
      kind,
      user_id: request.userId,
      reservation_id: request.reservationId,
      held_since: heldSince,
      expires_at: expiresAt,
      place,
    })),
  );
  try {
    const held = await db.read((em) => run(em, reserveFresh(rows, freed)));
    const got = new Set(held.map(({ key, reservationId }) => `${reservationId}\n${key}`));
    return items.map(({ request, wanted }) => ({
      value: wanted.every(({ key }) => got.has(`${request.reservationId}\n${key}`)),
    }));
  } catch (error) {
    // One of them has held another address in place of this one before: each finds its own alone.
    if (isUniqueViolation(error) || isContention(error)) return items.map(() => ({ value: false }));
    throw error;
  }
}

/** By key; what comes first (the primary, by order or by kind) decides. */
export function wantedOf(request: ReserveRequest): Wanted[] {
  const byKey = new Map<string, Wanted>();
  let secondaries = 0;
  const rows = request.addresses.map(({ address, kind }) => {
    const pointer = kind === "primary" ? "#/primarySmtp" : `#/secondarySmtps/${secondaries++}`;
    return { key: addressKey(address), address, kind, pointer };
  });
  for (const row of rows)
    if (!byKey.has(row.key) || (row.kind === "primary" && byKey.get(row.key)?.kind !== "primary"))
      byKey.set(row.key, row);
  return [...byKey.values()];
}

/** For one process of smtp-registry. */
export function reserver(db: Database, rules: RegistryRules): Reserve {
  const holdFresh = coalescer(
    (items: readonly Plain[]) => holdTogether(db, items, freedBefore(rules.now(), rules.terms)),
    limits,
  );

  async function reserveNow(request: ReserveRequest, giveUpAt: number): Promise<Reservation> {
    const wanted = wantedOf(request);
    const plain = (request.alsoTaken?.length ?? 0) === 0 && !wanted.some(({ key }) => rules.blocked.has(key));
    const heldSince = rules.now();
    const expiresAt = new Date(heldSince.getTime() + rules.reservationTtlMs);
    if (!plain || !(await holdFresh({ request, wanted, heldSince, expiresAt })))
      return reserveAlone(db, rules, { request, wanted }, giveUpAt - answerMs);
    return {
      reservationId: request.reservationId,
      expiresAt: expiresAt.toISOString(),
      addresses: request.addresses.map(({ address, kind }) => ({
        requested: address,
        assigned: address,
        kind,
      })),
    };
  }

  return async (request, callerWaitsMs = callerWaitsMsMax) => {
    const giveUpAt = performance.now() + Math.min(callerWaitsMs, callerWaitsMsMax) - currentLatenessMs();
    const reservation = await reserveNow(request, giveUpAt);
    if (performance.now() < giveUpAt) return reservation;
    await release(db, request);
    throw new Unavailable("smtp-registry", "Cannot reserve: it took longer than the caller waits");
  };
}
