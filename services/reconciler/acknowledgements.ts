/**
 * Promise: a difference that nothing can end is counted until somebody has said why it is accepted, and again as soon
 * as it is another one. Who, when, why and in which request is kept for ever.
 */
import type { Database } from "../../mixins/postgres/database.ts";
import type { AcknowledgedDifference, Acknowledgement, Difference } from "../contracts/reconciliation.ts";

/** Parameter: user ids as an array literal. */
const ofUsers = `
select user_id as "userId", check_name as "check", gap, acknowledged_at as at, acknowledged_by as by, reason,
  correlation_id as "correlationId"
from consistency_acknowledgements where user_id = any (?::uuid[])`;

/** The first word on a difference stands. Parameters: user, check, gap, actor, reason, correlation id. */
const keep = `
insert into consistency_acknowledgements
  (user_id, check_name, gap, acknowledged_by, reason, correlation_id)
values (?, ?, ?, ?, ?, ?)
on conflict do nothing`;

type Key = Pick<Difference, "userId" | "check" | "gap">;
type Row = Key & Omit<Acknowledgement, "at"> & { readonly at: Date | string };

const keyOf = ({ userId, check, gap }: Key): string => `${userId} ${check} ${gap}`;

/** With what somebody has said of it; undefined: nobody has. */
export type Acknowledged = (difference: Difference) => AcknowledgedDifference | undefined;

export async function acknowledgedOf(db: Database, userIds: readonly string[]): Promise<Acknowledged> {
  const rows = await db.read((em) => em.execute<Row[]>(ofUsers, [`{${userIds.join(",")}}`]));
  const known = new Map(rows.map((row) => [keyOf(row), row]));
  return (difference) => {
    const row = known.get(keyOf(difference));
    if (row === undefined) return undefined;
    const { at, by, reason, correlationId } = row;
    const acknowledged = { at: new Date(at).toISOString(), by, reason, correlationId };
    return { ...difference, acknowledged };
  };
}

/** All of them or none. Differences without a gap are left out: a repair ends them. */
export async function acknowledge(
  db: Database,
  differences: readonly Difference[],
  { by, reason, correlationId }: Omit<Acknowledgement, "at">,
): Promise<void> {
  await db.transaction(async (em) => {
    for (const { userId, check, gap } of differences)
      if (gap !== null) await em.execute(keep, [userId, check, gap, by, reason, correlationId]);
  });
}
