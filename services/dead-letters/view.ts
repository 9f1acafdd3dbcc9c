/** How a stored letter looks to whoever asks. No I/O. */
import type {
  DeadLetter,
  DeadLetterCause,
  DeadLetterDetail,
  DeadLetterStatus,
} from "../contracts/dead-letters.ts";

type Time = Date | string;

/** A row as the statements answer it. */
export interface LetterRow {
  readonly id: string;
  readonly queue: string;
  readonly status: DeadLetterStatus;
  readonly eventId: string | null;
  readonly eventType: string | null;
  readonly userId: string | null;
  readonly correlationId: string | null;
  readonly reason: string;
  readonly error: string;
  readonly cause: string;
  readonly attempts: number;
  readonly replays: number;
  readonly firstFailedAt: Time;
  readonly lastFailedAt: Time;
  readonly lastReplayedAt: Time | null;
}

export interface WholeLetterRow extends LetterRow {
  readonly messageId: string | null;
  readonly routingKey: string;
  readonly body: Uint8Array;
  readonly headers: Record<string, unknown>;
  readonly discardedAt: Time | null;
  readonly discardedBy: string | null;
  readonly discardReason: string | null;
  readonly discardCorrelationId: string | null;
}

const iso = (time: Time): string => new Date(time).toISOString();
const isoOrNull = (time: Time | null): string | null => (time === null ? null : iso(time));

export const letterView = (row: LetterRow): DeadLetter => ({
  id: row.id,
  queue: row.queue,
  status: row.status,
  eventId: row.eventId,
  eventType: row.eventType,
  userId: row.userId,
  correlationId: row.correlationId,
  reason: row.reason,
  error: row.error,
  cause: row.cause,
  attempts: row.attempts,
  replays: row.replays,
  firstFailedAt: iso(row.firstFailedAt),
  lastFailedAt: iso(row.lastFailedAt),
  lastReplayedAt: isoOrNull(row.lastReplayedAt),
});

/** JSON as it is, other text as text, and bytes that are no text in base64. */
export function payloadView(body: Uint8Array): Pick<DeadLetterDetail, "payload" | "payloadEncoding"> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return { payload: Buffer.from(body).toString("base64"), payloadEncoding: "base64" };
  }
  try {
    return { payload: JSON.parse(text), payloadEncoding: "json" };
  } catch {
    return { payload: text, payloadEncoding: "utf-8" };
  }
}

export const detailView = (row: WholeLetterRow): DeadLetterDetail => ({
  ...letterView(row),
  routingKey: row.routingKey,
  ...payloadView(row.body),
  headers: row.headers,
  discarded:
    row.discardedAt === null
      ? null
      : {
          at: iso(row.discardedAt),
          by: row.discardedBy ?? "",
          reason: row.discardReason ?? "",
          correlationId: row.discardCorrelationId ?? "",
        },
});

/** One row of the pending letters by cause. */
export interface CauseRow extends Omit<DeadLetterCause, "firstFailedAt" | "lastFailedAt"> {
  readonly firstFailedAt: Time;
  readonly lastFailedAt: Time;
}

export const causeView = (row: CauseRow): DeadLetterCause => ({
  ...row,
  firstFailedAt: iso(row.firstFailedAt),
  lastFailedAt: iso(row.lastFailedAt),
});
