/** How a stored letter looks to whoever asks. No I/O. */
import type { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import { mask, maskPeople } from "../../mixins/log/masking.ts";
import { DeadLetter, type DeadLetterCause, type DeadLetterDetail } from "../contracts/dead-letters.ts";

/** What every answer shows of a letter; its row has members of the same names. */
export const shownMembers = Object.keys(DeadLetter.shape) as (keyof DeadLetter)[];

/** As JSON tells it. */
export const jsonValue = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value);

export const letterView = (row: Pick<DeadLetterRecord, keyof DeadLetter>): DeadLetter =>
  Object.fromEntries(shownMembers.map((name) => [name, jsonValue(row[name])])) as DeadLetter;

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

export const detailView = (row: DeadLetterRecord): DeadLetterDetail => ({
  ...letterView(row),
  routingKey: row.routingKey,
  ...payloadView(row.body),
  headers: row.headers as Record<string, unknown>,
  discarded: row.discardedAt
    ? {
        at: row.discardedAt.toISOString(),
        by: row.discardedBy ?? "",
        reason: row.discardReason ?? "",
        correlationId: row.discardCorrelationId ?? "",
      }
    : null,
});

/** For who may not see people; a body that is no JSON says nowhere what in it is a name. */
export function maskedView(detail: DeadLetterDetail): DeadLetterDetail {
  const { payload, payloadEncoding } = detail;
  const isReadable = payloadEncoding === "json" && typeof payload === "object";
  return { ...(maskPeople(detail) as DeadLetterDetail), payload: isReadable ? maskPeople(payload) : mask };
}

/** One row of the pending letters by cause. */
export interface CauseRow extends Omit<DeadLetterCause, "firstFailedAt" | "lastFailedAt"> {
  readonly firstFailedAt: Date;
  readonly lastFailedAt: Date;
}

export const causeView = (row: CauseRow): DeadLetterCause => ({
  ...row,
  firstFailedAt: row.firstFailedAt.toISOString(),
  lastFailedAt: row.lastFailedAt.toISOString(),
});
