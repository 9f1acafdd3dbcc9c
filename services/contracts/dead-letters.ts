/** Dead letters as every surface shows them: an event that a consumer gave up, and what became of it. */
import * as z from "zod";
import { NextCursor, paging } from "./paging.ts";
import { newText } from "./text.ts";
import { UserId } from "./user.ts";

export const DeadLetterId = z.uuid().meta({ id: "DeadLetterId" });

/** pending: nobody has decided yet; replayed: back in its queue, and pending again when it fails there once more. */
export const DeadLetterStatus = z.enum(["pending", "replayed", "discarded"]).meta({ id: "DeadLetterStatus" });
export type DeadLetterStatus = z.infer<typeof DeadLetterStatus>;

export const DeadLetter = z
  .object({
    id: DeadLetterId,
    queue: z.string().meta({ description: "The queue whose consumer gave the event up" }),
    status: DeadLetterStatus,
    eventId: z.string().nullable().meta({ description: "The event's id; null when it can't be read" }),
    eventType: z.string().nullable().meta({ description: "The event's type; null when it can't be read" }),
    userId: UserId.nullable().meta({ description: "Whose event it is; null when it can't be read" }),
    correlationId: z
      .string()
      .nullable()
      .meta({ description: "The request that made the event; null when it can't be read" }),
    reason: z.string().meta({ description: "Why it was given up" }),
    error: z.string().meta({ description: "The kind and place of the last error, without values or stack" }),
    cause: z.string().meta({
      description:
        "The same for letters of one queue, event type, reason and kind of error, whatever ids, numbers or addresses the error names",
    }),
    attempts: z
      .int()
      .meta({ description: "Failures since the event, or its last replay, reached the queue" }),
    replays: z.int().meta({ description: "How often it was sent to its queue again" }),
    firstFailedAt: z.iso.datetime().meta({ description: "When it failed for the first time" }),
    lastFailedAt: z.iso.datetime().meta({ description: "When it failed for the last time" }),
    lastReplayedAt: z.iso.datetime().nullable().meta({ description: "null when it never was replayed" }),
  })
  .meta({ id: "DeadLetter" });
export type DeadLetter = z.infer<typeof DeadLetter>;

export const DeadLetterDetail = DeadLetter.extend({
  routingKey: z.string().meta({ description: "With which it was published" }),
  payload: z
    .unknown()
    .meta({ description: "The message's body; how it is written here, payloadEncoding says" }),
  payloadEncoding: z
    .enum(["json", "utf-8", "base64"])
    .meta({ description: "json: the value itself; utf-8: as text; base64: the body is no text" }),
  headers: z.record(z.string(), z.unknown()).meta({ description: "The AMQP headers it came with" }),
  discarded: z
    .object({ at: z.iso.datetime(), by: z.string(), reason: z.string(), correlationId: z.string() })
    .nullable()
    .meta({ description: "Who discarded it, when, why, and in which request" }),
}).meta({ id: "DeadLetterDetail" });
export type DeadLetterDetail = z.infer<typeof DeadLetterDetail>;

/** A cause as a request names it. */
export const LetterCause = z.string().regex(/^[\w-]{1,64}$/, "must be a cause as the list shows it");

export const ListDeadLetters = z
  .strictObject({
    ...paging,
    queue: z.string().min(1).max(255).optional().meta({
      description: "Only letters of this queue, named by itself or as its dead-letter queue (<queue>.dlq)",
    }),
    status: z
      .enum([...DeadLetterStatus.options, "all"])
      .default("pending")
      .meta({ description: "Only letters of this status; all: whatever became of them" }),
    cause: LetterCause.optional().meta({ description: "Only letters that failed for this cause" }),
  })
  .meta({ id: "ListDeadLetters" });

export const DeadLetterCause = z
  .object({
    cause: z.string().meta({ description: "As the letters of the list show it" }),
    letters: z.int().meta({ description: "How many are pending" }),
    queue: z.string().meta({ description: "The queue whose consumer gave them up" }),
    eventType: z.string().meta({ description: "As it was published" }),
    reason: z.string().meta({ description: "Why they were given up" }),
    error: z.string().meta({ description: "Of the newest letter" }),
    firstFailedAt: z.iso.datetime().meta({ description: "The earliest failure among them" }),
    lastFailedAt: z.iso.datetime().meta({ description: "The latest failure among them" }),
    exampleId: DeadLetterId.meta({ description: "The newest letter" }),
  })
  .meta({ id: "DeadLetterCause" });
export type DeadLetterCause = z.infer<typeof DeadLetterCause>;

export const DeadLetterCauses = z
  .object({ items: z.array(DeadLetterCause) })
  .meta({ id: "DeadLetterCauses" });
export type DeadLetterCauses = z.infer<typeof DeadLetterCauses>;

export const DeadLetterPage = z
  .object({ items: z.array(DeadLetter), nextCursor: NextCursor })
  .meta({ id: "DeadLetterPage" });
export type DeadLetterPage = z.infer<typeof DeadLetterPage>;

export const TargetDeadLetter = z.strictObject({ id: DeadLetterId }).meta({ id: "TargetDeadLetter" });

const reasonCharsMax = 500;

export const DiscardReason = newText(reasonCharsMax).meta({
  id: "DiscardReason",
  examples: ["The user was removed by hand, ticket 4711"],
});

export const DiscardDeadLetter = z
  .strictObject({ id: DeadLetterId, reason: DiscardReason.default("none given") })
  .meta({ id: "DiscardDeadLetter" });
