/** The rows of smtp-registry's own database: written by statements (sql.ts), mapped here for the schema check. */
import { defineEntity, p } from "@mikro-orm/core";
import { ConsumerOutcomeRow } from "../../mixins/bus/consumer-outcomes.ts";
import { PepperRow } from "../../mixins/postgres/keyed-hash.ts";

/**
 * One row for each address that is not free: its conflict key is the primary key, so no two users can hold one.
 * `reserved` is a hold until `expiresAt`, and until users was asked about it; `deleted` is a tombstone since `deletedAt`.
 */
export const AddressRow = defineEntity({
  name: "AddressRow",
  tableName: "addresses",
  properties: {
    key: p.text().primary(),
    /** As the person wrote it. */
    address: p.text(),
    userId: p.uuid(),
    kind: p.text(),
    status: p.text(),
    /** Of a hold: the reservation, and the key it had asked for, by which it finds its answer when repeated. */
    reservationId: p.text().nullable(),
    requestedKey: p.text().nullable(),
    /** Why the requested address was not given. */
    reason: p.text().nullable(),
    /** The number that was appended, when one was. */
    suffix: p.integer().nullable(),
    heldSince: p.datetime(3).nullable(),
    expiresAt: p.datetime(3).nullable(),
    deletedAt: p.datetime(3).nullable(),
  },
  indexes: [
    { name: "addresses_user_id_idx", properties: ["userId"] },
    { name: "addresses_expires_at_idx", properties: ["expiresAt"], where: "status = 'reserved'" },
    { name: "addresses_deleted_at_idx", properties: ["deletedAt"], where: "status = 'deleted'" },
    // For mail-lookup, which is asked whether anybody lives in a domain, of every sender's and recipient's.
    {
      name: "addresses_domain_idx",
      expression: `create index "addresses_domain_idx" on "addresses" (split_part(key, '@', 2), status) where status <> 'deleted'`,
    },
  ],
  uniques: [{ name: "addresses_reservation_idx", properties: ["reservationId", "requestedKey"] }],
  checks: [
    { name: "addresses_kind_check", expression: "kind in ('primary', 'secondary')" },
    {
      name: "addresses_status_check",
      expression:
        "status = 'active' or (status = 'reserved' and expires_at is not null and reservation_id is not null) or (status = 'deleted' and deleted_at is not null)",
    },
  ],
});

/** The newest version of each user that has taken effect. */
export const Watermark = defineEntity({
  name: "Watermark",
  tableName: "watermarks",
  properties: {
    userId: p.uuid().primary(),
    version: p.integer(),
    /** The event that brought it, and when it took effect. */
    eventId: p.uuid().nullable(),
    appliedAt: p.datetime(3).nullable(),
    /** Since then no other event of the user has an effect. */
    erasedAt: p.datetime(3).nullable(),
    /** Whether the user may log in, for mail-lookup; it changes nothing of who has an address. */
    active: p.boolean().default(true),
  },
});

/** The next number to try for each base of suffixed addresses (suffix-rule.ts: counterKey). */
export const SuffixCounter = defineEntity({
  name: "SuffixCounter",
  tableName: "suffixes",
  properties: { baseKey: p.text().primary(), next: p.integer() },
});

/** The last generation that was given to the users database. */
export const LastGeneration = defineEntity({
  name: "LastGeneration",
  tableName: "generations",
  properties: { id: p.integer().primary().autoincrement(false).default(1), generation: p.integer() },
  checks: [{ name: "generations_one_row_check", expression: "id = 1" }],
});

/** What each version of a user changed of an address; append-only, so it is complete whatever the order of arrival. */
export const AddressHistory = defineEntity({
  name: "AddressHistory",
  tableName: "address_history",
  properties: {
    userId: p.uuid().primary(),
    version: p.integer().primary(),
    key: p.text().primary(),
    address: p.text(),
    /** null when the user no longer had the address. */
    kind: p.text().nullable(),
    state: p.text(),
    at: p.datetime(3),
  },
  indexes: [{ name: "address_history_key_at_idx", properties: ["key", "at"] }],
  checks: [{ name: "address_history_state_check", expression: "state in ('active', 'deleted', 'removed')" }],
});

/**
 * What is left of an erased user's addresses: that somebody had one and when, and the tombstones; each by a keyed hash
 * (mixins/postgres/keyed-hash.ts), until the terms of the deletion are over.
 */
export const ErasedAddress = defineEntity({
  name: "ErasedAddress",
  tableName: "erased_addresses",
  properties: {
    hash: p.blob().primary(),
    /** As in the history; `tombstone`: nobody else's yet. */
    state: p.text().primary(),
    at: p.datetime(3).primary(),
    deletedAt: p.datetime(3),
  },
  indexes: [{ name: "erased_addresses_deleted_at_idx", properties: ["deletedAt"] }],
  checks: [
    {
      name: "erased_addresses_state_check",
      expression: "state in ('tombstone', 'active', 'deleted', 'removed')",
    },
  ],
});

export const registryEntities = [
  AddressRow,
  Watermark,
  SuffixCounter,
  LastGeneration,
  AddressHistory,
  ErasedAddress,
  PepperRow,
  ConsumerOutcomeRow,
];
