/** A backlog: events of as many new users, as the system writes them, and the rows that belong to them. */
import { randomBytes, randomUUID } from "node:crypto";
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { partitionOf } from "../../../mixins/outbox.ts";
import type { UserEvent } from "../../../services/contracts/events.ts";
import { toUserEvent } from "../../../services/users/events.ts";

export function newUserEvents(count: number): UserEvent[] {
  const prefix = randomBytes(6).toString("hex");
  const at = new Date().toISOString();
  return Array.from({ length: count }, (_, index) => {
    const content = {
      displayName: `Person ${prefix} ${index}`,
      primarySmtp: `${prefix}.${index}@bench.example`,
      secondarySmtps: [],
    };
    const times = { createdAt: at, updatedAt: at, deletedAt: null };
    const changes = Object.entries(content).map(([field, to]) => ({ field, from: null, to }));
    return toUserEvent(
      randomUUID(),
      "user.created.v1",
      { id: uuidv7(), ...content, version: 1, ...times },
      changes,
      { action: "users.create", correlationId: randomUUID(), actor: "bench" },
    );
  });
}

const rowsPerStatement = 1_000;

const append = `
insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body)
select * from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[])`;

/** In transactions of a thousand. */
export async function appendToOutbox(pool: pg.Pool, events: readonly UserEvent[]): Promise<void> {
  for (let from = 0; from < events.length; from += rowsPerStatement) {
    const part = events.slice(from, from + rowsPerStatement);
    await pool.query(append, [
      part.map(({ subject }) => partitionOf(subject)),
      part.map(({ subject }) => subject),
      part.map(({ id }) => id),
      part.map(({ type }) => type),
      part.map(({ correlationid }) => correlationid),
      part.map((event) => JSON.stringify(event)),
    ]);
  }
}
