/**
 * Promise: a write that carries an Idempotency-Key takes effect at most once for its caller, and every repeat of it
 * gets the first answer, byte for byte, for as long as the record lives.
 *
 * The record is written in the write's own transaction, so the answer is kept exactly when the effect is. It is
 * inserted first: of two processes that run the same key, the second waits at that row before it has changed anything,
 * then answers what the first stored. Only successes are stored; after a failure the key is free again.
 * A repeat waits while the first runs in this process, and then goes on as if it came only now. Refusals:
 * `idempotency-key-invalid`, `-reused` (another request), `-in-use` (the first still runs when the wait is over),
 * `idempotency-keys-used-up` (the caller has as many as may be kept).
 */
import { createHash, randomUUID } from "node:crypto";
import type { InferEntity } from "@mikro-orm/core";
import { sql } from "kysely";
import { localPrincipal } from "../services/contracts/access.ts";
import type { CallMeta } from "../services/contracts/actions.ts";
import { Refusal } from "../services/contracts/errors.ts";
import { idempotencyKeyCharsMax, idempotencyKeyPattern } from "../services/contracts/headers.ts";
import type { Mixin } from "./basics/mixin.ts";
import { PassingMap } from "./basics/passing-map.ts";
import { within } from "./basics/pause.ts";
import { anonymous, isCorrelationId } from "./context/correlation.ts";
import { keysRoom } from "./idempotency-room.ts";
import { IdempotencyRecord, type IdempotencyReplay } from "./idempotency-rows.ts";
import { errorText } from "./log/error-text.ts";
import type { Logger } from "./log/logging.ts";
import { currentLatenessMs } from "./moleculer/lateness.ts";
import type { Database, EntityManager } from "./postgres/database.ts";
import { run as runStatement } from "./postgres/statement.ts";
import { sweeper, sweepRows } from "./postgres/sweeping.ts";

/** Until the answer would come after the caller (the gateway) has given up. */
const repeatWaitMsMax = 1_500;

/** Takes over an expired record of the same key; changes nothing, and so returns no row, when a live one is there. */
const insertRecord = (record: IdempotencyRecord) => sql`
  insert into idempotency (scope, key, fingerprint, result, created_at, expires_at, action, correlation_id)
  values (${record.scope}, ${record.key}, ${record.fingerprint}, ${record.result}, ${record.createdAt}, ${record.expiresAt},
    ${record.action}, ${record.correlationId})
  on conflict (scope, key) do update
    set fingerprint = excluded.fingerprint, result = excluded.result,
        created_at = excluded.created_at, expires_at = excluded.expires_at,
        action = excluded.action, correlation_id = excluded.correlation_id
    where idempotency.expires_at <= excluded.created_at
  returning 1 as inserted`;

/** Small batches that step around each other, so that sweeping never holds up a write. */
const deleteExpired = (now: Date, rowsMax: number) => sql`
  delete from idempotency where (scope, key) in (
    select scope, key from idempotency where expires_at <= ${now} order by expires_at limit ${rowsMax}
    for update skip locked)
  returning 1 as deleted`;

const deleteExpiredReplays = (now: Date, rowsMax: number) => sql`
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

/** What a write needs to know of its own request. */
export interface Ticket {
  /** The same for each repeat of one keyed request, random without a key. */
  readonly operationId: string;
  readonly keyed: boolean;
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

/** The key is taken as it is: whoever reads it from a header has unquoted it. Throws Refusal. */
function requireKey(key: string): void {
  if (!idempotencyKeyPattern.test(key))
    throw new Refusal(
      "idempotency-key-invalid",
      `Cannot use the idempotency key: it must be 1 to ${idempotencyKeyCharsMax} printable ASCII characters`,
    );
}

/** Resolves when the run is over, however it ended; throws Refusal when that takes longer. */
const overWithin = (ms: number, run: Promise<unknown>): Promise<unknown> =>
  within(ms, "still running", Promise.allSettled([run])).catch(() => {
    throw new Refusal(
      "idempotency-key-in-use",
      "Cannot repeat the request: the first one with this key is still running",
    );
  });

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
  /** Keys of one caller that are kept at a time; 0: any number. */
  readonly keysMax?: number;
  readonly now: () => Date;
  readonly log: Logger;
  readonly repeatWaitMs?: number;
}

/** What `Ticket.operationId` is of a stored record. */
export const operationOf = (scope: string, key: string, fingerprint: string): string =>
  sha256(scope, key, fingerprint);

interface Recalled<T> {
  readonly result: T;
  readonly expiresAt: Date;
  readonly correlationId: string | null;
}

/** For any service whose database has the tables. */
export function idempotency(db: Database, options: Options): Idempotency {
  const { repeatWaitMs = repeatWaitMsMax } = options;
  /** Those in hand, by caller and key. */
  const runs = new PassingMap<string, Promise<unknown>>();

  const recall = async <T>(
    scope: string,
    key: string,
    fingerprint: string,
  ): Promise<Recalled<T> | undefined> => {
    const record = await db.read((em) =>
      em.findOne(IdempotencyRecord, { scope, key, expiresAt: { $gt: options.now() } }),
    );
    if (record === null) return undefined;
    if (record.fingerprint !== fingerprint)
      throw new Refusal(
        "idempotency-key-reused",
        "Cannot use the idempotency key: it belongs to another request",
      );
    const { expiresAt, correlationId } = record;
    return { result: JSON.parse(record.result) as T, expiresAt, correlationId: correlationId ?? null };
  };

  /** The repeat has its answer whether or not this can be noted. */
  const noteReplay = async (
    { action, meta }: IdempotentCall,
    operation: string,
    first: Recalled<unknown>,
  ): Promise<void> => {
    if (!isCorrelationId(meta.correlationId)) return;
    const replay = {
      correlationId: meta.correlationId,
      operation,
      firstCorrelationId: first.correlationId,
      action,
      replayedAt: options.now(),
      expiresAt: first.expiresAt,
    };
    try {
      await db.read((em) => runStatement(em, insertReplay(replay)));
    } catch (error) {
      options.log.warn({ reason: errorText(error) }, "A repeat can't be noted");
    }
  };

  const room = keysRoom(db, options);

  const remembering = (call: IdempotentCall, scope: string, key: string, fingerprint: string): Ticket => ({
    operationId: operationOf(scope, key, fingerprint),
    keyed: true,
    async remember(em, result) {
      const createdAt = options.now();
      const record = {
        scope,
        key,
        fingerprint,
        result: JSON.stringify(result),
        createdAt,
        expiresAt: new Date(createdAt.getTime() + options.ttlMs),
        action: call.action,
        correlationId: call.meta.correlationId ?? null,
      };
      const inserted = await runStatement(em, insertRecord(record));
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
    const replay = async (first: Recalled<T>): Promise<T> => {
      call.meta.idempotentReplayed = true;
      await noteReplay(call, operationOf(scope, key, fingerprint), first);
      return first.result;
    };
    const record = await recall<T>(scope, key, fingerprint);
    if (record !== undefined) return replay(record);
    if (scope !== localPrincipal.id) await room.require(scope);
    try {
      return await write(remembering(call, scope, key, fingerprint));
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
    const key = call.meta.idempotencyKey;
    if (key === undefined)
      return write({ operationId: randomUUID(), keyed: false, remember: () => Promise.resolve() });
    requireKey(key);
    const scope = call.meta.actor ?? anonymous;
    const slot = JSON.stringify([scope, key]);
    const giveUpAtMs = performance.now() + repeatWaitMs - currentLatenessMs();
    // No wait between the last look and `set`: of two who come back at once the second has to see the first.
    for (let first = runs.get(slot); first !== undefined; first = runs.get(slot))
      await overWithin(giveUpAtMs - performance.now(), first);
    const mine = runKeyed(call, scope, key, write);
    runs.set(slot, mine);
    try {
      return await mine;
    } finally {
      runs.delete(slot);
    }
  };

  const sweep = async (): Promise<number> => {
    let total = 0;
    for (const deletion of [deleteExpired, deleteExpiredReplays])
      total += await sweepRows(db, (rowsMax) => deletion(options.now(), rowsMax));
    return total;
  };

  return { mixin: sweeper("expired idempotency keys", sweep, options.log), run, sweep };
}
