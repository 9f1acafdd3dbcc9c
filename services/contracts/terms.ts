/** How long a deleted user's addresses are nobody else's, and so what a row of the registry means at a time. Pure. */
import type { AddressStatus } from "./user.ts";

export const dayMs = 24 * 60 * 60 * 1000;

export interface Terms {
  /** A deleted user's addresses can be restored for this long … */
  readonly tombstoneDays: number;
  /** … then only the same user may take them for this long, then anyone. */
  readonly quarantineDays: number;
}

/** The latest time of deletion whose addresses are free at `now`. */
export const freedBefore = (now: Date, terms: Terms): Date =>
  new Date(now.getTime() - (terms.tombstoneDays + terms.quarantineDays) * dayMs);

/** The registry's clock decides; users' may differ from it by this. */
const toleranceMs = 60_000;

/** A user deleted so long ago that the registry, whose `freedBefore` that is, may rightly have given its addresses away. */
export const mayHaveLostAddresses = (user: { readonly deletedAt: string | null }, freed: string): boolean =>
  user.deletedAt !== null && Date.parse(user.deletedAt) <= Date.parse(freed) + toleranceMs;

export interface Holding {
  readonly status: "reserved" | "active" | "deleted";
  readonly deletedAt: Date | null;
}

/**
 * A term is over when it has wholly passed: at its last instant the address is free, as the registry's statements have it
 * (`<=`). A hold is one as long as its row is there, also when it has lapsed: whether its user was committed is found out
 * before the row goes, and until then nobody can say that it is available.
 */
export function statusOf(holding: Holding | undefined, now: Date, terms: Terms): AddressStatus {
  if (holding === undefined) return "available";
  if (holding.status !== "deleted") return holding.status;
  const deletedAt = holding.deletedAt ?? new Date(0);
  if (now < restorableUntil(deletedAt, terms)) return "deleted";
  return now < freedAt(deletedAt, terms) ? "quarantined" : "available";
}

const daysAfter = (time: Date, days: number): Date => new Date(time.getTime() + days * dayMs);

export const restorableUntil = (deletedAt: Date, { tombstoneDays }: Terms): Date =>
  daysAfter(deletedAt, tombstoneDays);

/** When both terms of a deletion are over. */
export const freedAt = (deletedAt: Date, { tombstoneDays, quarantineDays }: Terms): Date =>
  daysAfter(deletedAt, tombstoneDays + quarantineDays);
