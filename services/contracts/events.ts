/**
 * The facts that users publishes: structured CloudEvents 1.0 JSON, one version a schema.
 * An event carries the user's whole state and version, so a consumer that keeps a watermark needs no order. Of an erased
 * user there is no state left to carry.
 */
import * as z from "zod";
import { Assignments } from "./assignment.ts";
import { SmtpAddress, User } from "./user.ts";

/** Moleculer's event, without a payload, by which a writer wakes the relay. It may get lost. */
export const outboxAppended = "outbox.appended";

/** Semantics of the change; `field` is a key of the user, `deletedAt`, or `released`. */
export const Change = z
  .object({
    field: z.string().meta({ description: "A member of the user, deletedAt, or released" }),
    from: z.unknown().meta({ description: "Its value before" }),
    to: z.unknown().meta({ description: "Its value after" }),
  })
  .meta({ id: "Change" });
export type Change = z.infer<typeof Change>;

/** As we write it ourselves; to make it anew for each of an event's four was a twelfth of a consumer's CPU. */
const normalTimestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function normalise(text: string): string {
  if (normalTimestamp.test(text) || Number.isNaN(Date.parse(text))) return text;
  return new Date(text).toISOString();
}

/** RFC 3339 as CloudEvents demands, with any offset; normalised to UTC. PostgreSQL knows no year 0. */
const Timestamp = z.iso
  .datetime({ offset: true })
  .refine((text) => text >= "0001", "must not be before the year 1")
  .overwrite(normalise);

const versionMax = 2 ** 31 - 1;
/**
 * No event takes a user beyond this, which leaves it a million changes: at `versionMax` it could never be written again,
 * and versions only grow.
 */
export const versionWithHeadroomMax = versionMax - 1_000_000;

/** So far ahead of users a repair follows what somebody has heard: they count a generation's versions one by one. */
export const repairJumpMax = 10_000;
/** And so far ahead of what a consumer has heard of may be what it hears: of a repair, some of it lost. */
export const versionJumpMax = 2 * repairJumpMax;

/** An integer; the CloudEvents extension of this name is a string, so that is taken as well. */
const Version = z
  .union([
    z.int().min(1).max(versionMax),
    z
      .string()
      .regex(/^[1-9]\d{0,9}$/)
      .transform(Number)
      .refine((version) => version <= versionMax),
  ])
  .meta({ description: "The user's version" });

export const UserState = User.extend({
  version: z.int().min(1).max(versionMax).meta({ description: "Counts the changes of this user" }),
  createdAt: Timestamp.meta({ description: "When the user was created" }),
  updatedAt: Timestamp.meta({ description: "When the user last changed" }),
  deletedAt: Timestamp.nullable()
    .default(null)
    .meta({ description: "When the user was deleted, null while it lives" }),
  released: z.array(SmtpAddress).optional().meta({
    description: "Of a deleted user: addresses that are anybody's before its terms are over; absent: none",
  }),
}).meta({ id: "UserState" });
export type UserState = z.infer<typeof UserState>;

export const eventTypes = [
  "user.created.v1",
  "user.updated.v1",
  "user.deleted.v1",
  "user.restored.v1",
  "user.erased.v1",
] as const;
export type FactType = (typeof eventTypes)[number];
/** Of those that carry the user's state. */
export type UserEventType = Exclude<FactType, "user.erased.v1">;
export const eventSource = "/mailroster/users";

const envelopeOf = <T extends FactType>(type: T) => ({
  specversion: z.literal("1.0").meta({ description: "The version of CloudEvents" }),
  id: z.uuid().meta({ description: "The event's id; a repeat of the event has the same" }),
  source: z.string().min(1).meta({ description: "Which system published it" }),
  type: z.literal(type).meta({ description: "What happened; the routing key is the same" }),
  subject: z.uuid().meta({ description: "The user's id" }),
  time: Timestamp.meta({ description: "When the change was committed (RFC 3339)" }),
  datacontenttype: z.literal("application/json").optional().meta({ description: "The form of data" }),
  dataschema: z.string().optional().meta({ description: "The name of this schema" }),
  correlationid: z.string().min(1).meta({ description: "The request that made the change" }),
  causationid: z.string().min(1).optional().meta({ description: "The event or request that led to it" }),
  sequence: Version,
  traceparent: z.string().optional().meta({ description: "W3C Trace Context of the change" }),
  actor: z.string().min(1).default("anonymous").meta({ description: "Who asked for the change" }),
  onbehalfof: z.string().min(1).optional().meta({ description: "For whom the actor said to act" }),
});

const envelope = <T extends UserEventType>(type: T) =>
  z
    .object({
      ...envelopeOf(type),
      data: z
        .object({
          user: UserState.meta({ description: "The user's complete state after the change" }),
          changes: z.array(Change).default([]).meta({ description: "What changed" }),
          assignments: Assignments,
        })
        .meta({ description: "The user after the change, and what changed" }),
    })
    .refine((event) => event.subject === event.data.user.id, {
      path: ["subject"],
      error: "must be the user's id",
    })
    .refine((event) => event.sequence === event.data.user.version, {
      path: ["sequence"],
      error: "must be the user's version",
    })
    .meta({ id: type });

/** Of whom nothing is left but the id and the version; whoever keeps more must let it go. */
export const UserErased = z
  .object({
    ...envelopeOf("user.erased.v1"),
    data: z
      .object({
        deletedAt: Timestamp.meta({
          description: "When the user was deleted: its addresses' terms count from then",
        }),
        erasedAt: Timestamp.meta({ description: "When the user was erased" }),
      })
      .meta({ description: "Nothing personal: consumers let go of all that they keep of the user" }),
  })
  .meta({ id: "user.erased.v1" });
export type UserErased = z.infer<typeof UserErased>;

export const eventSchemas = {
  "user.created.v1": envelope("user.created.v1"),
  "user.updated.v1": envelope("user.updated.v1"),
  "user.deleted.v1": envelope("user.deleted.v1"),
  "user.restored.v1": envelope("user.restored.v1"),
  "user.erased.v1": UserErased,
} as const;

export const UserEvent = z.discriminatedUnion("type", [
  eventSchemas["user.created.v1"],
  eventSchemas["user.updated.v1"],
  eventSchemas["user.deleted.v1"],
  eventSchemas["user.restored.v1"],
]);
export type UserEvent = z.infer<typeof UserEvent>;

/** What a consumer hears of: a user's state, or that nothing is left of it. */
export type UserFact = UserEvent | UserErased;
export const UserFact = z.discriminatedUnion("type", [...UserEvent.options, UserErased]);
export const isErasure = (fact: UserFact): fact is UserErased => fact.type === "user.erased.v1";
export const isUserEvent = (fact: UserFact): fact is UserEvent => fact.type !== "user.erased.v1";

/** The `dataschema` of a type: an absolute URI, as CloudEvents 1.0 demands, that names the schema without a host. */
export const dataschemas = Object.fromEntries(
  eventTypes.map((type) => [type, `urn:mailroster:schema:${type}`]),
) as Readonly<Record<FactType, string>>;
