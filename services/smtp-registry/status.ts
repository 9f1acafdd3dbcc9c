/** What a row means at a time. Pure: the clock and the terms come in. */
import { dayMs, type Terms } from "../contracts/terms.ts";
import type { AddressStatus } from "../contracts/user.ts";

export interface Holding {
  readonly status: "reserved" | "active" | "deleted";
  readonly expiresAt: Date | null;
  readonly deletedAt: Date | null;
}

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
