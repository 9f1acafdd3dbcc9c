/**
 * Promise: the first delivery of a user's events is in the order of their ids, however the bus answers.
 *
 * A batch goes out in rounds: each round holds at most one row of a user, the next one goes out only when it was
 * confirmed, and a refusal holds back the user's later rows. So a broker that refuses row k and takes row k + 1
 * (an unroutable type, a queue that was full for a moment) can't invert them. Publishing a user's rows at once
 * would leave that window open. It costs little: a batch mostly holds each user once and is then a single round;
 * only a user with a backlog of its own pays a round trip for each row, and no other user waits for more than
 * `roundsMax` of them.
 */
import type { Bus, PublishOutcome } from "../../mixins/bus/port.ts";
import { producerSpan } from "../../mixins/context/tracing.ts";
import { usersExchange } from "../contracts/headers.ts";

const roundsMax = 20;

export interface OutboxRow {
  readonly id: string;
  readonly partition: number;
  readonly aggregateId: string;
  readonly eventId: string;
  readonly type: string;
  readonly correlationId: string;
  readonly body: string;
}

export interface RefusedRow {
  readonly row: OutboxRow;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
}

export interface Published {
  readonly confirmed: readonly OutboxRow[];
  readonly refused: readonly RefusedRow[];
}

/** Signals of a relay that stops. */
export interface Stopping {
  /** Begin no new round. */
  readonly soon: AbortSignal;
  /** Wait no longer for the round in hand. */
  readonly now: AbortSignal;
}

/**
 * Publishes rows that are ordered by id. What has no outcome when it gives up counts as neither confirmed nor
 * refused and stays in the outbox.
 */
export async function publishInOrder(
  bus: Bus,
  rows: readonly OutboxRow[],
  stopping: Stopping,
): Promise<Published> {
  const confirmed: OutboxRow[] = [];
  const refused: RefusedRow[] = [];
  const waiting = byUser(rows);
  for (let round = 0; round < roundsMax && waiting.size > 0 && !stopping.soon.aborted; round += 1) {
    const heads = [...waiting.values()].flatMap((queue) => queue.slice(0, 1));
    const outcomes = await unlessAborted(publish(bus, heads), stopping.now);
    if (outcomes === undefined) break;
    for (const [index, row] of heads.entries()) {
      const outcome = outcomes[index];
      if (outcome?.status === "confirmed") {
        confirmed.push(row);
        const rest = (waiting.get(row.aggregateId) ?? []).slice(1);
        if (rest.length > 0) waiting.set(row.aggregateId, rest);
        else waiting.delete(row.aggregateId);
      } else {
        refused.push({ row, reason: outcome?.reason ?? "no outcome", retryAfterMs: outcome?.retryAfterMs });
        waiting.delete(row.aggregateId);
      }
    }
  }
  return { confirmed, refused };
}

function byUser(rows: readonly OutboxRow[]): Map<string, readonly OutboxRow[]> {
  return Map.groupBy(rows, (row) => row.aggregateId);
}

async function publish(bus: Bus, rows: readonly OutboxRow[]): Promise<readonly PublishOutcome[]> {
  const messages = rows.map(({ eventId, type, correlationId, body }) => ({
    id: eventId,
    type,
    correlationId,
    body,
  }));
  const spans = messages.map((message) =>
    producerSpan(usersExchange, message, bus.kind, () => traceparentIn(message.body)),
  );
  const outcomes = await bus.publish(messages);
  for (const [index, span] of spans.entries())
    span?.end(outcomes[index]?.status === "confirmed" ? {} : { fault: "refused" });
  return outcomes;
}

/** The one thing that is read of a body, and only when spans are recorded. */
const traceparentIn = (body: string): string | undefined =>
  (JSON.parse(body) as { traceparent?: string }).traceparent;

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined;
  let abort: () => void = () => {};
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
