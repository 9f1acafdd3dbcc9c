/** The audit log as it is asked and as it answers. */
import * as z from "zod";
import { Change } from "./events.ts";
import { paging } from "./paging.ts";
import { UserId } from "./user.ts";

export const ListAudit = z
  .strictObject({
    ...paging,
    userId: UserId.optional(),
    correlationId: z.string().min(1).max(128).optional(),
  })
  .meta({ id: "ListAudit" });

export const AuditEntry = z
  .object({
    id: z.uuid().meta({ description: "The event's id" }),
    at: z.iso.datetime(),
    action: z.enum(["user.created", "user.updated", "user.deleted", "user.restored"]),
    userId: UserId,
    version: z.int().min(1),
    actor: z.string(),
    correlationId: z.string(),
    changes: z.array(Change),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditPage = z
  .object({ items: z.array(AuditEntry), nextCursor: z.string().nullable() })
  .meta({ id: "AuditPage" });
export type AuditPage = z.infer<typeof AuditPage>;
