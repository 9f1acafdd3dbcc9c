/**
 * Promise: a difference that nothing can end is counted until somebody has said why it is accepted, and again as soon
 * as it is another one. Who, when, why and in which request is kept for ever.
 */
import type { Database } from "../../mixins/postgres/database.ts";
import type { AcknowledgedDifference, Acknowledgement, Difference } from "../contracts/reconciliation.ts";
import { ConsistencyAcknowledgement } from "./entities.ts";

type Key = Pick<Difference, "userId" | "gap"> & { readonly check: string };

const keyOf = ({ userId, check, gap }: Key): string => `${userId} ${check} ${gap}`;

/** With what somebody has said of it; undefined: nobody has. */
export type Acknowledged = (difference: Difference) => AcknowledgedDifference | undefined;

export async function acknowledgementsOf(db: Database, userIds: readonly string[]): Promise<Acknowledged> {
  const rows = await db.read((em) => em.find(ConsistencyAcknowledgement, { userId: { $in: [...userIds] } }));
  const known = new Map(rows.map((row) => [keyOf({ ...row, check: row.checkName }), row]));
  return (difference) => {
    const row = known.get(keyOf(difference));
    if (row === undefined) return undefined;
    const { acknowledgedAt, acknowledgedBy: by, reason, correlationId } = row;
    const acknowledged = { at: acknowledgedAt.toISOString(), by, reason, correlationId };
    return { ...difference, acknowledged };
  };
}

/**
 * All of them or none, and the first word on a difference stands. Differences without a gap are left out: a repair ends
 * them.
 */
export async function acknowledge(
  db: Database,
  differences: readonly Difference[],
  { by, reason, correlationId }: Omit<Acknowledgement, "at">,
): Promise<void> {
  const rows = differences.flatMap(({ userId, check: checkName, gap }) =>
    gap === null ? [] : [{ userId, checkName, gap, acknowledgedBy: by, reason, correlationId }],
  );
  if (rows.length === 0) return;
  await db.transaction((em) =>
    em.upsertMany(ConsistencyAcknowledgement, rows, { onConflictAction: "ignore" }),
  );
}
