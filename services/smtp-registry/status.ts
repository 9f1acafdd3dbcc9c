/** What a row means at a time. Pure: the clock and the terms come in. */
import { dayMs, type Terms } from "../contracts/terms.ts";
import type { AddressStatus } from "../contracts/user.ts";

export interface Holding {
  readonly status: "reserved" | "active" | "deleted";
  readonly deletedAt: Date | null;
}

/**
 * A term is over when it has wholly passed: at its last instant the address is free, as sql.ts has it (`<=`). A hold is
 * one as long as its row is there, also when it has lapsed: whether its user was committed is found out before the row
 * goes (lapsed-holds.ts), and until then nobody can say that it is available.
 */
export function statusOf(holding: Holding | undefined, now: Date, terms: Terms): AddressStatus {
  if (holding === undefined) return "available";
  if (holding.status !== "deleted") return holding.status;
  const sinceMs = now.getTime() - (holding.deletedAt?.getTime() ?? 0);
  if (sinceMs < terms.tombstoneDays * dayMs) return "deleted";
  return sinceMs < (terms.tombstoneDays + terms.quarantineDays) * dayMs ? "quarantined" : "available";
}
