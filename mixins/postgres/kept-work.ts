/**
 * Work that a request begins and that is kept with what became of it (docs/adr/0060).
 *
 * Promise: whoever carries it out holds its lock (exclusive.ts) from before its row is there until after that says how it
 * ended. So a row that says `running` while nobody holds the lock is of a process that has ended, and is told as
 * `interrupted`; what was called so once is not called otherwise by whoever comes late.
 */
import { p } from "@mikro-orm/core";
import type { Database } from "./database.ts";
import { isHeld } from "./exclusive.ts";

export type WorkStatus = "running" | "done" | "failed" | "interrupted";

/** The columns of each kind of it, beside its own. */
export const keptWorkProperties = {
  /** UUID version 7: in the order of their beginnings. */
  id: p.uuid().primary(),
  status: p.text(),
  startedAt: p.datetime(3),
  startedBy: p.text(),
  correlationId: p.text(),
  endedAt: p.datetime(3).nullable(),
  error: p.text().nullable(),
};

export const keptWorkCheck = (table: string) => ({
  name: `${table}_status_check`,
  expression: "status in ('running', 'done', 'failed', 'interrupted')",
});

export interface KeptWork {
  readonly id: string;
  readonly status: string;
  readonly startedAt: Date;
  readonly startedBy: string;
  readonly correlationId: string;
  readonly endedAt?: Date | null;
  readonly error?: string | null;
}

/** As whoever began it is answered; times in RFC 3339. */
export const keptWorkView = (row: KeptWork) => ({
  id: row.id,
  status: row.status as WorkStatus,
  startedAt: row.startedAt.toISOString(),
  startedBy: row.startedBy,
  correlationId: row.correlationId,
  endedAt: row.endedAt?.toISOString() ?? null,
  error: row.error ?? null,
});

/** The row, or read once more, as it is by its lock: it may have ended between two looks. */
export async function asItStands<R extends KeptWork>(
  db: Database,
  lock: bigint,
  row: R,
  again: () => Promise<R>,
): Promise<R> {
  if (row.status !== "running" || (await isHeld(db, lock))) return row;
  const now = await again();
  return now.status === "running" ? { ...now, status: "interrupted" } : now;
}
