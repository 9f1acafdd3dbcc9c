/**
 * The facts that users publishes: structured CloudEvents 1.0 JSON, one version a schema.
 * An event carries the user's whole state and version, so a consumer that keeps a watermark needs no order.
 */
import * as z from "zod";
import { User } from "./user.ts";

/** Semantics of the change; `field` is a key of the user, or `deletedAt`. */
export const Change = z
  .object({ field: z.string(), from: z.unknown(), to: z.unknown() })
  .meta({ id: "Change" });
export type Change = z.infer<typeof Change>;

export const UserState = User.extend({
  deletedAt: z.iso
    .datetime()
    .nullable()
    .meta({ description: "When the user was deleted, null while it lives" }),
}).meta({ id: "UserState" });
export type UserState = z.infer<typeof UserState>;

export const eventTypes = [
  "user.created.v1",
  "user.updated.v1",
  "user.deleted.v1",
  "user.restored.v1",
] as const;
export type UserEventType = (typeof eventTypes)[number];
export const eventSource = "/mailroster/users";

const envelope = <T extends UserEventType>(type: T) =>
  z
    .object({
      specversion: z.literal("1.0"),
      id: z.uuid(),
      source: z.string().min(1),
      type: z.literal(type),
      subject: z.uuid().meta({ description: "The user's id" }),
      time: z.iso.datetime(),
      datacontenttype: z.literal("application/json").optional(),
      dataschema: z.string().optional(),
      correlationid: z.string().min(1),
      causationid: z.string().min(1),
      sequence: z.int().min(1).meta({ description: "The user's version" }),
      traceparent: z.string().optional(),
      actor: z.string().min(1).meta({ description: "Who asked for the change" }),
      data: z.object({ user: UserState, changes: z.array(Change) }),
    })
    .meta({ id: type });

export const eventSchemas = {
  "user.created.v1": envelope("user.created.v1"),
  "user.updated.v1": envelope("user.updated.v1"),
  "user.deleted.v1": envelope("user.deleted.v1"),
  "user.restored.v1": envelope("user.restored.v1"),
} as const;

export const UserEvent = z.discriminatedUnion("type", [
  eventSchemas["user.created.v1"],
  eventSchemas["user.updated.v1"],
  eventSchemas["user.deleted.v1"],
  eventSchemas["user.restored.v1"],
]);
export type UserEvent = z.infer<typeof UserEvent>;

/** The `dataschema` of a type: an absolute URI, as CloudEvents 1.0 demands, that names the schema without a host. */
export const dataschemaOf = (type: UserEventType): string => `urn:mailroster:schema:${type}`;
