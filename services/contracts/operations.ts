/** What an operator does to a running process: parameters and results of the actions of ops and fault. */
import * as z from "zod";
import { wholeNumber } from "./numbers.ts";

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

const logLevelMinutesMax = 24 * 60;

export const SetLogLevel = z
  .strictObject({
    level: z.enum(logLevels).optional().meta({ description: "Absent: only tell the level" }),
    minutes: wholeNumber(1, logLevelMinutesMax).optional().meta({
      description:
        "After so many minutes the configured level is back; absent: it stays until the process ends",
    }),
  })
  .meta({ id: "SetLogLevel" });

export const NodeLogLevel = z.object({
  level: z.enum(logLevels),
  until: z.iso.datetime().nullable().meta({ description: "When the configured level is back" }),
});
export type NodeLogLevel = z.infer<typeof NodeLogLevel>;

const delayMsMax = 60_000;

const FaultedAction = z
  .string()
  .regex(
    /^(?!fault\.)[a-z][a-z-]*\.[a-z][a-z-]*$/,
    "must be an action such as smtp-registry.reserve, and not one of fault",
  )
  .meta({ description: "The action's name, as in smtp-registry.reserve" });

const oneFault = {
  action: FaultedAction,
  delayMs: wholeNumber(0, delayMsMax).default(0),
  jitterMs: wholeNumber(0, delayMsMax).default(0).meta({
    description: "Up to so much longer, at random",
  }),
  errorRate: z.coerce.number().min(0).max(1).default(0).meta({
    description: "The share of calls that fail, after their delay and without having been carried out",
  }),
};

export const SetFault = z.strictObject(oneFault).meta({ id: "SetFault" });

export const ClearFault = z
  .strictObject({ action: FaultedAction.optional().meta({ description: "Absent: every action" }) })
  .meta({ id: "ClearFault" });

export const Fault = z.object({
  ...oneFault,
  delayed: z.int().meta({ description: "Calls that were delayed since it was set" }),
  failed: z.int(),
});
export type Fault = z.infer<typeof Fault>;

/** What is in force in one process. */
export const NodeFaults = z.array(Fault);

const outboxRowsMax = 100;

export const OutboxStatusQuery = z.strictObject({
  limit: wholeNumber(1, outboxRowsMax).default(10).meta({ description: "Events of each kind" }),
});

const outboxEvent = {
  eventId: z.string(),
  type: z.string(),
  userId: z.string(),
  correlationId: z.string(),
};

/** What the outbox has to do, and what it has lately done. */
export const OutboxStatus = z.object({
  pending: z.int(),
  oldestAgeS: z
    .number()
    .meta({ description: "Age of the oldest event that waits, in seconds; 0 when none does" }),
  waiting: z
    .array(
      z.object({
        ...outboxEvent,
        ageS: z.number(),
        attempts: z.int().meta({ description: "How often the bus has refused it" }),
        refusal: z.string().nullable().meta({ description: "Why, the last time" }),
      }),
    )
    .meta({ description: "The oldest" }),
  published: z
    .array(z.object({ ...outboxEvent, publishedAt: z.iso.datetime() }))
    .meta({ description: "The newest" }),
});
export type OutboxStatus = z.infer<typeof OutboxStatus>;

/** Local to a process: it is to stop, not ready any more, and goes on serving for a while. */
export const stoppingEvent = "$process.stopping";
