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
