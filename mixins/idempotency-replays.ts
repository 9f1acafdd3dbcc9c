/**
 * The statements of what becomes of answers kept for idempotency keys (idempotency.ts): who got one again, and that they
 * end.
 */
import type { InferEntity } from "@mikro-orm/core";
import { sql } from "kysely";
import type { CallMeta } from "../services/contracts/actions.ts";
import { isCorrelationId } from "./context/correlation.ts";
import type { IdempotencyReplay } from "./idempotency-rows.ts";
import { errorText } from "./log/error-text.ts";
import type { Logger } from "./log/logging.ts";
import type { Database } from "./postgres/database.ts";
import { run } from "./postgres/statement.ts";

/** Small batches that step around each other, so that sweeping never holds up a write. */
export const deleteExpired = (now: Date, rowsMax: number) => sql`
  delete from idempotency where (scope, key) in (
    select scope, key from idempotency where expires_at <= ${now} order by expires_at limit ${rowsMax}
    for update skip locked)
  returning 1 as deleted`;

export const deleteExpiredReplays = (now: Date, rowsMax: number) => sql`
  delete from idempotency_replays where (correlation_id, operation) in (
    select correlation_id, operation from idempotency_replays where expires_at <= ${now} order by expires_at limit ${rowsMax}
    for update skip locked)
  returning 1 as deleted`;

/** Commits without waiting for the disk: a crash of the server may forget the last repeats, which nothing depends on. */
const insertReplay = (replay: Omit<InferEntity<typeof IdempotencyReplay>, "times">) => sql`
  insert into idempotency_replays as r
    (correlation_id, operation, first_correlation_id, action, times, replayed_at, expires_at)
  select ${replay.correlationId}, ${replay.operation}, ${replay.firstCorrelationId}, ${replay.action}, 1,
    ${replay.replayedAt}::timestamptz, ${replay.expiresAt}::timestamptz from (select set_config('synchronous_commit', 'off', true)) async
  on conflict (correlation_id, operation) do update
    set times = r.times + 1, replayed_at = excluded.replayed_at, expires_at = excluded.expires_at`;

interface Repeat {
  readonly action: string;
  readonly meta: CallMeta;
  /** Ticket.operationId of the first request. */
  readonly operation: string;
}
interface First {
  readonly expiresAt: Date;
  readonly correlationId: string | null;
}

/** Never rejects: the repeat has its answer whether or not this can be noted. */
export async function noteReplay(
  db: Database,
  { now, log }: { readonly now: () => Date; readonly log: Logger },
  { action, meta, operation }: Repeat,
  { expiresAt, correlationId: firstCorrelationId }: First,
): Promise<void> {
  const { correlationId } = meta;
  if (!isCorrelationId(correlationId)) return;
  const replay = { correlationId, operation, firstCorrelationId, action, replayedAt: now(), expiresAt };
  try {
    await db.read((em) => run(em, insertReplay(replay)));
  } catch (error) {
    log.warn({ reason: errorText(error) }, "A repeat can't be noted");
  }
}
