/** What was done, read or refused that no event tells: as a process hands it on, and as it is asked for. */
import * as z from "zod";
import { Scope } from "./access.ts";
import { NextCursor, paging } from "./paging.ts";

/** Of a search and of an address the text is kept as a keyed hash: the record outlives the person. */
export const hashedKinds = ["search", "address"] as const;

export const TargetKind = z.enum([
  "user",
  "key",
  "letter",
  "cause",
  "request",
  "process",
  "action",
  "client",
  "domain",
  "session",
  "principal",
  ...hashedKinds,
]);
export type TargetKind = z.infer<typeof TargetKind>;

const targetCharsMax = 512;
export const ActivityTarget = z
  .object({
    kind: TargetKind,
    id: z.string().max(targetCharsMax).meta({
      description: "Its id; of a client its address; of a search and of an address a keyed hash of the text",
    }),
  })
  .meta({ id: "ActivityTarget" });
export type ActivityTarget = z.infer<typeof ActivityTarget>;

const nameCharsMax = 128;
const reasonCharsMax = 1_000;
const name = z.string().min(1).max(nameCharsMax);

export const ActivityEntry = z
  .object({
    id: z.uuid(),
    at: z.iso.datetime(),
    principal: name.meta({
      description: "Who, as the audit log names them; anonymous: nobody who could be told",
    }),
    credential: z.string().nullable().meta({ description: "The id of the key or token that was shown" }),
    action: z.string().meta({ description: "What was asked for, as an action's name" }),
    scope: Scope.nullable().meta({ description: "What it needs, or what was missing" }),
    target: ActivityTarget.nullable(),
    allowed: z.boolean().meta({ description: "false: it was refused" }),
    reason: z.string().max(reasonCharsMax).nullable().meta({
      description: "Why it was done, as whoever did it said; or why it was refused",
    }),
    correlationId: z.string().meta({ description: "The request's" }),
  })
  .meta({ id: "ActivityEntry" });
export type ActivityEntry = z.infer<typeof ActivityEntry>;

export const ActivityPage = z
  .object({ items: z.array(ActivityEntry), nextCursor: NextCursor })
  .meta({ id: "ActivityPage" });
export type ActivityPage = z.infer<typeof ActivityPage>;

const time = z.iso.datetime({ offset: true }).optional();

export const ListActivity = z
  .strictObject({
    ...paging,
    principal: name.optional().meta({ description: "Only what this one did or was refused" }),
    action: name.optional().meta({ description: "Only this, as in audit.list" }),
    target: z.string().min(1).max(targetCharsMax).optional().meta({
      description:
        "Only what was done to it: an id as the entries have it, or the text of a search or an address, in any case",
    }),
    allowed: z.enum(["true", "false"]).optional().meta({ description: "false: only refusals" }),
    from: time.meta({ description: "Not before this time (RFC 3339)" }),
    to: time.meta({ description: "Before this time (RFC 3339)" }),
  })
  .meta({ id: "ListActivity" });

/** How many a process hands on at once. */
export const activitiesMax = 200;

/** In these, a target that is kept as a hash is still in clear. The same id again is the same entry. */
export const RecordActivities = z.strictObject({
  entries: z.array(ActivityEntry).min(1).max(activitiesMax),
});
