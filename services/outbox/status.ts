/** What an operator is told of the outbox: how much waits and for how long, and what was lately published. Reads only. */
import { OutboxMessage, partitionOf } from "../../mixins/bus/outbox-row.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import type { OutboxStatus } from "../contracts/operations.ts";
import { PublishedEvent } from "./entities.ts";
import * as sql from "./sql.ts";

const eventFields = ["eventId", "type", "aggregateId", "correlationId"] as const;

/** Rejects as the database does. `fault`: why the bus takes nothing now. Ages by the database's own clock. */
export async function outboxStatus(
  db: Database,
  limit: number,
  fault: string | undefined,
): Promise<OutboxStatus> {
  const [[backlog], waiting, published] = await db.read(async (em) => [
    await run(em, sql.backlog),
    await em.find(
      OutboxMessage,
      {},
      { fields: [...eventFields, "attempts", "refusal", "createdAt"], orderBy: { id: "asc" }, limit },
    ),
    await em.find(
      PublishedEvent,
      {},
      { fields: [...eventFields, "publishedAt"], orderBy: { id: "desc" }, limit },
    ),
  ]);
  if (backlog === undefined) throw new Error("Cannot measure the outbox: its database answered no row");
  const ageS = (at: Date): number => Math.max(0, backlog.now.getTime() - at.getTime()) / 1_000;
  return {
    pending: backlog.pending,
    oldestAgeS: backlog.oldestAt === null ? 0 : ageS(backlog.oldestAt),
    waiting: waiting.map((row) => ({
      ...eventOf(row),
      ageS: ageS(row.createdAt),
      attempts: row.attempts,
      refusal: fault ?? row.refusal ?? null,
    })),
    published: published.map((row) => ({ ...eventOf(row), publishedAt: row.publishedAt.toISOString() })),
  };
}

interface EventColumns {
  readonly eventId: string;
  readonly type: string;
  readonly aggregateId: string;
  readonly correlationId: string;
}

const eventOf = ({ eventId, type, aggregateId: userId, correlationId }: EventColumns) => ({
  eventId,
  type,
  userId,
  correlationId,
});

/** Which of some users have an event here, whatever the marks say. */
export async function usersPending(db: Database, userIds: readonly string[]): Promise<string[]> {
  const partitions = [...new Set(userIds.map(partitionOf))];
  const rows = await db.read((em) =>
    em
      .createQueryBuilder(OutboxMessage)
      .select("aggregateId")
      .distinct()
      .where({ partition: { $in: partitions }, aggregateId: { $in: [...userIds] } })
      .execute<{ aggregateId: string }[]>("all"),
  );
  return rows.map(({ aggregateId }) => aggregateId);
}
