/** The way of a request as every surface tells it (`GET /trace/:correlationId`, `npm run trace`, the REPL). */

import * as z from "zod";
import { consumerNames } from "./consumers.ts";
import { NextCursor } from "./paging.ts";
import { HeldAddress, RequestsTrace, Seconds, TimeOrNull, TracedLetter } from "./trace-owners.ts";
import { AddressKind, AddressStatus } from "./user.ts";

export * from "./trace-owners.ts";

/** From the worst: what differs or waits for somebody stands before what is only not known or still under way. */
export const verdictStates = ["diverged", "stuck", "unknown", "in flight", "complete"] as const;

/** What to do, from what somebody decides on to what does itself. */
export const verdictActions = ["replay", "repair", "acknowledge", "wait", "none"] as const;

export const TraceVerdict = z
  .object({
    state: z.enum(verdictStates),
    at: z.string().nullable().meta({ description: "The step; null when complete" }),
    sinceS: Seconds.nullable(),
    says: z.string(),
    action: z.enum(verdictActions).meta({
      description:
        "The next safe action as a word: replay the dead letter; repair the user; acknowledge what nothing can mend; wait, where it goes on by itself once what next names is seen to; none",
    }),
    next: z.string().meta({ description: "The next safe action, with the command or request for it" }),
  })
  .meta({ id: "TraceVerdict" });
export type TraceVerdict = z.infer<typeof TraceVerdict>;

export const Consumer = z.enum(consumerNames);
export type Consumer = z.infer<typeof Consumer>;

/**
 * superseded: a newer version has taken effect, and with it all of this one; stale: it came after a newer one; waiting:
 * nothing of it is known there yet; retrying: it has failed and will be tried again; dead, discarded: its dead letter;
 * unknown: could not be asked.
 */
export const ConsumerStep = z
  .object({
    consumer: Consumer,
    state: z.enum([
      "processed",
      "superseded",
      "stale",
      "waiting",
      "retrying",
      "dead",
      "discarded",
      "unknown",
    ]),
    at: TimeOrNull,
    duplicates: z.int().meta({ description: "How often it came again afterwards, and changed nothing" }),
    failures: z.int(),
    error: z.string().nullable(),
    letter: TracedLetter.nullable(),
  })
  .meta({ id: "ConsumerStep" });
export type ConsumerStep = z.infer<typeof ConsumerStep>;

/** forgotten: the event was published longer ago than is remembered; the audit log still knows it. */
export const OutboxStep = z
  .object({
    state: z.enum(["pending", "published", "forgotten", "unknown"]),
    writtenAt: TimeOrNull,
    publishedAt: TimeOrNull,
    attempts: z.int().nullable(),
    refusal: z.string().nullable().meta({ description: "Why the bus refused it the last time" }),
    ageS: Seconds.nullable().meta({ description: "Since publishedAt; while it waits, since writtenAt" }),
  })
  .meta({ id: "OutboxStep" });
export type OutboxStep = z.infer<typeof OutboxStep>;

const Side = z.object({ version: z.int(), addresses: z.array(HeldAddress) });

/** agree: the same version and addresses; behind: the registry follows; differ: it can't come right by itself. */
export const AddressesStep = z
  .object({
    users: Side.nullable(),
    registry: Side.nullable(),
    state: z.enum(["agree", "behind", "differ", "unknown"]),
  })
  .meta({ id: "AddressesStep" });
export type AddressesStep = z.infer<typeof AddressesStep>;

export const TracedWrite = z
  .object({
    request: z.object({
      did: z.string().meta({ description: "The HTTP request, or the action when there was none" }),
      actor: z.string().nullable(),
      idempotency: z.enum(["no key", "answer stored", "unknown"]),
      replays: z.int().meta({ description: "Requests that got the stored answer" }),
    }),
    transaction: z
      .object({
        userId: z.string(),
        version: z.int().nullable(),
        eventId: z.string(),
        eventType: z.string(),
        changes: z
          .array(z.object({ field: z.string(), from: z.unknown().optional(), to: z.unknown().optional() }))
          .meta({
            description: "from and to once the audit log has them, until then the fields' names",
          }),
        assignments: z
          .array(
            z.object({
              requested: z.string().optional(),
              assigned: z.string().optional(),
              kind: AddressKind,
              reason: AddressStatus,
            }),
          )
          .optional()
          .meta({
            description:
              "Each address that the request asked for and did not get, and why; which they were once the audit log has them",
          }),
      })
      .nullable()
      .meta({ description: "null: nothing was changed, so there is no event" }),
    outbox: OutboxStep.nullable(),
    consumers: z.array(ConsumerStep),
    addresses: AddressesStep.nullable(),
    verdict: TraceVerdict,
  })
  .meta({ id: "TracedWrite" });
export type TracedWrite = z.infer<typeof TracedWrite>;

/** Each state by its name, which a record of them does not tell a JSON Schema. */
const VerdictCounts = z.object(
  Object.fromEntries(verdictStates.map((state) => [state, z.int()])) as Record<
    (typeof verdictStates)[number],
    z.ZodInt
  >,
);

export const Trace = z
  .object({
    correlationId: z.string(),
    verdict: TraceVerdict.meta({
      description: "The worst of the writes', also of those that are not on this page",
    }),
    total: z.int().nullable().meta({
      description: "How many writes there are under this id; null on a page behind the first",
    }),
    counts: VerdictCounts.nullable().meta({
      description:
        "Of how many of them which verdict is true (`unknown` also where there was no time to look); null on a page behind the first",
    }),
    writes: z.array(TracedWrite).meta({
      description: "The writes of this page, by user and version; those that changed nothing end the first",
    }),
    replays: RequestsTrace.shape.replays,
    letters: z.array(TracedLetter).meta({ description: "Dead letters that belong to none of the writes" }),
    unseen: z.array(z.object({ service: z.string(), reason: z.string() })).meta({
      description: "What could not be asked",
    }),
    nextCursor: NextCursor,
  })
  .meta({ id: "Trace" });
export type Trace = z.infer<typeof Trace>;
