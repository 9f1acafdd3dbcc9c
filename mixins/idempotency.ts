/**
 * Promise: a write that carries an Idempotency-Key takes effect at most once for its caller, and every repeat of it
 * gets the first answer, byte for byte, for as long as the record lives.
 *
 * The record is written in the write's own transaction, so the answer is kept exactly when the effect is. It is
 * inserted first: of two processes that run the same key, the second waits at that row before it has changed anything,
 * then answers what the first stored. The answers of writes that share a transaction are stored by one statement, and looked
 * for together: a statement for each would be a wait for each (at 16 writes at a time a key halved their rate). Only successes are stored; after a failure the key is free again.
 * A repeat waits while the first runs in this process, and then goes on as if it came only now. Refusals:
 * `idempotency-key-invalid`, `-reused` (another request), `-in-use` (the first still runs when the wait is over),
 * `idempotency-keys-used-up` (the caller has as many as may be kept).
 */
import { createHash, randomUUID } from "node:crypto";
import { sql } from "kysely";
import { localPrincipal } from "../services/contracts/access.ts";
import type { CallMeta } from "../services/contracts/actions.ts";
import { Refusal } from "../services/contracts/errors.ts";
import { idempotencyKeyCharsMax, idempotencyKeyPattern } from "../services/contracts/headers.ts";
import type { Mixin } from "./basics/mixin.ts";
import { PassingMap } from "./basics/passing-map.ts";
import { within } from "./basics/pause.ts";
import { coalescer } from "./coalescing.ts";
import { anonymous } from "./context/correlation.ts";
import { deleteExpired, deleteExpiredReplays, noteReplay } from "./idempotency-replays.ts";
import { keysRoom } from "./idempotency-room.ts";
import type { IdempotencyRecord } from "./idempotency-rows.ts";
import type { Logger } from "./log/logging.ts";
import { currentLatenessMs } from "./moleculer/lateness.ts";
import type { Database, EntityManager } from "./postgres/database.ts";
import { json, runInTurn, run as runStatement, type Statement } from "./postgres/statement.ts";
import { sweeper, sweepRows } from "./postgres/sweeping.ts";

/** Until the answer would come after the caller (the gateway) has given up. */
const repeatWaitMsMax = 1_500;

/** Another process committed this key first; its answer is the request's, and what was reserved is its user's. */
export class AnsweredElsewhere extends Error {
  override name = "AnsweredElsewhere";
}

/** A record, as JSON has it. */
export type Kept = Omit<IdempotencyRecord, "createdAt" | "expiresAt"> &
  Readonly<Record<"createdAt" | "expiresAt", string>>;

/**
 * Takes over an expired record of the same key; changes nothing, and so returns no row, when a live one is there. In one
 * order for everybody: two transactions that want the same keys queue, not in a circle.
 */
const insertRecords = (records: readonly Kept[]) => sql`
  insert into idempotency (scope, key, fingerprint, result, created_at, expires_at, action, correlation_id)
  select scope, key, fingerprint, result, "createdAt", "expiresAt", action, "correlationId"
  from jsonb_to_recordset(${json(records)}) as r(scope text, key text, fingerprint text, result text,
    "createdAt" timestamptz, "expiresAt" timestamptz, action text, "correlationId" text)
  order by scope, key
  on conflict (scope, key) do update
    set fingerprint = excluded.fingerprint, result = excluded.result,
        created_at = excluded.created_at, expires_at = excluded.expires_at,
        action = excluded.action, correlation_id = excluded.correlation_id
    where idempotency.expires_at <= excluded.created_at
  returning 1 as inserted`;

/**
 * Stores answers in the running transaction, in one round trip with the statements before them; of no answer there is
 * nothing to store, and those are not run. Call it before anything else in there. Rejects with AnsweredElsewhere.
 */
export async function keepAnswers(
  em: EntityManager,
  answers: readonly (Kept | undefined)[],
  before: readonly Statement[] = [],
): Promise<void> {
  const records = answers.filter((answer) => answer !== undefined);
  if (records.length === 0) return;
  const inserted = (await runInTurn(em, [...before, insertRecords(records)])).at(-1) ?? [];
  if (inserted.length < records.length)
    throw new AnsweredElsewhere("Cannot store the answer: the key has one already");
}

const lookLimits = { itemsMax: 100, endOfTurn: true };

interface Answer {
  readonly fingerprint: string;
  readonly result: string;
  readonly expiresAt: Date;
  readonly correlationId: string | null;
}
interface Place {
  /** The caller. */
  readonly scope: string;
  readonly key: string;
}

const liveRecords = (places: readonly Place[], now: Date) => sql<Answer & { place: number }>`
  select w.place::int, r.fingerprint, r.result, r.expires_at, r.correlation_id
  from rows from (jsonb_to_recordset(${json(places)}) as (scope text, key text)) with ordinality as w(scope, key, place)
  join idempotency r on r.scope = w.scope and r.key = w.key
  where r.expires_at > ${now}`;

/** The answer of a caller's key, as it is after the call; undefined: there is none that is still valid. */
export function answerFinder(db: Database, now: () => Date): (place: Place) => Promise<Answer | undefined> {
  return coalescer(async (places: readonly Place[]) => {
    const rows = await db.read((em) => runStatement(em, liveRecords(places, now())));
    const answers = new Map(rows.map(({ place, ...answer }) => [place - 1, answer]));
    return places.map((_, at) => ({ value: answers.get(at) }));
  }, lookLimits);
}

/** What a write needs to know of its own request. */
export interface Ticket {
  /** The same for each repeat of one keyed request, random without a key. */
  readonly operationId: string;
  readonly keyed: boolean;
  /** What is stored of the answer (keepAnswers); undefined without a key. */
  kept(result: unknown): Kept | undefined;
  /** Stores this answer alone. */
  remember(em: EntityManager, result: unknown): Promise<void>;
}

/** Of a write without a key, and of one whose answer is another write's. */
export const unkeyed = (): Ticket => ({
  operationId: randomUUID(),
  keyed: false,
  kept: () => undefined,
  remember: () => Promise.resolve(),
});

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
  const find = answerFinder(db, options.now);

  const recall = async <T>(
    scope: string,
    key: string,
    fingerprint: string,
  ): Promise<Recalled<T> | undefined> => {
    const record = await find({ scope, key });
    if (record === undefined) return undefined;
    if (record.fingerprint !== fingerprint)
      throw new Refusal(
        "idempotency-key-reused",
        "Cannot use the idempotency key: it belongs to another request",
      );
    const { expiresAt, correlationId } = record;
    return { result: JSON.parse(record.result) as T, expiresAt, correlationId };
  };

  const room = keysRoom(db, options);

  const remembering = (call: IdempotentCall, scope: string, key: string, fingerprint: string): Ticket => {
    const kept = (result: unknown): Kept => {
      const createdAt = options.now();
      return {
        scope,
        key,
        fingerprint,
        result: JSON.stringify(result),
        createdAt: createdAt.toISOString(),
        expiresAt: new Date(createdAt.getTime() + options.ttlMs).toISOString(),
        action: call.action,
        correlationId: call.meta.correlationId ?? null,
      };
    };
    return {
      operationId: operationOf(scope, key, fingerprint),
      keyed: true,
      kept,
      remember: (em, result) => keepAnswers(em, [kept(result)]),
    };
  };

  const runKeyed = async <T>(
    call: IdempotentCall,
    scope: string,
    key: string,
    write: (ticket: Ticket) => Promise<T>,
  ): Promise<T> => {
    const fingerprint = fingerprintOf(call.action, call.params);
    const replay = async (first: Recalled<T>): Promise<T> => {
      call.meta.idempotentReplayed = true;
      await noteReplay(db, options, { ...call, operation: operationOf(scope, key, fingerprint) }, first);
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
    if (key === undefined) return write(unkeyed());
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
