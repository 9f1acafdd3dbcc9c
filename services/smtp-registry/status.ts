/** From when to when a row means what it does. Pure: the clock and the terms come in. */
import { freedAt, type Holding, restorableUntil, type Terms } from "../contracts/terms.ts";
import type { AddressStatus } from "../contracts/user.ts";

/** null: never. */
export const earlier = (time: Date, other: Date | null): Date =>
  other !== null && other < time ? other : time;

/** What is known of when a holding began and ended; null: not known, or not ended. */
export interface Bounds {
  readonly since: Date | null;
  readonly ends: Date | null;
}

/** From when to when a holding has a status: a term's ends count beside its own. */
export function boundsOf(
  { deletedAt, since, ends }: Holding & Bounds,
  status: AddressStatus,
  terms: Terms,
): { since: Date | null; until: Date | null } {
  if (status === "active" || status === "reserved") return { since, until: ends };
  if (deletedAt === null || (status !== "deleted" && status !== "quarantined"))
    return { since: null, until: null };
  const restorable = restorableUntil(deletedAt, terms);
  return status === "deleted"
    ? { since: deletedAt, until: earlier(restorable, ends) }
    : { since: restorable, until: earlier(freedAt(deletedAt, terms), ends) };
}
