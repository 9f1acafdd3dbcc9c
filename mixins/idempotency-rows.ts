/** The answers kept for idempotency keys (idempotency.ts), and who got one again. */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

export const IdempotencyRecord = defineEntity({
  name: "IdempotencyRecord",
  tableName: "idempotency",
  properties: {
    /** The caller. */
    scope: p.text().primary(),
    key: p.text().primary(),
    fingerprint: p.text(),
    /** JSON as text, not jsonb: the repeat gets the same bytes. */
    result: p.text(),
    createdAt: p.datetime(),
    expiresAt: p.datetime(),
    action: p.text().nullable(),
    /** Of the first request. */
    correlationId: p.text().nullable(),
  },
  indexes: [
    { name: "idempotency_expires_at_idx", properties: ["expiresAt"] },
    { name: "idempotency_correlation_id_idx", properties: ["correlationId"], type: "hash" },
    {
      name: "idempotency_user_idx",
      expression: `create index "idempotency_user_idx" on "idempotency" (substr(result, 8, 36)) where starts_with(result, '{"id":"')`,
    },
  ],
});

export type IdempotencyRecord = InferEntity<typeof IdempotencyRecord>;

/** A request that got the answer of an earlier one, so that its trace leads there; lives as long as the answer. */
export const IdempotencyReplay = defineEntity({
  name: "IdempotencyReplay",
  tableName: "idempotency_replays",
  properties: {
    /** Of the repeat. */
    correlationId: p.text().primary(),
    operation: p.text().primary(),
    firstCorrelationId: p.text().nullable(),
    action: p.text(),
    times: p.integer(),
    replayedAt: p.datetime(3),
    expiresAt: p.datetime(),
  },
  indexes: [
    { name: "idempotency_replays_operation_idx", properties: ["operation"], type: "hash" },
    { name: "idempotency_replays_expires_at_idx", properties: ["expiresAt"] },
  ],
});

export const idempotencyEntities = [IdempotencyRecord, IdempotencyReplay];
