/** Replays of all letters of a cause: begun by a request, kept with how far they are. */
import * as z from "zod";
import { LetterCause } from "./dead-letters.ts";

export const LetterReplayId = z.uuid().meta({ id: "LetterReplayId" });

/** At a hundred letters a second a minute or two. */
const lettersMax = 10_000;
const lettersMaxDefault = 1_000;
const count = z.int().min(0);

export const BeginReplay = z
  .strictObject({
    cause: LetterCause.meta({ description: "As GET /dead-letters/causes shows it" }),
    failedBefore: z.iso.datetime({ offset: true }).optional().meta({
      description: "Only letters that failed for the last time before; absent: before now",
    }),
    max: z.int().min(1).max(lettersMax).default(lettersMaxDefault).meta({
      description: "At most so many, the oldest first",
    }),
  })
  .meta({ id: "BeginReplay" });

export const LetterReplay = z
  .object({
    id: LetterReplayId,
    cause: z.string(),
    failedBefore: z.iso.datetime(),
    max: z.int(),
    status: z.enum(["running", "done", "failed", "interrupted"]).meta({
      description:
        "failed: error says why; interrupted: its process has ended. What was sent stands, the others are pending: begin again",
    }),
    startedAt: z.iso.datetime(),
    startedBy: z.string().meta({ description: "As the audit log names them" }),
    correlationId: z.string().meta({ description: "Of the request that began it" }),
    endedAt: z.iso.datetime().nullable(),
    error: z.string().nullable().meta({ description: "Why it failed, without values" }),
    letters: count.meta({ description: "How many were to be sent when it began" }),
    replayed: count.meta({ description: "How many were sent to their queue so far" }),
    cameBack: count.meta({ description: "How many of them have failed again since" }),
  })
  .meta({ id: "LetterReplay" });
export type LetterReplay = z.infer<typeof LetterReplay>;

export const TargetReplay = z.strictObject({ id: LetterReplayId });
