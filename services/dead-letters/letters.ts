/**
 * What an operator does with dead letters: list, look into, replay, discard. Nothing is thrown away: a letter leaves
 * the table only by retention, long after somebody has decided on it.
 *
 * A replay is published and confirmed before the row is marked. A crash in between leaves the letter pending, and the
 * next replay sends it again: consumers drop what they have had, by version or event id, however late it comes.
 */
import { LockMode } from "@mikro-orm/core";
import * as z from "zod";
import { DeadLetterRecord } from "../../mixins/bus/dead-letters.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { askerOf } from "../../mixins/context/correlation.ts";
import type { Idempotency, Ticket } from "../../mixins/idempotency.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { run } from "../../mixins/postgres/statement.ts";
import type { ActionParams, ActionResult, CallMeta } from "../contracts/actions.ts";
import type {
  DeadLetter,
  DeadLetterCauses,
  DeadLetterDetail,
  DeadLetterPage,
} from "../contracts/dead-letters.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import { ReplayedLetter } from "./entities.ts";
import * as sql from "./sql.ts";
import { causeView, detailView, letterView, shownMembers } from "./view.ts";

export interface LettersOptions {
  readonly db: Database;
  readonly bus: Bus;
  readonly keys: Idempotency;
  readonly log: Logger;
  readonly now: () => Date;
}

export interface Letters {
  /** Newest first. Throws Refusal `invalid-fields` for a cursor of another list. */
  list(query: ActionParams<"dead-letters.list">): Promise<DeadLetterPage>;
  /** What is pending, one entry for each cause, the newest first. */
  causes(): Promise<DeadLetterCauses>;
  get(id: string): Promise<DeadLetterDetail>;
  /** For the reconciler: which of these users have a pending letter, of which queue. */
  pending(userIds: readonly string[]): Promise<ActionResult<"dead-letters.pending">>;
  /** Refusals `not-found`, `dead-letter-settled`; Unavailable when the bus does not take it. */
  replay(params: ActionParams<"dead-letters.replay">, meta: CallMeta): Promise<DeadLetter>;
  discard(params: ActionParams<"dead-letters.discard">, meta: CallMeta): Promise<DeadLetter>;
  /** As `replay`, for a replay of the letter's cause. */
  replayFor(replayId: string, id: string): Promise<DeadLetter>;
}

const Cursor = z.tuple([z.uuid()]);
const busRetryAfterMs = 2_000;
/** More causes than somebody can look into; the newest are shown. */
const causesMax = 100;

const requireRow = (row: DeadLetterRecord | null): DeadLetterRecord => {
  if (row === null) throw new Refusal("not-found", "Cannot find the dead letter: none has this id");
  return row;
};

function requirePending(row: DeadLetterRecord, verb: "replay" | "discard"): void {
  if (row.status !== "pending")
    throw new Refusal("dead-letter-settled", `Cannot ${verb} the dead letter: it is ${row.status}`);
}

/** Newest first by id, which is a UUID version 7: one index read for a page, also of one queue. */
async function listLetters(db: Database, query: ActionParams<"dead-letters.list">): Promise<DeadLetterPage> {
  const { queue, status, cause, cursor, limit } = query;
  // No queue has such a name, and PostgreSQL would choke on a NUL in it.
  if (queue?.includes("\0")) return { items: [], nextCursor: null };
  const where = {
    ...(queue === undefined ? {} : { queue: queue.replace(/\.dlq$/, "") }),
    ...(status === "all" ? {} : { status }),
    ...(cause === undefined ? {} : { cause }),
    ...(cursor === undefined ? {} : { id: { $lt: decodeCursor(cursor, Cursor)[0] } }),
  };
  const rows = await db.read((em) =>
    em.find(DeadLetterRecord, where, { fields: shownMembers, orderBy: { id: "desc" }, limit: limit + 1 }),
  );
  return page(rows.map(letterView), limit, ({ id }) => [id]);
}

/**
 * Runs `change` on the locked row and keeps its answer for a repeat of the request, in one transaction. Whoever decides on
 * a letter waits here for whoever decides on it at the same time.
 */
const decided = (
  db: Database,
  id: string,
  ticket: Ticket | undefined,
  change: (row: DeadLetterRecord, em: EntityManager) => void,
): Promise<DeadLetter> =>
  db.transaction(async (em) => {
    const row = requireRow(
      await em.findOne(DeadLetterRecord, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE }),
    );
    change(row, em);
    await em.flush();
    const answer = letterView(row);
    await ticket?.remember(em, answer);
    return answer;
  });

/** Only forward: a replay that has already failed and come back stored its number itself, and stays pending. */
function markReplayed(row: DeadLetterRecord, replays: number, at: Date): void {
  row.lastReplayedAt = at;
  if (row.replays >= replays) return;
  Object.assign(row, { replays, status: "replayed", settledAt: at });
}

/** The operator's side of the dead letters. */
export function letters({ db, bus, keys, log, now }: LettersOptions): Letters {
  const rowOf = async (id: string): Promise<DeadLetterRecord> =>
    requireRow(await db.read((em) => em.findOne(DeadLetterRecord, { id })));

  const replayOnce = async (
    id: string,
    ticket: Ticket | undefined,
    noting: (em: EntityManager, replays: number) => void = () => {},
  ): Promise<DeadLetter> => {
    const row = await rowOf(id);
    requirePending(row, "replay");
    const replays = row.replays + 1;
    const outcome = await bus.publishTo(row.queue, {
      messageId: row.messageId ?? undefined,
      correlationId: row.correlationId ?? undefined,
      type: row.routingKey,
      body: row.body,
      headers: row.headers as Record<string, unknown>,
      replays,
    });
    if (outcome.status !== "confirmed")
      throw new Unavailable("bus", `Cannot replay the dead letter: ${outcome.reason}`, {
        retryAfterMs: outcome.retryAfterMs ?? busRetryAfterMs,
      });
    return decided(db, id, ticket, (locked, em) => {
      markReplayed(locked, replays, now());
      noting(em, replays);
    });
  };

  return {
    list: (query) => listLetters(db, query),
    async causes() {
      const rows = await db.read((em) => run(em, sql.causes(causesMax)));
      return { items: rows.map(causeView) };
    },
    get: async (id) => detailView(await rowOf(id)),
    async pending(userIds) {
      const where = { status: "pending", userId: { $in: [...userIds] } };
      const items = await db.read((em) =>
        em
          .createQueryBuilder(DeadLetterRecord)
          .select(["userId", "queue"])
          .distinct()
          .where(where)
          .execute<{ userId: string; queue: string }[]>("all"),
      );
      return { items };
    },
    async replay({ id }, meta) {
      const call = { action: "dead-letters.replay", params: { id }, meta };
      const letter = await keys.run(call, (ticket) => replayOnce(id, ticket));
      const { queue, eventId, replays, status } = letter;
      const { actor: by } = askerOf(meta);
      log.info({ deadLetterId: id, queue, eventId, replays, status, by }, "dead letter replayed");
      return letter;
    },
    replayFor: (replayId, letterId) =>
      replayOnce(letterId, undefined, (em, count) => {
        em.persist(em.create(ReplayedLetter, { replayId, letterId, replays: count }));
      }),
    async discard({ id, reason }, meta) {
      const { actor: by, correlationId } = askerOf(meta);
      const call = { action: "dead-letters.discard", params: { id, reason }, meta };
      const letter = await keys.run(call, (ticket) =>
        decided(db, id, ticket, (row) => {
          requirePending(row, "discard");
          const at = now();
          const discard = { discardedBy: by, discardReason: reason, discardCorrelationId: correlationId };
          Object.assign(row, { status: "discarded", settledAt: at, discardedAt: at, ...discard });
        }),
      );
      const { queue, eventId } = letter;
      log.info({ deadLetterId: id, queue, eventId, by, reason }, "dead letter discarded");
      return letter;
    },
  };
}
