/** The audit log as it is asked and as it answers. */
import * as z from "zod";
import { Assignments } from "./assignment.ts";
import { Change } from "./events.ts";
import { NextCursor, paging } from "./paging.ts";
import { UserId } from "./user.ts";

export const auditActions = [
  "user.created",
  "user.updated",
  "user.deleted",
  "user.restored",
  "user.erased",
  "address.released",
] as const;

const time = z.iso.datetime({ offset: true }).optional();

export const ListAudit = z
  .strictObject({
    ...paging,
    userId: UserId.optional().meta({ description: "Only changes of this user" }),
    correlationId: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .meta({ description: "Only changes that the request with this X-Correlation-ID made" }),
    actor: z.string().min(1).max(128).optional().meta({
      description: "Only changes that this one asked for, named as the entries name them",
    }),
    action: z.enum(auditActions).optional().meta({ description: "Only entries of this action" }),
    from: time.meta({ description: "Not before this time (RFC 3339)" }),
    to: time.meta({ description: "Before this time (RFC 3339)" }),
    order: z.enum(["asc", "desc"]).default("asc").meta({ description: "desc: the newest first" }),
  })
  .meta({ id: "ListAudit" });

export const AuditEntry = z
  .object({
    id: z.uuid().meta({ description: "The event's id" }),
    at: z.iso.datetime().meta({ description: "When the change was committed" }),
    action: z.enum(auditActions).meta({ description: "What was done" }),
    userId: UserId,
    version: z.int().min(1).meta({ description: "The user's version after the change" }),
    actor: z.string().meta({ description: "Who asked for it" }),
    onBehalfOf: z.string().optional().meta({ description: "For whom the actor said to act (X-Actor)" }),
    correlationId: z.string().meta({ description: "The request that made it" }),
    changes: z.array(Change).meta({
      description: "Each field that changed; of an erased user without its values",
    }),
    assignments: Assignments,
    reason: z.string().optional().meta({ description: "Of user.erased: why" }),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditPage = z
  .object({ items: z.array(AuditEntry), nextCursor: NextCursor })
  .meta({ id: "AuditPage" });
export type AuditPage = z.infer<typeof AuditPage>;
