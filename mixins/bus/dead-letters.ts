/**
 * Promise: an event that a consumer gave up is kept whole, with why and when, until somebody replays or discards it.
 *
 * A letter is recognised by its queue, message id and body, and by the number of the replay that it failed after
 * (`replays`, which travels with the message). So the same letter stored twice (a crash before it was acknowledged)
 * is one record; one that failed after a replay makes that record pending again; and one that is older than the last
 * replay, or as old as a decision to discard, changes nothing. No clock is compared for that.
 */
import { createHash } from "node:crypto";
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { sql } from "kysely";
import { v7 as uuidV7 } from "uuid";
import type { EntityManager } from "../postgres/database.ts";
import { secondsSince } from "../postgres/seconds-since.ts";
import { run } from "../postgres/statement.ts";
import { causeOf } from "./dead-letter-cause.ts";
import type { DeadLetter } from "./port.ts";

export const DeadLetterRecord = defineEntity({
  name: "DeadLetterRecord",
  tableName: "dead_letters",
  properties: {
    /** UUID version 7: the order of ids is the order of arrival. */
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
    /** The same for letters that failed for one cause (dead-letter-cause.ts). */
    cause: p.text().default("unknown"),
    attempts: p.integer(),
    firstFailedAt: p.datetime().length(3),
    lastFailedAt: p.datetime().length(3),
    createdAt: p.datetime().length(3).defaultRaw("now()"),
    status: p.text().default("pending"),
    replays: p.integer().default(0),
    lastReplayedAt: p.datetime().length(3).nullable(),
    /** When it was replayed or discarded; null while it is pending, which no retention ever ends. */
    settledAt: p.datetime().length(3).nullable(),
    discardedAt: p.datetime().length(3).nullable(),
    discardedBy: p.text().nullable(),
    discardReason: p.text().nullable(),
    discardCorrelationId: p.text().nullable(),
    /** What the body says of itself, where it can be read. */
    eventId: p.text().nullable(),
    eventType: p.text().nullable(),
    userId: p.uuid().nullable(),
    /** The AMQP headers it came with. */
    headers: p.json().defaultRaw("'{}'"),
    /** Since the last failure; once settled, since then. */
    ageS: secondsSince("coalesce(settled_at, last_failed_at)"),
  },
  indexes: [
    { name: "dead_letters_queue_id_idx", properties: ["queue", "id"] },
    { name: "dead_letters_cause_id_idx", properties: ["cause", "id"] },
    { name: "dead_letters_correlation_id_idx", properties: ["correlationId"] },
    { name: "dead_letters_user_id_idx", properties: ["userId"] },
    { name: "dead_letters_pending_idx", properties: ["queue"], where: "status = 'pending'" },
    { name: "dead_letters_settled_at_idx", properties: ["settledAt"], where: "settled_at is not null" },
  ],
  uniques: [{ name: "dead_letters_queue_fingerprint_key", properties: ["queue", "fingerprint"] }],
  checks: [
    {
      name: "dead_letters_status_check",
      expression:
        "status in ('pending', 'replayed', 'discarded') and (status = 'pending') = (settled_at is null)",
    },
    {
      name: "dead_letters_discard_check",
      expression:
        "status <> 'discarded' or num_nulls(discarded_at, discarded_by, discard_reason, discard_correlation_id) = 0",
    },
  ],
});

export type DeadLetterRecord = InferEntity<typeof DeadLetterRecord>;

/** One statement, so that it is durable or not there; answers a row when the letter is new or pending once more. */
const storing = (row: ReturnType<typeof rowOf>) => sql`
  with before as (select status, replays from dead_letters where queue = ${row.queue} and fingerprint = ${row.fingerprint}),
  stored as (
    insert into dead_letters as l (id, queue, message_id, correlation_id, routing_key, body, fingerprint, reason, error,
                                   cause, attempts, first_failed_at, last_failed_at, replays, event_id, event_type,
                                   user_id, headers)
    values (${uuidV7()}, ${row.queue}, ${row.messageId}, ${row.correlationId}, ${row.routingKey}, ${row.body},
      ${row.fingerprint}, ${row.reason}, ${row.error}, ${row.cause}, ${row.attempts}, ${row.firstFailedAt},
      ${row.lastFailedAt}, ${row.replays}, ${row.eventId}, ${row.eventType}, ${row.userId}, ${row.headers}::jsonb)
    on conflict (queue, fingerprint) do update
       set reason = excluded.reason,
           error = excluded.error,
           cause = excluded.cause,
           attempts = case when l.status = 'pending' and l.replays = excluded.replays
                           then greatest(l.attempts, excluded.attempts) else excluded.attempts end,
           first_failed_at = least(l.first_failed_at, excluded.first_failed_at),
           last_failed_at = greatest(l.last_failed_at, excluded.last_failed_at),
           replays = excluded.replays,
           headers = excluded.headers,
           status = 'pending',
           settled_at = null
     where excluded.replays > l.replays or (excluded.replays = l.replays and l.status <> 'discarded')
    returning replays)
  select 1 as news from stored
   where not exists (select 1 from before where status = 'pending' and before.replays = stored.replays)`;

/** Until the commit nobody else writes a letter, and whoever does then sees what this transaction has written. */
export const lockLetters = sql`lock table dead_letters in share row exclusive mode`;

/**
 * Letters of an erased user keep what happened to them, and nothing of what they say; nobody can decide on them any more.
 * One of the erasure itself says nothing, and is replayed like any other.
 */
const emptying = (userId: string) => sql`
  update dead_letters l
     set body = '', headers = '{}', status = case when l.status = 'pending' then 'discarded' else l.status end,
         settled_at = coalesce(l.settled_at, now()),
         discarded_at = case when l.status = 'pending' then now() else l.discarded_at end,
         discarded_by = case when l.status = 'pending' then e.erased_by else l.discarded_by end,
         discard_reason = case when l.status = 'pending' then 'The user was erased' else l.discard_reason end,
         discard_correlation_id = case when l.status = 'pending' then coalesce(l.correlation_id, '') else l.discard_correlation_id end
    from erasures e
   where l.user_id = ${userId}::uuid and e.user_id = l.user_id and l.event_type is distinct from 'user.erased.v1'
     and (l.status = 'pending' or l.body <> '' or l.headers <> '{}')`;

/** Does nothing to those of a user that is not erased. */
export async function emptyLettersOfErased(em: EntityManager, userId: string): Promise<void> {
  await run(em, emptying(userId));
}

const intMax = 2 ** 31 - 1;
const uuid = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;
const eventTextCharsMax = 255;

/** PostgreSQL's text can't hold the character NUL, which a handler's error or a header may quote. */
const storable = (text: string): string => text.replaceAll("\0", "\u{fffd}");
const storableOrNull = (text: string | undefined): string | null =>
  text === undefined ? null : storable(text);

const counted = (count: number | undefined): number => Math.min(intMax, Math.max(0, Math.trunc(count ?? 0)));

/** JSON that PostgreSQL's jsonb takes: a NUL in it, or in a name, is replaced. */
const storableJson = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/(?<!\\)((?:\\\\)*)\\u0000/g, "$1\\ufffd");

interface EventTold {
  readonly id?: unknown;
  readonly type?: unknown;
  readonly subject?: unknown;
}

function told(body: Uint8Array): EventTold {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

const short = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" && value.length <= eventTextCharsMax ? value : undefined;

/** What a body says of itself as an event, member by member; it need not be a valid one. Never throws. */
export function eventOf(body: Uint8Array): {
  readonly eventId: string | undefined;
  readonly eventType: string | undefined;
  readonly userId: string | undefined;
} {
  const { id, type, subject } = told(body);
  const userId = typeof subject === "string" && uuid.test(subject) ? subject.toLowerCase() : undefined;
  return { eventId: short(id), eventType: short(type), userId };
}

function rowOf(letter: DeadLetter) {
  const fingerprint = createHash("sha256")
    .update(`${letter.messageId ?? ""}\n`)
    .update(letter.body)
    .digest("hex");
  const event = eventOf(letter.body);
  return {
    queue: storable(letter.queue),
    messageId: storableOrNull(letter.messageId),
    correlationId: storableOrNull(letter.correlationId),
    routingKey: storable(letter.routingKey),
    body: Buffer.from(letter.body),
    fingerprint,
    reason: storable(letter.reason),
    error: storable(letter.error),
    cause: causeOf(letter),
    attempts: counted(letter.attempts),
    firstFailedAt: letter.firstFailedAt,
    lastFailedAt: letter.lastFailedAt,
    replays: counted(letter.replays),
    eventId: storableOrNull(letter.messageId ?? event.eventId),
    eventType: storableOrNull(event.eventType),
    userId: event.userId ?? null,
    headers: storableJson(letter.headers ?? {}),
  };
}

/**
 * Resolves when the letter is stored, or will be with the running transaction, without what it says of an erased user; with whether it is news: a letter
 * that was not there, or one that has come back after a replay.
 */
export async function storeDeadLetter(em: EntityManager, letter: DeadLetter): Promise<boolean> {
  const row = rowOf(letter);
  const rows = await run(em, storing(row));
  // After it: what an erasure has locked the table for can be seen once the letter is in.
  if (row.userId !== null) await emptyLettersOfErased(em, row.userId);
  return rows.length > 0;
}
