/** Who holds an address and who had it, and that it is kept for nobody any more: as it is asked and as it is answered. */
import * as z from "zod";
import { NextCursor, paging } from "./paging.ts";
import { newText } from "./text.ts";
import { AddressKind, AddressStatus, UserId, WrittenSmtpAddress } from "./user.ts";

export const LookUpAddress = z
  .strictObject({
    address: WrittenSmtpAddress,
    at: z.iso.datetime({ offset: true }).optional().meta({ description: "A time in the past (RFC 3339)" }),
  })
  .meta({ id: "LookUpAddress" });

const time = z.iso.datetime().nullable();

export const AddressInfo = z
  .object({
    address: z.string().meta({ description: "As its owner wrote it, or as it was asked for" }),
    status: AddressStatus,
    userId: UserId.nullable().meta({ description: "Who holds it; null when nobody does" }),
    kind: AddressKind.nullable().meta({ description: "As what it is held; null when nobody holds it" }),
    since: time.meta({
      description:
        "Since when it is so: this status, holder and kind; null where nobody holds it, or it is not known any more",
    }),
    until: time.meta({
      description:
        "Until when it was so or, of a term, will be; null while no end is known: it is held, or nobody holds it",
    }),
  })
  .meta({ id: "AddressInfo" });
export type AddressInfo = z.infer<typeof AddressInfo>;

export const ListAddressHistory = z
  .strictObject({ address: WrittenSmtpAddress, ...paging })
  .meta({ id: "ListAddressHistory" });

export const AddressHistoryEntry = z
  .object({
    userId: UserId.nullable().meta({ description: "Who had it; null: somebody who was erased since" }),
    version: z.int().nullable().meta({ description: "The user's version from which on; null with userId" }),
    address: z.string().meta({ description: "As its owner wrote it, or as it was asked for" }),
    kind: AddressKind.nullable().meta({ description: "As what it was held; null with userId" }),
    status: z.enum(["active", "deleted"]).meta({
      description: "active: it was the user's; deleted: the user was deleted, and it was kept from others",
    }),
    from: z.iso.datetime().meta({ description: "When this began" }),
    until: time.meta({
      description: "When it ended or, of a deleted user's, will end by its terms; null: it has not",
    }),
  })
  .meta({ id: "AddressHistoryEntry" });
export type AddressHistoryEntry = z.infer<typeof AddressHistoryEntry>;

export const AddressHistoryPage = z
  .object({ items: z.array(AddressHistoryEntry), nextCursor: NextCursor })
  .meta({ id: "AddressHistoryPage" });
export type AddressHistoryPage = z.infer<typeof AddressHistoryPage>;

const releaseReasonCharsMax = 1_000;

export const ReleaseAddress = z
  .strictObject({
    address: WrittenSmtpAddress,
    reason: newText(releaseReasonCharsMax).meta({ description: "Why; it is kept with who did it" }),
  })
  .meta({ id: "ReleaseAddress" });

/** To the registry, by users, who knows that it may. */
export const FreeAddress = z.strictObject({
  address: WrittenSmtpAddress,
  userId: UserId.nullable().meta({ description: "Whose it was; null: of somebody whom nobody can name" }),
  deletedUntil: z.iso.datetime().meta({ description: "What was deleted later stays" }),
});
