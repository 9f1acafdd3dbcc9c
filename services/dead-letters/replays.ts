/**
 * Promise: whoever replays a cause is answered as soon as it has begun, once for a request and its repeats; of a cause one
 * replay at a time runs in an installation, and one whose process has ended says so. Each letter is sent as one that is
 * replayed by itself, so whatever a replay leaves is pending, and begun again it goes on with that.
 *
 * The walk is by id, oldest first, and a letter that comes back keeps its id: no replay sends one twice.
 */
import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";
import { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import { askerOf } from "../../mixins/context/correlation.ts";
import type { Idempotency, Ticket } from "../../mixins/idempotency.ts";
import { errorText } from "../../mixins/log/error-text.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { runExclusively } from "../../mixins/postgres/exclusive.ts";
import { asItStands, keptWorkView } from "../../mixins/postgres/kept-work.ts";
import { run } from "../../mixins/postgres/statement.ts";
import type { ActionParams, CallMeta } from "../contracts/actions.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import type { LetterReplay } from "../contracts/replays.ts";
import { LetterReplayRow } from "./entities.ts";
import * as sql from "./sql.ts";

/** Each holds a connection of the lock's pool for as long as it runs. */
export const replaysAtOnceMax = 3;
const atOnceRetryAfterMs = 10_000;
const pageLetters = 100;

interface Options {
  readonly db: Database;
  /** A pool of its own with a connection more than `replaysAtOnceMax`. */
  readonly lock: Database;
  readonly keys: Idempotency;
  readonly log: Logger;
  readonly now: () => Date;
  /** Sends a letter and notes that this replay did; Refusal `dead-letter-settled` or `not-found`: decided meanwhile. */
  readonly send: (letterId: string, replayId: string) => Promise<unknown>;
  readonly stopping: AbortSignal;
}

type Begin = ActionParams<"dead-letters.replay-cause">;

/** Of the lower half any cause may fall on any number; the upper says that it is one: "dlrp". */
const lockOf = (cause: string): bigint =>
  (0x646c_7270n << 32n) | BigInt(createHash("sha256").update(cause).digest().readUInt32BE());

const view = (row: LetterReplayRow, sent: Pick<LetterReplay, "replayed" | "cameBack">): LetterReplay => ({
  ...keptWorkView(row),
  cause: row.cause,
  failedBefore: row.failedBefore.toISOString(),
  max: row.max,
  letters: row.letters,
  ...sent,
});
const nothingYet = { replayed: 0, cameBack: 0 };

const pendingOf = ({ cause, failedBefore }: Pick<LetterReplayRow, "cause" | "failedBefore">) => ({
  cause,
  status: "pending",
  lastFailedAt: { $lt: failedBefore },
});

/** Throws Refusal `invalid-fields` for a cause that no letter has, whatever became of it. */
async function requireCause(db: Database, cause: string): Promise<void> {
  const one = await db.read((em) => em.findOne(DeadLetterRecord, { cause }, { fields: ["id"] }));
  if (one !== null) return;
  const message = "is the cause of no dead letter; GET /dead-letters/causes lists them";
  throw new Refusal("invalid-fields", "The request has invalid fields", {
    errors: [{ pointer: "#/cause", detail: message }],
  });
}

/** Only for who holds the lock of the cause: whatever else of it runs by the table has been interrupted. */
async function enter({ db, now }: Options, wish: Begin, meta: CallMeta, ticket: Ticket) {
  const { actor: startedBy, correlationId } = askerOf(meta);
  const { cause, max } = wish;
  const startedAt = now();
  const failedBefore = wish.failedBefore === undefined ? startedAt : new Date(wish.failedBefore);
  const pending = await db.read((em) => em.count(DeadLetterRecord, pendingOf({ cause, failedBefore })));
  return db.transaction(async (em) => {
    const row = em.create(LetterReplayRow, {
      ...{ id: uuidv7(), cause, failedBefore, max, status: "running", startedAt, startedBy, correlationId },
      letters: Math.min(max, pending),
    });
    await ticket.remember(em, view(row, nothingYet));
    await em.nativeUpdate(LetterReplayRow, { cause, status: "running" }, { status: "interrupted" });
    await em.persist(row).flush();
    return row;
  });
}

const isDecided = (error: unknown): boolean =>
  error instanceof Refusal && (error.type === "dead-letter-settled" || error.type === "not-found");

/** Throws when the bus takes no more, and why it stops when the service does. */
async function walk({ db, send, stopping }: Options, row: LetterReplayRow): Promise<void> {
  let sent = 0;
  for (let above: string | undefined; ; ) {
    const where = { ...pendingOf(row), ...(above === undefined ? {} : { id: { $gt: above } }) };
    const page = await db.read((em) =>
      em.find(DeadLetterRecord, where, { fields: ["id"], orderBy: { id: "asc" }, limit: pageLetters }),
    );
    for (const { id } of page) {
      if (sent >= row.letters) return;
      stopping.throwIfAborted();
      try {
        await send(id, row.id);
        sent += 1;
      } catch (error) {
        if (!isDecided(error)) throw error;
      }
    }
    above = page.at(-1)?.id;
    if (above === undefined) return;
  }
}

export function replays(options: Options) {
  const { db, lock, keys, log, now, stopping } = options;
  const running = new Set<Promise<void>>();

  /** Not of one that was called interrupted meanwhile, its lock being lost: another has taken its place. */
  const end = (id: string, ended: Partial<LetterReplayRow>) =>
    db.read((em) =>
      em.nativeUpdate(LetterReplayRow, { id, status: "running" }, { endedAt: now(), ...ended }),
    );

  const carryOut = async (row: LetterReplayRow): Promise<void> => {
    const { id, cause, startedBy: by } = row;
    try {
      await walk(options, row);
      await end(id, { status: "done" });
      log.info({ replayId: id, cause, letters: row.letters, by }, "cause replayed");
    } catch (error) {
      const reason = error instanceof Unavailable ? error.message : errorText(error);
      log.warn({ replayId: id, cause, by, reason }, "the replay of a cause has ended early");
      const status = stopping.aborted ? "interrupted" : "failed";
      // What has failed may have failed with the database; then the lock tells that it is over.
      await end(id, { status, error: reason }).catch(() => {});
    }
  };

  const underLock = async (cause: string, work: () => Promise<void>): Promise<void> => {
    const done = await runExclusively(lock, lockOf(cause), work);
    if (done === undefined)
      throw new Refusal("replay-running", "Cannot replay the cause: another replay of it is under way");
  };

  const tracked = (work: Promise<void>): void => {
    running.add(work);
    void work.finally(() => running.delete(work));
  };

  const find = (id: string) => db.read((em) => em.findOne(LetterReplayRow, { id }));
  const found = async (id: string): Promise<LetterReplayRow> => {
    const row = await find(id);
    if (row === null)
      throw new Refusal("not-found", "Cannot find the replay: none of those that are kept has this id");
    return row;
  };

  return {
    /** Refusals `replay-running`, `invalid-fields`; Unavailable when this process is at as many as it may be. */
    async begin(wish: Begin, meta: CallMeta): Promise<LetterReplay> {
      const call = { action: "dead-letters.replay-cause", params: wish, meta };
      return keys.run(call, async (ticket) => {
        await requireCause(db, wish.cause);
        if (running.size >= replaysAtOnceMax)
          throw new Unavailable(
            "dead-letters",
            `Cannot replay the cause: ${replaysAtOnceMax} others run already`,
            {
              retryAfterMs: atOnceRetryAfterMs,
            },
          );
        const { promise, resolve, reject } = Promise.withResolvers<LetterReplay>();
        const work = underLock(wish.cause, async () => {
          const row = await enter(options, wish, meta, ticket);
          resolve(view(row, nothingYet));
          await carryOut(row);
        });
        tracked(work.catch(reject));
        return promise;
      });
    },
    async get(id: string): Promise<LetterReplay> {
      const first = await found(id);
      const row = await asItStands(db, lockOf(first.cause), first, () => found(id));
      const [sent] = await db.read((em) => run(em, sql.progress(id)));
      return view(row, sent ?? nothingYet);
    },
    /** Resolves once those that run have stopped, which they do between two letters. */
    async ended(): Promise<void> {
      await Promise.all(running);
    },
  };
}
