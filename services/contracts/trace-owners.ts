/** What each service answers of its own tables to whoever puts the way of a request together (services/trace). */
import * as z from "zod";
import { AuditEntry } from "./audit.ts";
import { DeadLetterStatus } from "./dead-letters.ts";
import { wholeNumber } from "./numbers.ts";
import { paging } from "./paging.ts";
import { AddressKind, AddressStatus } from "./user.ts";

/** So many writes of one correlation id are on a page at most. */
export const traceWritesMax = 100;
/** About so many an owner is asked at once. */
export const traceChunkMax = 2_000;
/** Of a request with more writes, those that have an event are not told from those that have none. */
export const traceOperationsMax = 20_000;

/** 1–128 visible ASCII characters, as the gateway takes it (mixins/context/correlation.ts). */
export const CorrelationId = z
  .string()
  .regex(/^[\x21-\x7e]{1,128}$/, "must be 1 to 128 visible ASCII characters")
  .meta({
    id: "CorrelationId",
    description: "1 to 128 visible ASCII characters",
    examples: ["3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d"],
  });

export const tracePaging = {
  ...paging,
  limit: wholeNumber(1, traceWritesMax).default(traceWritesMax).meta({
    description: "How many writes a page has at most",
  }),
};
export const TraceQuery = z.strictObject({
  correlationId: CorrelationId,
  ...tracePaging,
  withinMs: z.int().min(0).max(60_000).default(1_400).meta({
    description: "How long the writes behind the page may be looked at for their verdicts",
  }),
});

const AnyUserId = z.guid();

/** By user and version, which no clock has a say in. */
export const WritePlace = z.tuple([AnyUserId, z.int(), z.guid()]);
export type WritePlace = z.infer<typeof WritePlace>;

const nobody = "00000000-0000-0000-0000-000000000000";
export const placeBeforeAll: WritePlace = [nobody, -1, nobody];

/** The events of a request behind a place, by user and version. */
export const RequestEventsQuery = z.strictObject({
  correlationId: CorrelationId,
  after: WritePlace.nullable(),
  limit: z.int().min(1).max(traceChunkMax),
});
const left = z.int().meta({ description: "How many there are behind these" });

/** What a writer leaves beside its event: names and numbers, no value of the user. */
export const WriteNote = z.object({
  version: z.int(),
  action: z.string(),
  actor: z.string(),
  changed: z.array(z.string()),
  /** The addresses that got a suffix; absent: none. */
  suffixed: z.array(z.object({ kind: AddressKind, reason: AddressStatus })).optional(),
  /** Which record of the idempotency keys is this write's; absent without a key. */
  operation: z.string().optional(),
});
export type WriteNote = z.infer<typeof WriteNote>;

const Time = z.iso.datetime();
export const TimeOrNull = Time.nullable();
export const Seconds = z.number();

// What each owner tells of its own tables.

export const RequestEntries = z.object({ items: z.array(AuditEntry), left });
export type RequestEntries = z.infer<typeof RequestEntries>;

export const OutboxTrace = z.object({
  left,
  events: z.array(
    z.object({
      eventId: z.string(),
      userId: z.string(),
      type: z.string(),
      note: WriteNote.nullable(),
      attempts: z.int(),
      refusal: z.string().nullable(),
      writtenAt: Time,
      publishedAt: TimeOrNull,
      ageS: Seconds.meta({ description: "Since it was published; while it waits, since it was written" }),
    }),
  ),
});
export type OutboxTrace = z.infer<typeof OutboxTrace>;

const Operations = z.array(z.string().max(200));
/** `shown`: of writes that are told; `known`: of all that have an event, null when not all are known. */
export const RequestsQuery = z.strictObject({
  correlationId: CorrelationId,
  shown: Operations.max(traceChunkMax),
  known: Operations.max(traceOperationsMax).nullable(),
});

export const RequestsTrace = z.object({
  answers: z.array(z.object({ operation: z.string(), action: z.string(), replays: z.int(), at: Time })),
  replays: z.array(
    z.object({ action: z.string(), of: z.string().nullable(), times: z.int(), at: Time }).meta({
      description: "Requests under this id that got the stored answer of another, `of`",
    }),
  ),
});
export type RequestsTrace = z.infer<typeof RequestsTrace>;

export const AddressesQuery = z.strictObject({ userIds: z.array(AnyUserId).max(traceChunkMax) });

export const HeldAddress = z
  .object({
    key: z.string(),
    address: z.string(),
    kind: AddressKind,
    state: z.enum(["active", "deleted"]),
  })
  .meta({ id: "HeldAddress" });
export type HeldAddress = z.infer<typeof HeldAddress>;

export const UsersAddresses = z.object({
  users: z.array(
    z.object({
      userId: z.string(),
      version: z.int(),
      deletedAt: TimeOrNull,
      addresses: z.array(HeldAddress),
    }),
  ),
});
export type UsersAddresses = z.infer<typeof UsersAddresses>;

export const ConsumerOutcome = z.object({
  eventId: z.string(),
  result: z.enum(["processed", "duplicate", "stale", "retried"]),
  times: z
    .int()
    .meta({ description: "duplicate, stale: how often; retried: failures; processed: after how many" }),
  error: z.string().nullable(),
  at: Time,
  ageS: Seconds,
});
export type ConsumerOutcome = z.infer<typeof ConsumerOutcome>;

export const EventsQuery = z.strictObject({ eventIds: z.array(z.guid()).max(traceChunkMax) });

export const AuditTrace = z.object({
  recorded: z.array(z.object({ eventId: z.string(), at: Time })),
  outcomes: z.array(ConsumerOutcome),
});
export type AuditTrace = z.infer<typeof AuditTrace>;

export const RegistryQuery = z.strictObject({ ...EventsQuery.shape, ...AddressesQuery.shape });

export const RegistryTrace = z.object({
  users: z.array(
    z.object({
      userId: z.string(),
      version: z.int(),
      eventId: z.string().nullable(),
      at: TimeOrNull,
      history: z
        .array(z.int())
        .meta({ description: "The versions that it has had and that changed addresses" }),
      addresses: z.array(HeldAddress),
    }),
  ),
  outcomes: z.array(ConsumerOutcome),
  freedBefore: Time,
});
export type RegistryTrace = z.infer<typeof RegistryTrace>;

export const TracedLetter = z
  .object({
    id: z.string(),
    queue: z.string(),
    status: DeadLetterStatus,
    eventId: z.string().nullable(),
    reason: z.string(),
    error: z.string(),
    attempts: z.int(),
    replays: z.int(),
    at: Time.meta({ description: "The last failure; once settled, when it was replayed or discarded" }),
    ageS: Seconds,
    discardedBy: z.string().nullable(),
    discardReason: z.string().nullable(),
  })
  .meta({ id: "TracedLetter" });
export type TracedLetter = z.infer<typeof TracedLetter>;
/** Of these events, and the newest of what else there is under the id. */
export const LettersQuery = z.strictObject({ correlationId: CorrelationId, ...EventsQuery.shape });
export const LettersTrace = z.object({ letters: z.array(TracedLetter), others: z.array(TracedLetter) });
export type LettersTrace = z.infer<typeof LettersTrace>;
