/**
 * Promise: a write that carries an Idempotency-Key takes effect at most once for its caller, and every repeat of it
 * gets the first answer, byte for byte, for as long as the record lives.
 *
 * The record is written in the write's own transaction, so the answer is kept exactly when the effect is. It is
 * inserted first: of two processes that run the same key, the second waits at that row before it has changed anything,
 * then answers what the first stored. Only successes are stored; after a failure the key is free again.
 * Refusals: `idempotency-key-invalid`, `idempotency-key-reused` (another request), `idempotency-key-in-use` (the first
 * is still running in this process).
 */
import { createHash, randomUUID } from "node:crypto";
import { defineEntity, p } from "@mikro-orm/core";
import type { CallMeta } from "../services/contracts/actions.ts";
import { Refusal } from "../services/contracts/errors.ts";
import { anonymous } from "./correlation.ts";
import type { Database, EntityManager } from "./database.ts";
import type { Logger } from "./logging.ts";
import type { Mixin } from "./platform.ts";

export const IdempotencyRecord = defineEntity({
  name: "IdempotencyRecord",
  tableName: "idempotency",
  properties: {
    /** The caller. */
    scope: p.text().primary(),
    key: p.text().primary(),
    fingerprint: p.text(),
    /** JSON as text, not jsonb: the repeat gets the same bytes. */
    result: p.text(),
    createdAt: p.datetime(),
    expiresAt: p.datetime(),
  },
  indexes: [{ name: "idempotency_expires_at_idx", properties: ["expiresAt"] }],
});

const keyCharsMax = 255;
const sweepIntervalMs = 60_000;
const sweepBatchMax = 500;
const sweepBatchesMax = 20;

/** Takes over an expired record of the same key; changes nothing, and so returns no row, when a live one is there. */
const insertRecord = `
  insert into idempotency (scope, key, fingerprint, result, created_at, expires_at) values (?, ?, ?, ?, ?, ?)
  on conflict (scope, key) do update
    set fingerprint = excluded.fingerprint, result = excluded.result,
        created_at = excluded.created_at, expires_at = excluded.expires_at
    where idempotency.expires_at <= excluded.created_at
  returning 1 as inserted`;

/** Small batches that step around each other, so that sweeping never holds up a write. */
const deleteExpired = `
  delete from idempotency where (scope, key) in (
    select scope, key from idempotency where expires_at <= ? order by expires_at limit ${sweepBatchMax}
    for update skip locked)
  returning 1 as deleted`;

/** What a write needs to know of its own request. */
export interface Ticket {
  /** The same for each repeat of one keyed request, random without a key. */
  readonly operationId: string;
  /** Stores the answer in the running transaction; call it before anything else in there. */
  remember(em: EntityManager, result: unknown): Promise<void>;
}

export interface IdempotentCall {
  readonly action: string;
  readonly params: unknown;
  /** `idempotentReplayed` is set here when the answer is a stored one. */
  readonly meta: CallMeta;
}

export interface Idempotency {
  readonly mixin: Mixin;
  run<T>(call: IdempotentCall, write: (ticket: Ticket) => Promise<T>): Promise<T>;
  /** Deletes what has expired and returns how many. */
  sweep(): Promise<number>;
}

/**
 * 1–255 visible ASCII characters, bare or as a structured-field string (RFC 8941 §3.3.3), which the header's draft asks
 * for: `"abc"` and `abc` are the same key. Throws Refusal.
 */
export function parseIdempotencyKey(text: string): string {
  const quoted = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text);
  const key = quoted?.[1] === undefined ? text : quoted[1].replaceAll(/\\(["\\])/g, "$1");
  const halfQuoted = quoted === null && text.startsWith('"');
  if (halfQuoted || key.length > keyCharsMax || !/^[\x21-\x7e]+$/.test(key))
    throw new Refusal(
      "idempotency-key-invalid",
      `Cannot use the idempotency key: it must be 1 to ${keyCharsMax} visible ASCII characters`,
    );
  return key;
}

/** JSON whose members are sorted, so that equal values give equal text. */
function canonicalJson(value: unknown): string {
  const sorted = (_: string, member: unknown): unknown =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member;
  return JSON.stringify(value, sorted) ?? "null";
}

const sha256 = (...parts: string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("base64url");

/** Tells a repeat from another request under the same key. */
export const fingerprintOf = (action: string, params: unknown): string =>
  sha256(action, canonicalJson(params));

/** Another process committed this key first; its answer is the request's, and what was reserved is its user's. */
export class AnsweredElsewhere extends Error {
  override name = "AnsweredElsewhere";
}

interface Options {
  readonly ttlMs: number;
  readonly now: () => Date;
  readonly log: Logger;
}

/** For any service whose database has the record's table. */
export function idempotency(db: Database, options: Options): Idempotency {
  const running = new Set<string>();

  const recall = async <T>(
    scope: string,
    key: string,
    fingerprint: string,
  ): Promise<{ result: T } | undefined> => {
    const found = await db.read((em) =>
      em.findOne(IdempotencyRecord, { scope, key, expiresAt: { $gt: options.now() } }),
    );
    if (found === null) return undefined;
    if (found.fingerprint !== fingerprint)
      throw new Refusal(
        "idempotency-key-reused",
        "Cannot use the idempotency key: it belongs to another request",
      );
    return { result: JSON.parse(found.result) as T };
  };

  const remembering = (scope: string, key: string, fingerprint: string): Ticket => ({
    operationId: sha256(scope, key, fingerprint),
    async remember(em, result) {
      const now = options.now();
      const expiresAt = new Date(now.getTime() + options.ttlMs);
      const values = [scope, key, fingerprint, JSON.stringify(result), now, expiresAt];
      const inserted: unknown[] = await em.execute(insertRecord, values);
      if (inserted.length === 0)
        throw new AnsweredElsewhere("Cannot store the answer: the key has one already");
    },
  });

  const runKeyed = async <T>(
    call: IdempotentCall,
    scope: string,
    key: string,
    write: (ticket: Ticket) => Promise<T>,
  ): Promise<T> => {
    const fingerprint = fingerprintOf(call.action, call.params);
    const replay = ({ result }: { result: T }): T => {
      call.meta.idempotentReplayed = true;
      return result;
    };
    const stored = await recall<T>(scope, key, fingerprint);
    if (stored !== undefined) return replay(stored);
    try {
      return await write(remembering(scope, key, fingerprint));
    } catch (error) {
      // A refusal may be the view of a repeat on its own effect: an earlier attempt was committed elsewhere after this
      // one had looked for its answer, and the user is found deleted by the very removal that is asked for.
      if (!(error instanceof AnsweredElsewhere || error instanceof Refusal)) throw error;
      const theirs = await recall<T>(scope, key, fingerprint);
      if (theirs === undefined) throw error;
      return replay(theirs);
    }
  };

  const run: Idempotency["run"] = async (call, write) => {
    const text = call.meta.idempotencyKey;
    if (text === undefined) return write({ operationId: randomUUID(), remember: () => Promise.resolve() });
    const key = parseIdempotencyKey(text);
    const scope = call.meta.actor ?? anonymous;
    const slot = JSON.stringify([scope, key]);
    if (running.has(slot))
      throw new Refusal(
        "idempotency-key-in-use",
        "Cannot repeat the request: the first one with this idempotency key is still running",
      );
    running.add(slot);
    try {
      return await runKeyed(call, scope, key, write);
    } finally {
      running.delete(slot);
    }
  };

  const sweep = async (): Promise<number> => {
    let total = 0;
    for (let batch = 0; batch < sweepBatchesMax; batch += 1) {
      const deleted: unknown[] = await db.read((em) => em.execute(deleteExpired, [options.now()]));
      total += deleted.length;
      if (deleted.length < sweepBatchMax) break;
    }
    return total;
  };

  return { mixin: sweeping(sweep, options.log), run, sweep };
}

/** Sweeps for as long as the service runs; stopping waits for the sweep in hand. */
function sweeping(sweep: () => Promise<number>, log: Logger): Mixin {
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  const once = async (): Promise<void> => {
    try {
      await sweep();
    } catch (error) {
      log.warn({ err: error }, "Expired idempotency keys stay until the next sweep");
    }
  };
  return {
    started() {
      timer = setInterval(() => {
        current = once();
      }, sweepIntervalMs);
      timer.unref();
    },
    async stopped() {
      clearInterval(timer);
      await current;
    },
  };
}
