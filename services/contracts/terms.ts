/** How long a deleted user's addresses are nobody else's. */

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
