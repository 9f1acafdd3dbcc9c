/** Lists of users: how they are asked for, and what they tell of deleted ones. */
import * as z from "zod";
import { DomainName } from "./domains.ts";
import { NextCursor, paging } from "./paging.ts";
import { ExternalId, User, UserId, WrittenSmtpAddress } from "./user.ts";

/** What a deleted user has beside; a living one has none of it. */
export const ListedUser = User.extend({
  deletedAt: z.iso.datetime().optional().meta({ description: "When it was deleted; absent: it lives" }),
  restorableUntil: z.iso.datetime().optional().meta({
    description: "Of a deleted one: until then a restore gets back all its addresses",
  }),
  quarantinedUntil: z.iso.datetime().optional().meta({
    description:
      "Of a deleted one: until then nobody else gets its addresses or its externalId, unless one was released",
  }),
}).meta({ id: "ListedUser" });
export type ListedUser = z.infer<typeof ListedUser>;

export const ListUsers = z
  .strictObject({
    ...paging,
    q: z.string().min(1).max(256).optional().meta({
      description:
        "Part of a name, an address, an externalId or a userName, any case; a domain in either form",
    }),
    smtp: WrittenSmtpAddress.optional().meta({
      description: "The user who holds this address, as primary or secondary",
    }),
    domain: DomainName.optional().meta({
      description: "Users with an address in this domain, in U-labels or in A-labels",
    }),
    externalId: ExternalId.optional().meta({ description: "The user who has this externalId" }),
    updatedSince: z.iso.datetime({ offset: true }).optional().meta({
      description:
        "Users who changed at this time or later (RFC 3339), in the order of updatedAt instead of creation",
    }),
    deleted: z.enum(["only", "include"]).optional().meta({
      description: "Deleted users alone, or beside the living; without it the living alone",
    }),
  })
  .meta({ id: "ListUsers" });

export const UserPage = z
  .object({ items: z.array(ListedUser), nextCursor: NextCursor })
  .meta({ id: "UserPage" });
export type UserPage = z.infer<typeof UserPage>;

export const GetUser = z
  .strictObject({
    id: UserId,
    deleted: z.enum(["include"]).optional().meta({ description: "Also one that was deleted" }),
  })
  .meta({ id: "GetUser" });
