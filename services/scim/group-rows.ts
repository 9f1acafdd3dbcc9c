/** Groups as they are stored: a row for each, and one for each member, so that neither is written for the other. */
import { defineEntity, type InferEntity, p } from "@mikro-orm/core";

/** Of all groups, whoever made them. */
export const groupNameIndex = "scim_groups_display_name_key";

export const ScimGroupRow = defineEntity({
  name: "ScimGroupRow",
  tableName: "scim_groups",
  properties: {
    /** UUID version 7: the order of ids is the order of creation, which the list pages by. */
    id: p.uuid().primary(),
    displayName: p.text(),
    /** By which names are compared; computed by us. */
    displayNameKey: p.text(),
    /** Whose group it is: who made it, or gave it an externalId last. */
    client: p.text(),
    externalId: p.text().nullable(),
    /** Counts the changes of the group and of its members. */
    version: p.integer(),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
  },
  indexes: [
    {
      name: groupNameIndex,
      expression: `create unique index "${groupNameIndex}" on "scim_groups" (display_name_key)`,
    },
    { name: "scim_groups_external_id_idx", properties: ["client", "externalId"] },
  ],
});
export type ScimGroupRow = InferEntity<typeof ScimGroupRow>;

/** That a user is in a group. It is kept while the user is deleted, and shown to nobody then; an erasure deletes it. */
const ScimGroupMember = defineEntity({
  name: "ScimGroupMember",
  tableName: "scim_group_members",
  properties: { groupId: p.uuid().primary(), userId: p.uuid().primary() },
  indexes: [{ name: "scim_group_members_user_id_idx", properties: ["userId"] }],
});

export const scimGroupEntities = [ScimGroupRow, ScimGroupMember];
