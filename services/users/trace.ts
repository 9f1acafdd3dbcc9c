/** What users tells of a request's idempotency, and of where its users' addresses stand now. */
import { raw } from "@mikro-orm/core";
import { operationOf } from "../../mixins/idempotency.ts";
import { IdempotencyRecord, IdempotencyReplay } from "../../mixins/idempotency-rows.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import type { ActionParams } from "../contracts/actions.ts";
import {
  type RequestsTrace,
  traceOperationsMax,
  traceWritesMax,
  type UsersAddresses,
} from "../contracts/trace.ts";
import { addressesOfRow } from "./digest.ts";
import { UserRow } from "./entities.ts";
import { stateOf } from "./queries.ts";

/**
 * The answers of writes that are shown, and of those that have no event; of the latter the newest, and none when it is not
 * known which they are.
 */
export const requestsOf = (
  db: Database,
  { correlationId, shown, known }: ActionParams<"users.trace">,
  now: Date,
): Promise<RequestsTrace> =>
  db.read(async (em) => {
    const isKept = { expiresAt: { $gt: now } };
    // Up to `traceOperationsMax` rows: as entities they would take longer than the trace waits for them.
    const rows = await em
      .createQueryBuilder(IdempotencyRecord)
      .select(["scope", "key", "fingerprint", "action", "createdAt"])
      .where({ correlationId, ...isKept })
      .orderBy({ createdAt: "desc" })
      .limit(traceOperationsMax)
      .execute<Pick<IdempotencyRecord, "scope" | "key" | "fingerprint" | "action" | "createdAt">[]>("all");
    const all = rows.map(({ scope, key, fingerprint, action, createdAt }) => ({
      operation: operationOf(scope, key, fingerprint),
      action,
      at: createdAt.toISOString(),
    }));
    const [wanted, withEvent] = [new Set(shown), known === null ? undefined : new Set([...known, ...shown])];
    const answers = [
      ...all.filter(({ operation }) => wanted.has(operation)),
      ...(withEvent === undefined
        ? []
        : all.filter(({ operation }) => !withEvent.has(operation)).slice(0, traceWritesMax)),
    ];
    const repeats = await em
      .createQueryBuilder(IdempotencyReplay)
      .select(["operation", raw("sum(times)::int as times")])
      .where({ operation: { $in: answers.map(({ operation }) => operation) }, ...isKept })
      .groupBy("operation")
      .execute<{ operation: string; times: number }[]>("all");
    const times = new Map(repeats.map((repeat) => [repeat.operation, repeat.times]));
    const replays = await em.find(
      IdempotencyReplay,
      { correlationId, ...isKept },
      { orderBy: { replayedAt: "desc" }, limit: traceWritesMax },
    );
    return {
      answers: answers.map(({ operation, action, at }) => ({
        operation,
        action: action ?? "unknown",
        replays: times.get(operation) ?? 0,
        at,
      })),
      replays: replays.map(({ action, firstCorrelationId, times, replayedAt }) => ({
        action,
        of: firstCorrelationId ?? null,
        times,
        at: replayedAt.toISOString(),
      })),
    };
  });

/** Each user that there is or was, deleted ones too. */
export async function addressesNow(db: Database, userIds: readonly string[]): Promise<UsersAddresses> {
  const rows = await db.read((em) => em.find(UserRow, { id: { $in: [...userIds] } }));
  return {
    users: rows.map((row) => {
      const { id: userId, version, deletedAt } = stateOf(row);
      return { userId, version, deletedAt, addresses: addressesOfRow(row) };
    }),
  };
}
