/** The erasure of a person, and what is known of one. */
import * as z from "zod";
import { AuditEntry } from "./audit.ts";
import { UserState } from "./events.ts";
import { NextCursor, paging } from "./paging.ts";
import { ScimDocument } from "./provision.ts";
import { newText } from "./text.ts";
import { AddressKind, UserId } from "./user.ts";

const reasonCharsMax = 500;

export const ErasureReason = newText(reasonCharsMax).meta({
  id: "ErasureReason",
  description: "Why the user is erased; it is kept, so it names no person",
  examples: ["Request of 3 March, ticket 4711"],
});

export const EraseUser = z.strictObject({ id: UserId, reason: ErasureReason }).meta({ id: "EraseUser" });

/** That a user was erased: what is kept outside of backups, and applied again after a restore. */
export const Erasure = z
  .object({
    userId: UserId,
    at: z.iso.datetime().meta({ description: "When the user was erased" }),
    by: z.string().meta({ description: "Who asked for it" }),
    reason: z.string(),
  })
  .meta({ id: "Erasure" });
export type Erasure = z.infer<typeof Erasure>;

export const ListErasures = z.strictObject(paging);
export const ErasurePage = z.object({ items: z.array(Erasure), nextCursor: NextCursor });

export const ExportUser = z.strictObject({ id: UserId });

/** What each change gave, took or changed of an address, by the registry. */
export const OwnedAddressEntry = z.object({
  version: z.int().meta({ description: "The user's version that changed it" }),
  address: z.string(),
  kind: AddressKind.nullable().meta({ description: "null once the user no longer has it" }),
  state: z.enum(["active", "deleted", "removed"]),
  at: z.iso.datetime(),
});
export const ExportedAddresses = z.object({ items: z.array(OwnedAddressEntry) });

export const UserExport = z
  .object({
    userId: UserId,
    exportedAt: z.iso.datetime(),
    user: UserState.nullable().meta({
      description: "The user as it is, or was when it was deleted; null: erased",
    }),
    provisioned: ScimDocument.nullable().meta({
      description: "What an identity provider said of the user besides; null: none has",
    }),
    erasure: Erasure.nullable().meta({ description: "null: the user was not erased" }),
    addresses: z.array(OwnedAddressEntry).meta({ description: "The history of the user's addresses" }),
    audit: z.array(AuditEntry).meta({ description: "Who changed what, oldest first" }),
    isComplete: z
      .boolean()
      .meta({ description: "false: there are more audit entries than fit; GET /audit has them all" }),
  })
  .meta({ id: "UserExport" });
export type UserExport = z.infer<typeof UserExport>;
