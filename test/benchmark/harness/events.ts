/** A backlog: events of as many new users as the system writes them, and the rows that belong to them. */
import { randomBytes, randomUUID } from "node:crypto";
import type pg from "pg";
import { v7 as uuidv7 } from "uuid";
import type { UserEvent } from "../../../services/contracts/events.ts";
import { toUserEvent } from "../../../services/users/events.ts";
import { appendEvents, outboxColumns } from "../million/writers.ts";

export function newUserEvents(count: number): UserEvent[] {
  const prefix = randomBytes(6).toString("hex");
  const at = new Date().toISOString();
  return Array.from({ length: count }, (_, index) => {
    const content = {
      displayName: `Person ${prefix} ${index}`,
      primarySmtp: `${prefix}.${index}@bench.example`,
      secondarySmtps: [],
      active: true,
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

/** In one transaction. */
export async function appendToOutbox(pool: pg.Pool, events: readonly UserEvent[]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    for (let from = 0; from < events.length; from += rowsPerStatement)
      await client.query(appendEvents, outboxColumns(events.slice(from, from + rowsPerStatement)));
    await client.query("commit");
  } finally {
    client.release();
  }
}
