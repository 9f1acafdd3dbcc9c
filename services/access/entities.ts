/** Access keys and what was done with them, as they are stored. */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

/** One row for each key that ever was: the audit log names a key by its id for ever. */
export const ApiKeyRow = defineEntity({
  name: "ApiKeyRow",
  tableName: "api_keys",
  properties: {
    id: p.text().primary(),
    /** SHA-256 of the whole key, in hexadecimal. */
    hash: p.text(),
    name: p.text(),
    role: p.text(),
    /** In A-labels; null: every domain. */
    domains: p.array().nullable(),
    createdAt: p.datetime(3),
    createdBy: p.text(),
    /** Why it was made, of one for an emergency. */
    reason: p.text().nullable(),
    expiresAt: p.datetime(3),
    lastUsedAt: p.datetime(3).nullable(),
    revokedAt: p.datetime(3).nullable(),
    revokedBy: p.text().nullable(),
    revokeReason: p.text().nullable(),
    replaces: p.text().nullable(),
    breakGlass: p.boolean().default(false),
  },
  indexes: [{ name: "api_keys_created_at_idx", properties: ["createdAt", "id"] }],
});
export type ApiKeyRow = InferEntity<typeof ApiKeyRow>;

/** What somebody did, or was refused, that no event tells; never changed, by a trigger, and deleted after its term. */
export const ActivityRow = defineEntity({
  name: "ActivityRow",
  tableName: "activity",
  properties: {
    /** UUID version 7. */
    id: p.uuid().primary(),
    at: p.datetime(3),
    /** As the audit log names who asks. */
    principal: p.text(),
    /** The key's id or the token's `jti`. */
    credential: p.text().nullable(),
    /** Of the contract, or the command's. */
    action: p.text(),
    scope: p.text().nullable(),
    targetKind: p.text().nullable(),
    /** Of a search and of an address a keyed hash. */
    targetId: p.text().nullable(),
    allowed: p.boolean(),
    reason: p.text().nullable(),
    correlationId: p.text(),
  },
  indexes: [
    { name: "activity_at_idx", properties: ["at", "id"] },
    { name: "activity_principal_idx", properties: ["principal", "at", "id"] },
    { name: "activity_target_id_idx", properties: ["targetId", "at", "id"] },
  ],
  triggers: [
    {
      name: "activity_unchanged",
      timing: "before",
      // And truncate, by a trigger of the migration's own: MikroORM's drift check does not see that kind.
      events: ["update"],
      forEach: "statement",
      body: "raise exception 'activity is never changed' using errcode = 'restrict_violation'",
    },
  ],
});
export type ActivityRow = InferEntity<typeof ActivityRow>;

/** Made by the migration: of texts that must not be kept, the activity has hashes under this key. */
export const ActivityKeyRow = defineEntity({
  name: "ActivityKeyRow",
  tableName: "activity_keys",
  properties: { id: p.integer().primary().autoincrement(false).default(1), key: p.text() },
  checks: [{ name: "activity_keys_one_row_check", expression: "id = 1" }],
});

/** A session of the console, or all that somebody had until then. */
export const EndedSessionRow = defineEntity({
  name: "EndedSessionRow",
  tableName: "ended_sessions",
  properties: { kind: p.text().primary(), id: p.text().primary(), at: p.datetime(3) },
});

export const accessEntities = [ApiKeyRow, ActivityRow, ActivityKeyRow, EndedSessionRow];
