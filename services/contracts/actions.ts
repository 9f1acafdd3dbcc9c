/** Parameters and result of every action: the one source of types, runtime checks and the OpenAPI document. */
import * as z from "zod";
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
import {
  AddressesQuery,
  AuditTrace,
  EventsQuery,
  LettersTrace,
  OutboxTrace,
  RegistryQuery,
  RegistryTrace,
  RequestsTrace,
  Trace,
  TraceQuery,
  UsersAddresses,
} from "./trace.ts";
import {
  AddressKind,
  AddressStatus,
  DisplayName,
  NewDisplayName,
  NewSecondarySmtps,
  NewSmtpAddress,
  ReservedAddress,
  SmtpAddress,
  secondarySmtpsMax,
  User,
  UserId,
  WrittenSecondarySmtps,
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
    displayName: NewDisplayName,
    primarySmtp: NewSmtpAddress,
    secondarySmtps: NewSecondarySmtps.optional(),
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
    displayName: DisplayName,
    primarySmtp: WrittenSmtpAddress,
    secondarySmtps: WrittenSecondarySmtps.optional(),
  })
  .meta({ id: "ReplaceUser" });

export const PatchUser = z
  .strictObject({
    ...readOnlyMembers,
    ...target,
    displayName: DisplayName.optional(),
    primarySmtp: WrittenSmtpAddress.optional(),
    secondarySmtps: WrittenSecondarySmtps.nullable().optional(),
  })
  .meta({ id: "PatchUser", description: "JSON merge patch (RFC 7396); null empties secondarySmtps" });

export const TargetUser = z.strictObject(target).meta({ id: "TargetUser" });

/** Why an address differs from the one asked for. */
export const Assignment = z
  .object({ requested: SmtpAddress, assigned: SmtpAddress, kind: AddressKind, reason: AddressStatus })
  .meta({ id: "Assignment" });
export type Assignment = z.infer<typeof Assignment>;

export const CreatedUser = User.extend({
  requestedSmtp: SmtpAddress.optional().meta({
    description: "Present when the primary was taken and got a suffix",
  }),
  assignments: z
    .array(Assignment)
    .optional()
    .meta({ description: "Every address that got a suffix, and why" }),
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

export const ReserveAddresses = z
  .strictObject({
    reservationId: z
      .string()
      .min(1)
      .max(128)
      .meta({ description: "Repeating a reservation gives the same answer" }),
    userId: UserId,
    addresses: z
      .array(ReservedAddress)
      .min(1)
      .max(secondarySmtpsMax + 2),
    onTaken: z.enum(["suffix", "refuse"]),
    alsoTaken: z
      .array(z.string())
      .max(secondarySmtpsMax + 2)
      .optional()
      .meta({
        description:
          "Conflict keys that the caller knows to be taken although their event is still on its way",
      }),
  })
  .meta({ id: "ReserveAddresses" });
export type ReserveAddresses = z.infer<typeof ReserveAddresses>;

export const Reservation = z
  .object({
    reservationId: z.string(),
    expiresAt: z.iso.datetime(),
    addresses: z.array(
      z.object({
        requested: z.string(),
        assigned: z.string(),
        kind: AddressKind,
        reason: AddressStatus.optional().meta({
          description: "Status of the requested address when another was assigned",
        }),
      }),
    ),
  })
  .meta({ id: "Reservation" });
export type Reservation = z.infer<typeof Reservation>;

export const ReleaseReservation = z.strictObject({
  reservationId: z.string().min(1).max(128),
  userId: UserId,
});

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

/** Every action of the system by its Moleculer name. */
export const actions = {
  "users.create": { params: CreateUser, result: CreatedUser },
  "users.get": { params: z.strictObject({ id: UserId }), result: User },
  "users.list": { params: ListUsers, result: UserPage },
  "users.replace": { params: ReplaceUser, result: User },
  "users.patch": { params: PatchUser, result: User },
  "users.remove": { params: TargetUser, result: z.null() },
  "users.restore": { params: TargetUser, result: User },
  "users.digest": { params: DigestQuery, result: UsersDigest },
  "users.reemit": { params: ReemitUser, result: ReemittedUser },
  "users.trace": { params: TraceQuery, result: RequestsTrace },
  "users.addresses": { params: AddressesQuery, result: UsersAddresses },
  "users.health": { params: Nothing, result: Health },
  "smtp-registry.reserve": { params: ReserveAddresses, result: Reservation },
  "smtp-registry.release": { params: ReleaseReservation, result: z.object({ released: z.int() }) },
  "smtp-registry.lookup": { params: LookUpAddress, result: AddressInfo },
  "smtp-registry.digest": { params: DigestQuery, result: RegistryDigest },
  "smtp-registry.trace": { params: RegistryQuery, result: RegistryTrace },
  "smtp-registry.health": { params: Nothing, result: Health },
  "audit.list": { params: ListAudit, result: AuditPage },
  "audit.digest": { params: DigestQuery, result: AuditDigest },
  "audit.trace": { params: EventsQuery, result: AuditTrace },
  "audit.health": { params: Nothing, result: Health },
  "outbox.nudge": { params: Nothing, result: z.null() },
  "outbox.pending": { params: PendingQuery, result: PendingUsers },
  "outbox.backlogs": { params: Nothing, result: Backlogs },
  "outbox.trace": { params: TraceQuery, result: OutboxTrace },
  "outbox.status": { params: OutboxStatusQuery, result: OutboxStatus },
  "outbox.health": { params: Nothing, result: Health },
  "dead-letters.list": { params: ListDeadLetters, result: DeadLetterPage },
  "dead-letters.causes": { params: Nothing, result: DeadLetterCauses },
  "dead-letters.get": { params: TargetDeadLetter, result: DeadLetterDetail },
  "dead-letters.replay": { params: TargetDeadLetter, result: DeadLetter },
  "dead-letters.discard": { params: DiscardDeadLetter, result: DeadLetter },
  "dead-letters.pending": { params: PendingQuery, result: PendingLetters },
  "dead-letters.trace": { params: TraceQuery, result: LettersTrace },
  "dead-letters.health": { params: Nothing, result: Health },
  "reconciler.run": { params: Nothing, result: ReconcileReport },
  "reconciler.repair": { params: Repair, result: RepairReport },
  "reconciler.acknowledge": { params: Acknowledge, result: AcknowledgeReport },
  "reconciler.health": { params: Nothing, result: Health },
  "ops.log-level": { params: SetLogLevels, result: LogLevels },
  "ops.log-level-here": { params: SetLogLevel, result: NodeLogLevel },
  "ops.health": { params: Nothing, result: Health },
  "fault.set": { params: SetFaults, result: Faults },
  "fault.clear": { params: ClearFaults, result: Faults },
  "fault.list": { params: Nothing, result: Faults },
  "fault.set-here": { params: SetFault, result: NodeFaults },
  "fault.clear-here": { params: ClearFault, result: NodeFaults },
  "fault.list-here": { params: Nothing, result: NodeFaults },
  "trace.explain": { params: TraceQuery, result: Trace },
  "trace.health": { params: Nothing, result: Health },
} as const satisfies Record<string, { params: z.ZodType; result: z.ZodType }>;

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
