/**
 * The rows of users. A user's own row holds its whole state; address_keys is only the guard of it: one row for each
 * address of each user, so that its primary key is the promise that no two of them share a conflict key. A deleted user
 * keeps its rows, until somebody takes an address of it whose terms are over.
 */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";
import { PepperRow } from "../../mixins/postgres/keyed-hash.ts";

/** Of all rows that have one: a deleted user keeps it (external-id.ts). */
export const externalIdIndex = "users_external_id_key";
/** Of living users: who is deleted keeps it, and so may somebody else have it (user-name.ts). */
export const userNameIndex = "users_user_name_key";

export const UserRow = defineEntity({
  name: "UserRow",
  tableName: "users",
  properties: {
    /** UUID version 7: the order of ids is the order of creation, which the list pages by. */
    id: p.uuid().primary(),
    displayName: p.text(),
    primarySmtp: p.text(),
    secondarySmtps: p.array(),
    externalId: p.text().nullable(),
    /** False: the account is not in use. */
    active: p.boolean().default(true),
    userName: p.text().nullable(),
    /** By which userNames are compared; computed by us, as the text of the search is (contracts/user.ts). */
    userNameKey: p.text().nullable(),
    /** Name and addresses case-folded by us, so that searching does not depend on the database's locale. */
    searchText: p.text(),
    version: p.integer(),
    createdAt: p.datetime(),
    updatedAt: p.datetime(),
    deletedAt: p.datetime().nullable(),
    /** Of a deleted user: addresses that are anybody's before its terms are over. */
    released: p.array().nullable(),
    /** Since then nothing but the id, the version and the times are left. */
    erasedAt: p.datetime().nullable(),
  },
  indexes: [
    {
      name: "users_updated_at_idx",
      expression: `create index "users_updated_at_idx" on "users" (updated_at, id)`,
    },
    {
      name: "users_living_idx",
      expression: `create index "users_living_idx" on "users" (id) where deleted_at is null and erased_at is null`,
    },
    {
      name: "users_deleted_idx",
      expression: `create index "users_deleted_idx" on "users" (id) where deleted_at is not null and erased_at is null`,
    },
    {
      name: externalIdIndex,
      expression: `create unique index "${externalIdIndex}" on "users" (external_id) where external_id is not null`,
    },
    {
      name: userNameIndex,
      expression: `create unique index "${userNameIndex}" on "users" (user_name_key) where deleted_at is null and user_name_key is not null`,
    },
    {
      name: "users_deleted_user_name_idx",
      expression: `create index "users_deleted_user_name_idx" on "users" (user_name_key) where deleted_at is not null and user_name_key is not null`,
    },
  ],
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
    {
      name: "address_keys_deleted_domain_idx",
      expression: `create index "address_keys_deleted_domain_idx" on "address_keys" (split_part(key, '@', 2), user_id) where deleted_at is not null`,
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

/** An address that is nobody's here any more and whose user can't be named: the registry has yet to hear of it. */
export const ReleaseUnderWay = defineEntity({
  name: "ReleaseUnderWay",
  tableName: "releases_under_way",
  properties: { key: p.text().primary(), releasedAt: p.datetime(3) },
});

/**
 * What an identity provider said of a user that is no field of it, as it was sent. A deleted user keeps its row, so that
 * its next create brings it back; an erasure deletes it.
 */
export const ScimUserRow = defineEntity({
  name: "ScimUserRow",
  tableName: "scim_users",
  properties: {
    userId: p.uuid().primary(),
    client: p.text(),
    externalId: p.text().nullable(),
    emails: p.json<unknown[]>(),
    attributes: p.json<Record<string, unknown>>(),
    revision: p.integer(),
    updatedAt: p.datetime(3),
  },
  indexes: [{ name: "scim_users_external_id_idx", properties: ["client", "externalId"] }],
});
export type ScimUserRow = InferEntity<typeof ScimUserRow>;

export const usersEntities = [
  UserRow,
  AddressKey,
  GenerationRow,
  ErasureRow,
  ErasedKey,
  ReleaseUnderWay,
  ScimUserRow,
  PepperRow,
];
