/** What a row means at a time. Pure: the clock and the terms come in. */
import type { AddressStatus } from "../contracts/user.ts";

export const dayMs = 24 * 60 * 60 * 1000;

export interface Terms {
  /** A deleted user's addresses can be restored for this long … */
  readonly tombstoneDays: number;
  /** … then only the same user may take them for this long, then anyone. */
  readonly quarantineDays: number;
}

export interface Holding {
  readonly status: "reserved" | "active" | "deleted";
  readonly expiresAt: Date | null;
  readonly deletedAt: Date | null;
}

/** The latest time of deletion whose addresses are free at `now`. */
export const freedBefore = (now: Date, terms: Terms): Date =>
  new Date(now.getTime() - (terms.tombstoneDays + terms.quarantineDays) * dayMs);

/** A term is over when it has wholly passed: at its last instant the address is free, as sql.ts has it (`<=`). */
export function statusOf(holding: Holding | undefined, now: Date, terms: Terms): AddressStatus {
  if (holding === undefined) return "available";
  if (holding.status === "active") return "active";
  if (holding.status === "reserved")
    return holding.expiresAt !== null && holding.expiresAt > now ? "reserved" : "available";
  const sinceMs = now.getTime() - (holding.deletedAt?.getTime() ?? 0);
  if (sinceMs < terms.tombstoneDays * dayMs) return "deleted";
  return sinceMs < (terms.tombstoneDays + terms.quarantineDays) * dayMs ? "quarantined" : "available";
}
