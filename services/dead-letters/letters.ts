/**
 * What an operator does with dead letters: list, look into, replay, discard. Nothing is thrown away: a letter leaves
 * the table only by retention, long after somebody has decided on it.
 *
 * A replay is published and confirmed before the row is marked. A crash in between leaves the letter pending, and the
 * next replay sends it again: consumers drop what they have had, by version or event id, however late it comes.
 */
import * as z from "zod";
import type { Bus } from "../../mixins/bus/port.ts";
import { anonymous, newCorrelationId } from "../../mixins/context/correlation.ts";
import type { Idempotency, Ticket } from "../../mixins/idempotency.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { decodeCursor, encodeCursor } from "../../mixins/postgres/keyset-cursor.ts";
import type { ActionParams, ActionResult, CallMeta } from "../contracts/actions.ts";
import type {
  DeadLetter,
  DeadLetterCauses,
  DeadLetterDetail,
  DeadLetterPage,
} from "../contracts/dead-letters.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import * as sql from "./sql.ts";
import {
  type CauseRow,
  causeView,
  detailView,
  type LetterRow,
  letterView,
  type WholeLetterRow,
} from "./view.ts";

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
}

const Cursor = z.tuple([z.uuid()]);
const busRetryAfterMs = 2_000;
/** More causes than somebody can look into; the newest are shown. */
const causesMax = 100;

const found = (row: WholeLetterRow | undefined): WholeLetterRow => {
  if (row === undefined) throw new Refusal("not-found", "Cannot find the dead letter: none has this id");
  return row;
};

function requirePending(row: WholeLetterRow, verb: "replay" | "discard"): void {
  if (row.status !== "pending")
    throw new Refusal("dead-letter-settled", `Cannot ${verb} the dead letter: it is ${row.status}`);
}

async function listLetters(db: Database, query: ActionParams<"dead-letters.list">): Promise<DeadLetterPage> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  // No queue has such a name, and PostgreSQL would choke on a NUL in it.
  if (query.queue?.includes("\0")) return { items: [], nextCursor: null };
  const filters = {
    "queue = ?": query.queue?.replace(/\.dlq$/, ""),
    "status = ?": query.status === "all" ? undefined : query.status,
    "cause = ?": query.cause,
  };
  for (const [condition, value] of Object.entries(filters)) {
    if (value === undefined) continue;
    conditions.push(condition);
    values.push(value);
  }
  if (query.cursor !== undefined) {
    conditions.push("id < ?::uuid");
    values.push(...decodeCursor(query.cursor, Cursor));
  }
  const text = sql.page(conditions);
  const rows = await db.read((em) => em.execute<LetterRow[]>(text, [...values, query.limit + 1]));
  const items = rows.slice(0, query.limit).map(letterView);
  const last = items.at(-1);
  return { items, nextCursor: rows.length > query.limit && last ? encodeCursor([last.id]) : null };
}

/** Runs `change` on the locked row and keeps its answer for a repeat of the request, in one transaction. */
const decided = (
  db: Database,
  id: string,
  ticket: Ticket,
  change: (em: EntityManager, row: WholeLetterRow) => Promise<LetterRow[]>,
): Promise<DeadLetter> =>
  db.transaction(async (em) => {
    const [row] = await em.execute<WholeLetterRow[]>(sql.lockOne, [id]);
    const [after] = await change(em, found(row));
    const answer = letterView(after as LetterRow);
    await ticket.remember(em, answer);
    return answer;
  });

/** The operator's side of the dead letters. */
export function letters({ db, bus, keys, log, now }: LettersOptions): Letters {
  const read = async (id: string): Promise<WholeLetterRow> => {
    const [row] = await db.read((em) => em.execute<WholeLetterRow[]>(sql.one, [id]));
    return found(row);
  };

  const replayOnce = async (id: string, ticket: Ticket): Promise<DeadLetter> => {
    const row = await read(id);
    requirePending(row, "replay");
    const replays = row.replays + 1;
    const outcome = await bus.publishTo(row.queue, {
      messageId: row.messageId ?? undefined,
      correlationId: row.correlationId ?? undefined,
      type: row.routingKey,
      body: row.body,
      headers: row.headers,
      replays,
    });
    if (outcome.status !== "confirmed")
      throw new Unavailable("bus", `Cannot replay the dead letter: ${outcome.reason}`, {
        retryAfterMs: outcome.retryAfterMs ?? busRetryAfterMs,
      });
    const at = now();
    return decided(db, id, ticket, (em) =>
      em.execute<LetterRow[]>(sql.markReplayed, [replays, at, replays, replays, at, id]),
    );
  };

  return {
    list: (query) => listLetters(db, query),
    async causes() {
      const rows = await db.read((em) => em.execute<CauseRow[]>(sql.causes, [causesMax]));
      return { items: rows.map(causeView) };
    },
    get: async (id) => detailView(await read(id)),
    async pending(userIds) {
      const rows = await db.read((em) =>
        em.execute<{ userId: string; queue: string }[]>(sql.pendingOf, [`{${userIds.join(",")}}`]),
      );
      return { items: rows };
    },
    async replay({ id }, meta) {
      const call = { action: "dead-letters.replay", params: { id }, meta };
      const letter = await keys.run(call, (ticket) => replayOnce(id, ticket));
      const { queue, eventId, replays, status } = letter;
      const by = meta.actor ?? anonymous;
      log.info({ deadLetterId: id, queue, eventId, replays, status, by }, "dead letter replayed");
      return letter;
    },
    async discard({ id, reason }, meta) {
      const by = meta.actor ?? anonymous;
      const correlationId = meta.correlationId ?? newCorrelationId();
      const call = { action: "dead-letters.discard", params: { id, reason }, meta };
      const letter = await keys.run(call, (ticket) =>
        decided(db, id, ticket, (em, row) => {
          requirePending(row, "discard");
          const at = now();
          return em.execute<LetterRow[]>(sql.markDiscarded, [at, at, by, reason, correlationId, id]);
        }),
      );
      const { queue, eventId } = letter;
      log.info({ deadLetterId: id, queue, eventId, by, reason }, "dead letter discarded");
      return letter;
    },
  };
}
