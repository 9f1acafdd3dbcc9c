/** One write of a user by an identity provider: what becomes fields of the user, and what is kept beside them as it was sent. */
import * as z from "zod";
import { createdFields, NewUserName, replacedFields, User, UserId, UserName } from "./user.ts";

/** What a client said of a user that is no field of it: never in events, the audit log or a log line. */
export const ScimDocument = z.strictObject({
  client: z
    .string()
    .min(1)
    .max(256)
    .meta({ description: "Who said it: an externalId is one within a client" }),
  externalId: z.string().min(1).max(256).nullable().meta({ description: "As the client calls the user" }),
  emails: z.array(z.unknown()).meta({ description: "The addresses that the client gave, with their types" }),
  attributes: z.record(z.string(), z.unknown()).meta({ description: "All else, as it was sent" }),
});
export type ScimDocument = z.infer<typeof ScimDocument>;

const whole = {
  displayName: replacedFields.displayName,
  primarySmtp: replacedFields.primarySmtp,
  secondarySmtps: replacedFields.secondarySmtps.unwrap(),
  active: createdFields.active.unwrap(),
  userName: z.union([NewUserName, UserName]).nullable(),
};

export const ProvisionUser = z
  .strictObject({
    id: UserId.optional().meta({ description: "Absent: a new user" }),
    user: z.strictObject(whole),
    scim: ScimDocument,
    restore: z.literal(true).optional().meta({
      description: "The id is a deleted user's, who comes back and is as it is wanted, in one version",
    }),
    expectedVersions: z.array(z.int().min(0)).optional(),
    request: z.string().max(128).optional().meta({
      description: "Of the request that it was made of: a repeat under the same key has the same",
    }),
    expectedRevision: z.int().min(0).optional().meta({ description: "Of the document" }),
  })
  .meta({ id: "ProvisionUser" });

export const ProvisionedUser = z
  .object({
    user: User,
    revision: z.int().min(0).meta({ description: "Counts the changes of the document" }),
    scimUpdatedAt: z.iso.datetime().meta({ description: "When the document last changed" }),
    changed: z.boolean().meta({ description: "false: nothing was written" }),
  })
  .meta({ id: "ProvisionedUser" });
