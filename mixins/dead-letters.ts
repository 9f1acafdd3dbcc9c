/**
 * Promise: an event that a consumer gave up is kept whole, with why and when, until somebody replays or discards it.
 * The same letter stored twice (a crash before the event was settled) is one record with the latest failure.
 */
import { createHash } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import { v7 as uuidV7 } from "uuid";
import type { DeadLetter } from "./bus/port.ts";
import type { EntityManager } from "./database.ts";

export const DeadLetterRecord = defineEntity({
  name: "DeadLetterRecord",
  tableName: "dead_letters",
  properties: {
    id: p.uuid().primary(),
    /** The queue whose consumer gave it up. */
    queue: p.text(),
    messageId: p.text().nullable(),
    correlationId: p.text().nullable(),
    routingKey: p.text(),
    /** As it came, byte for byte: what can't be parsed need not be text. */
    body: p.blob(),
    /** What makes two letters of a queue the same: message id and body. */
    fingerprint: p.text(),
    reason: p.text(),
    error: p.text(),
    attempts: p.integer(),
    firstFailedAt: p.datetime().length(3),
    lastFailedAt: p.datetime().length(3),
    createdAt: p.datetime().length(3).defaultRaw("now()"),
  },
  indexes: [{ name: "dead_letters_created_at_id_idx", properties: ["createdAt", "id"] }],
  uniques: [{ name: "dead_letters_queue_fingerprint_key", properties: ["queue", "fingerprint"] }],
});

/** One statement, so that it is durable or not there; runs in the transaction of `em` when there is one. */
const storeSql = `
  insert into dead_letters (id, queue, message_id, correlation_id, routing_key, body, fingerprint,
                            reason, error, attempts, first_failed_at, last_failed_at)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (queue, fingerprint) do update
     set reason = excluded.reason,
         error = excluded.error,
         attempts = greatest(dead_letters.attempts, excluded.attempts),
         first_failed_at = least(dead_letters.first_failed_at, excluded.first_failed_at),
         last_failed_at = greatest(dead_letters.last_failed_at, excluded.last_failed_at)`;

/** PostgreSQL's text can't hold the character NUL, which a handler's error may quote. */
const storable = (text: string): string => text.replaceAll("\0", "\u{fffd}");

/** Resolves when the letter is stored, or will be with the running transaction. */
export async function storeDeadLetter(em: EntityManager, letter: DeadLetter): Promise<void> {
  const fingerprint = createHash("sha256")
    .update(`${letter.messageId ?? ""}\n`)
    .update(letter.body)
    .digest("hex");
  await em.execute(storeSql, [
    uuidV7(),
    letter.queue,
    letter.messageId === undefined ? null : storable(letter.messageId),
    letter.correlationId === undefined ? null : storable(letter.correlationId),
    storable(letter.routingKey),
    Buffer.from(letter.body),
    fingerprint,
    storable(letter.reason),
    storable(letter.error),
    letter.attempts,
    letter.firstFailedAt,
    letter.lastFailedAt,
  ]);
}
