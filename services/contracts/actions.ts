/** Parameters and result of every action: the one source of types, runtime checks and the OpenAPI document. */
import * as z from "zod";
import { Assignments } from "./assignment.ts";
import { AuditPage, ListAudit } from "./audit.ts";
import {
  DeadLetter,
  DeadLetterCauses,
  DeadLetterDetail,
  DeadLetterPage,
  DiscardDeadLetter,
  ListDeadLetters,
  TargetDeadLetter,
} from "./dead-letters.ts";
import {
  ClearFault,
  ClearFaults,
  Faults,
  LogLevels,
  NodeFaults,
  NodeLogLevel,
  OutboxStatus,
  OutboxStatusQuery,
  SetFault,
  SetFaults,
  SetLogLevel,
  SetLogLevels,
} from "./operations.ts";
import { NextCursor, paging } from "./paging.ts";
import {
  Acknowledge,
  AcknowledgeReport,
  AuditDigest,
  Backlogs,
  DigestQuery,
  PendingLetters,
  PendingQuery,
  PendingUsers,
  ReconcileReport,
  ReemittedUser,
  ReemitUser,
  RegistryDigest,
  Repair,
  RepairReport,
  UsersDigest,
} from "./reconciliation.ts";
import { HeldKey, HoldersQuery, ReleaseReservation, Reservation, ReserveAddresses } from "./reservations.ts";
import {
  AddressesQuery,
  AuditTrace,
  EventsQuery,
  LettersQuery,
  LettersTrace,
  OutboxTrace,
  RegistryQuery,
  RegistryTrace,
  RequestEntries,
  RequestEventsQuery,
  RequestsQuery,
  RequestsTrace,
  Trace,
  TraceQuery,
  UsersAddresses,
} from "./trace.ts";
import {
  AddressKind,
  AddressStatus,
  createdFields,
  patchedFields,
  replacedFields,
  SmtpAddress,
  User,
  UserId,
  WrittenSmtpAddress,
} from "./user.ts";

/** Read-only members of a user that a client sends back after a GET; accepted and ignored (as RFC 7644 §3.5.1 does). */
const readOnlyMembers = {
  version: z.unknown().optional(),
  createdAt: z.unknown().optional(),
  updatedAt: z.unknown().optional(),
  requestedSmtp: z.unknown().optional(),
  assignments: z.unknown().optional(),
};

export const CreateUser = z
  .strictObject({
    ...createdFields,
    onTaken: z.enum(["suffix", "refuse"]).optional().meta({
      description:
        "What becomes of an address that is taken: suffix gives every one of them a number, refuse none. Without it a taken primary gets a number and a taken secondary is refused",
    }),
  })
  .meta({ id: "CreateUser" });

const target = {
  id: UserId,
  expectedVersions: z
    .array(z.int().min(0))
    .optional()
    .meta({ description: "From If-Match: refuse unless the user's version is among these" }),
};

export const ReplaceUser = z
  .strictObject({
    ...readOnlyMembers,
    ...target,
    ...replacedFields,
  })
  .meta({ id: "ReplaceUser" });

export const PatchUser = z
  .strictObject({
    ...readOnlyMembers,
    ...target,
    ...patchedFields,
  })
  .meta({ id: "PatchUser", description: "JSON merge patch (RFC 7396); null empties secondarySmtps" });

export const TargetUser = z.strictObject(target).meta({ id: "TargetUser" });

export const CreatedUser = User.extend({
  requestedSmtp: SmtpAddress.optional().meta({
    description: "Present when the primary was taken and got a suffix",
  }),
  assignments: Assignments,
}).meta({ id: "CreatedUser" });
export type CreatedUser = z.infer<typeof CreatedUser>;

export const ListUsers = z
  .strictObject({
    ...paging,
    q: z.string().min(1).max(256).optional().meta({ description: "Part of a name or an address, any case" }),
    smtp: WrittenSmtpAddress.optional().meta({
      description: "The user who holds this address, as primary or secondary",
    }),
  })
  .meta({ id: "ListUsers" });

export const UserPage = z.object({ items: z.array(User), nextCursor: NextCursor }).meta({ id: "UserPage" });
export type UserPage = z.infer<typeof UserPage>;

export const LookUpAddress = z
  .strictObject({
    address: WrittenSmtpAddress,
    at: z.iso.datetime({ offset: true }).optional().meta({ description: "A time in the past (RFC 3339)" }),
  })
  .meta({ id: "LookUpAddress" });

export const AddressInfo = z
  .object({
    address: z.string().meta({ description: "As its owner wrote it, or as it was asked for" }),
    status: AddressStatus,
    userId: UserId.nullable().meta({ description: "Who holds it; null when nobody does" }),
    kind: AddressKind.nullable().meta({ description: "As what it is held; null when nobody holds it" }),
  })
  .meta({ id: "AddressInfo" });
export type AddressInfo = z.infer<typeof AddressInfo>;

export const Health = z
  .object({
    status: z.enum(["up", "down"]),
    checks: z.record(z.string(), z.object({ status: z.enum(["up", "down"]), detail: z.string().optional() })),
  })
  .meta({ id: "Health" });
export type Health = z.infer<typeof Health>;

const Nothing = z.strictObject({});

const published = <P extends z.ZodType, R extends z.ZodType>(params: P, result: R) => ({
  params,
  result,
  visibility: "published" as const,
});
const internal = <P extends z.ZodType, R extends z.ZodType>(params: P, result: R) => ({
  params,
  result,
  visibility: "public" as const,
});

/**
 * Every action of the system by its Moleculer name: `published` ones have a row of the HTTP surface, `internal` ones are
 * for services, the REPL and the commands.
 */
export const actions = {
  "users.create": published(CreateUser, CreatedUser),
  "users.get": published(z.strictObject({ id: UserId }), User),
  "users.list": published(ListUsers, UserPage),
  "users.replace": published(ReplaceUser, User),
  "users.patch": published(PatchUser, User),
  "users.remove": published(TargetUser, z.null()),
  "users.restore": published(TargetUser, User),
  "users.digest": internal(DigestQuery, UsersDigest),
  "users.reemit": internal(ReemitUser, ReemittedUser),
  "users.trace": internal(RequestsQuery, RequestsTrace),
  "users.addresses": internal(AddressesQuery, UsersAddresses),
  "users.holders": internal(HoldersQuery, z.object({ items: z.array(HeldKey) })),
  "users.health": internal(Nothing, Health),
  "smtp-registry.reserve": internal(ReserveAddresses, Reservation),
  "smtp-registry.release": internal(ReleaseReservation, z.object({ released: z.int() })),
  "smtp-registry.lookup": published(LookUpAddress, AddressInfo),
  "smtp-registry.digest": internal(DigestQuery, RegistryDigest),
  "smtp-registry.trace": internal(RegistryQuery, RegistryTrace),
  "smtp-registry.health": internal(Nothing, Health),
  "audit.list": published(ListAudit, AuditPage),
  "audit.digest": internal(DigestQuery, AuditDigest),
  "audit.request": internal(RequestEventsQuery, RequestEntries),
  "audit.trace": internal(EventsQuery, AuditTrace),
  "audit.health": internal(Nothing, Health),
  "outbox.nudge": internal(Nothing, z.null()),
  "outbox.pending": internal(PendingQuery, PendingUsers),
  "outbox.backlogs": internal(Nothing, Backlogs),
  "outbox.trace": internal(RequestEventsQuery, OutboxTrace),
  "outbox.status": internal(OutboxStatusQuery, OutboxStatus),
  "outbox.health": internal(Nothing, Health),
  "dead-letters.list": published(ListDeadLetters, DeadLetterPage),
  "dead-letters.causes": published(Nothing, DeadLetterCauses),
  "dead-letters.get": published(TargetDeadLetter, DeadLetterDetail),
  "dead-letters.replay": published(TargetDeadLetter, DeadLetter),
  "dead-letters.discard": published(DiscardDeadLetter, DeadLetter),
  "dead-letters.pending": internal(PendingQuery, PendingLetters),
  "dead-letters.trace": internal(LettersQuery, LettersTrace),
  "dead-letters.health": internal(Nothing, Health),
  "reconciler.run": internal(Nothing, ReconcileReport),
  "reconciler.repair": internal(Repair, RepairReport),
  "reconciler.acknowledge": internal(Acknowledge, AcknowledgeReport),
  "reconciler.health": internal(Nothing, Health),
  "ops.log-level": internal(SetLogLevels, LogLevels),
  "ops.log-level-here": internal(SetLogLevel, NodeLogLevel),
  "ops.health": internal(Nothing, Health),
  "fault.set": internal(SetFaults, Faults),
  "fault.clear": internal(ClearFaults, Faults),
  "fault.list": internal(Nothing, Faults),
  "fault.set-here": internal(SetFault, NodeFaults),
  "fault.clear-here": internal(ClearFault, NodeFaults),
  "fault.list-here": internal(Nothing, NodeFaults),
  "trace.explain": published(TraceQuery, Trace),
  "trace.health": internal(Nothing, Health),
} as const;

export type ActionName = keyof typeof actions;
/** What a caller passes (before defaults). */
export type ActionInput<N extends ActionName> = z.input<(typeof actions)[N]["params"]>;
/** What a handler receives (after defaults and coercion). */
export type ActionParams<N extends ActionName> = z.output<(typeof actions)[N]["params"]>;
export type ActionResult<N extends ActionName> = z.output<(typeof actions)[N]["result"]>;

/** What travels with every call. */
export interface CallMeta {
  correlationId?: string;
  traceparent?: string;
  actor?: string;
  idempotencyKey?: string;
  /** Set by the callee when the answer is the stored one of an earlier request. */
  idempotentReplayed?: boolean;
}
