/** What a write of users would do, asked beforehand and for many at once: what an import decides by. */
import * as z from "zod";
import { checkedUsersMax, checkOutcomes } from "./check-outcomes.ts";
import { AddressConflict, replacedFields, UserId, userFieldNames } from "./user.ts";

export const WantedUser = z.strictObject(replacedFields).meta({ id: "WantedUser" });

const CheckedUser = WantedUser.extend({
  occurrence: z.int().min(0).optional().meta({
    description:
      "How many before it want exactly the same, each for somebody else: so many of those who are there so are theirs",
  }),
}).meta({ id: "CheckedUser" });
export type CheckedUser = z.infer<typeof CheckedUser>;

export const CheckUsers = z
  .strictObject({
    users: z.array(CheckedUser).min(1).max(checkedUsersMax),
    key: z.enum(["externalId", "primarySmtp"]).optional().meta({
      description:
        "By what a user who is there already is found, who then is to become as it is wanted. Without it nobody is changed: whoever is there exactly so is unchanged, anybody else stands in the way",
    }),
    onTaken: z
      .enum(["suffix", "refuse"])
      .optional()
      .meta({ description: "As in a create; refuse unless it is said" }),
    thorough: z.boolean().optional().meta({
      description:
        "false: what smtp-registry alone knows (holds, blocked names) is left to the write, which decides anyway",
    }),
  })
  .meta({ id: "CheckUsers" });

export const UserCheck = z
  .object({
    outcome: z.enum(checkOutcomes).meta({
      description:
        "What the write would do; suffixed: it would create the user with a number behind a taken address",
    }),
    userId: UserId.nullable().meta({ description: "The user who is there already" }),
    version: z.int().nullable().meta({ description: "That user's, for If-Match" }),
    patch: z
      .partialRecord(z.enum(userFieldNames), z.unknown())
      .nullable()
      .meta({ description: "Of changed: the merge patch that makes the user so. No address is taken away" }),
    reasons: z
      .array(
        z.object({
          pointer: z.string().meta({ description: "The member of the wanted user, as a JSON pointer" }),
          detail: z.string(),
          conflict: AddressConflict.optional(),
        }),
      )
      .meta({ description: "Of refused and suffixed: what stands against it" }),
  })
  .meta({ id: "UserCheck" });
export type UserCheck = z.infer<typeof UserCheck>;
export type CheckReason = UserCheck["reasons"][number];

export const UserChecks = z
  .object({ items: z.array(UserCheck).meta({ description: "In the order in which they were asked for" }) })
  .meta({ id: "UserChecks" });
