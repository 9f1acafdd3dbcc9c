/**
 * The rows of users. A user's own row holds its whole state; address_keys is only the guard of it: one row for each
 * address of each user, so that its primary key is the promise that no two of them share a conflict key. A deleted user
 * keeps its rows, until somebody takes an address of it whose terms are over.
 */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { PepperRow } from "../../mixins/postgres/keyed-hash.ts";

export const UserRow = defineEntity({
  name: "UserRow",
  tableName: "users",
  properties: {
    /** UUID version 7: the order of ids is the order of creation, which the list pages by. */
    id: p.uuid().primary(),
    displayName: p.text(),
    primarySmtp: p.text(),
    secondarySmtps: p.array(),
    /** Name and addresses case-folded by us, so that searching does not depend on the database's locale. */
    searchText: p.text(),
    version: p.integer(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    deletedAt: p.datetime().nullable(),
    /** Since then nothing but the id, the version and the times are left. */
    erasedAt: p.datetime().nullable(),
  },
});
export type UserRow = InferEntity<typeof UserRow>;

export const AddressKey = defineEntity({
  name: "AddressKey",
  tableName: "address_keys",
  properties: { key: p.text().primary(), userId: p.uuid(), deletedAt: p.datetime().nullable() },
  indexes: [
    { name: "address_keys_user_id_idx", properties: ["userId"] },
    {
      name: "address_keys_domain_idx",
      // A key has one @.
      expression: `create index "address_keys_domain_idx" on "address_keys" (split_part(key, '@', 2), user_id)`,
    },
  ],
});
export type AddressKey = InferEntity<typeof AddressKey>;

/** One row: the generation of what is written now, and for which timeline it was given. */
export const GenerationRow = defineEntity({
  name: "GenerationRow",
  tableName: "generations",
  properties: {
    id: p.integer().primary().autoincrement(false).default(1),
    generation: p.integer(),
    timeline: p.text(),
    begunAt: p.datetime(3).defaultRaw("now()"),
  },
  checks: [{ name: "generations_one_row_check", expression: "id = 1" }],
});

/** That a user was erased: by whom and why. Its copies outside of backups are applied again after a restore. */
export const ErasureRow = defineEntity({
  name: "ErasureRow",
  tableName: "erasures",
  properties: {
    userId: p.uuid().primary(),
    erasedAt: p.datetime(3),
    erasedBy: p.text(),
    reason: p.text(),
  },
});

export type ErasureRow = InferEntity<typeof ErasureRow>;

/** An erased user's address that is nobody else's yet, as a keyed hash (mixins/postgres/keyed-hash.ts). */
export const ErasedKey = defineEntity({
  name: "ErasedKey",
  tableName: "erased_keys",
  properties: { hash: p.blob().primary(), deletedAt: p.datetime() },
  indexes: [{ name: "erased_keys_deleted_at_idx", properties: ["deletedAt"] }],
});

export const usersEntities = [UserRow, AddressKey, GenerationRow, ErasureRow, ErasedKey, PepperRow];
