/** Parameters and result of every action: the one source of types, runtime checks and the OpenAPI document. */
import * as z from "zod";
import { ActivityPage, ListActivity, RecordActivities } from "./activity.ts";
import { Assignments } from "./assignment.ts";
import { AuditPage, ListAudit } from "./audit.ts";
import type { CallMeta } from "./call-meta.ts";
import {
  DeadLetter,
  DeadLetterCauses,
  DeadLetterDetail,
  DeadLetterPage,
  DiscardDeadLetter,
  ListDeadLetters,
  TargetDeadLetter,
} from "./dead-letters.ts";
import { AcceptedDomain, DeclaredDomain, DomainPage, ListDomains, TargetDomain } from "./domains.ts";
import * as erasure from "./erasure.ts";
import { AskGeneration, GivenGeneration } from "./generation.ts";
import { Health } from "./health.ts";
import * as keys from "./keys.ts";
import { AddressInfo, LookUpAddress } from "./look-up.ts";
import * as operations from "./operations.ts";
import { NextCursor, paging } from "./paging.ts";
import { type PeerRole, peerRoles } from "./peers.ts";
import {
  Acknowledge,
  AcknowledgeReport,
  AuditDigest,
  Backlogs,
  DecideOnOrphan,
  DecideOnOrphans,
  DigestQuery,
  OrphansReport,
  PendingLetters,
  PendingQuery,
  PendingUsers,
  ReconcileReport,
  ReemittedUser,
  ReemitUser,
  RegistryDigest,
  Repair,
  RepairReport,
  SettleOrphan,
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
  createdFields,
  patchedFields,
  replacedFields,
  SmtpAddress,
  User,
  UserId,
  WrittenSmtpAddress,
} from "./user.ts";

export type { CallMeta } from "./call-meta.ts";
export { Health } from "./health.ts";

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

const Nothing = z.strictObject({});

/** Whether the same call may be made once more although nobody knows what became of it. */
type Repeat = "always" | "under its key" | "never";

/** Who may call it from another process; within its own any service may. */
type Callers = readonly PeerRole[];

const published = <P extends z.ZodType, R extends z.ZodType>(
  params: P,
  result: R,
  repeat: Repeat = "never",
) => ({
  params,
  result,
  repeat,
  visibility: "published" as const,
  callers: ["gateway", "operator"] as Callers,
});
const internal = <P extends z.ZodType, R extends z.ZodType>(
  params: P,
  result: R,
  callers: Callers,
  repeat: Repeat = "never",
) => ({ params, result, repeat, visibility: "public" as const, callers });

const operator: Callers = ["operator"];
/** Between the services that keep the users database, of which each may have a process of its own. */
const users: Callers = ["users"];
const registry: Callers = ["registry"];
/** Where a trace is put together, and who asks a process whether it is well. */
const tracing: Callers = ["gateway", "users"];
const health: Callers = ["gateway", "operator"];
/** Any process carries an operator's wish on to all others. */
const everyone: Callers = peerRoles;

/**
 * Every action of the system by its Moleculer name: `published` ones have a row of the HTTP surface, `internal` ones are
 * for the services, the REPL and the commands of the roles that they name.
 */
export const actions = {
  "users.create": published(CreateUser, CreatedUser, "under its key"),
  "users.get": published(z.strictObject({ id: UserId }), User, "always"),
  "users.list": published(ListUsers, UserPage, "always"),
  "users.replace": published(ReplaceUser, User, "under its key"),
  "users.patch": published(PatchUser, User, "under its key"),
  "users.remove": published(TargetUser, z.null(), "under its key"),
  "users.restore": published(TargetUser, User, "under its key"),
  "users.erase": published(erasure.EraseUser, z.null(), "under its key"),
  "users.export": published(erasure.ExportUser, erasure.UserExport, "always"),
  "users.erasures": internal(erasure.ListErasures, erasure.ErasurePage, operator, "always"),
  "users.digest": internal(DigestQuery, UsersDigest, users, "always"),
  "users.reemit": internal(ReemitUser, ReemittedUser, users),
  "users.generation": internal(Nothing, GivenGeneration, ["users", "operator"]),
  "users.settle": internal(SettleOrphan, ReemittedUser, users),
  "users.trace": internal(RequestsQuery, RequestsTrace, tracing, "always"),
  "users.addresses": internal(AddressesQuery, UsersAddresses, tracing, "always"),
  "users.holders": internal(HoldersQuery, z.object({ items: z.array(HeldKey) }), registry, "always"),
  "users.living-in": internal(TargetDomain, z.object({ addresses: z.int() }), users, "always"),
  "users.health": internal(Nothing, Health, health, "always"),
  "domains.declare": published(TargetDomain, DeclaredDomain, "always"),
  "domains.remove": published(TargetDomain, z.null()),
  "domains.get": published(TargetDomain, AcceptedDomain, "always"),
  "domains.list": published(ListDomains, DomainPage, "always"),
  "domains.health": internal(Nothing, Health, health, "always"),
  "smtp-registry.reserve": internal(ReserveAddresses, Reservation, users, "always"),
  "smtp-registry.release": internal(ReleaseReservation, z.object({ released: z.int() }), users, "always"),
  "smtp-registry.lookup": published(LookUpAddress, AddressInfo, "always"),
  "smtp-registry.addresses-of": internal(
    z.strictObject({ userId: UserId }),
    erasure.ExportedAddresses,
    users,
    "always",
  ),
  "smtp-registry.digest": internal(DigestQuery, RegistryDigest, users, "always"),
  "smtp-registry.trace": internal(RegistryQuery, RegistryTrace, tracing, "always"),
  "smtp-registry.generation": internal(AskGeneration, GivenGeneration, users, "always"),
  "smtp-registry.health": internal(Nothing, Health, health, "always"),
  // And users, for an export.
  "audit.list": {
    ...published(ListAudit, AuditPage, "always"),
    callers: ["gateway", "operator", "users"] as Callers,
  },
  "audit.digest": internal(DigestQuery, AuditDigest, users, "always"),
  "audit.request": internal(RequestEventsQuery, RequestEntries, tracing, "always"),
  "audit.trace": internal(EventsQuery, AuditTrace, tracing, "always"),
  "audit.health": internal(Nothing, Health, health, "always"),
  "outbox.nudge": internal(Nothing, z.null(), users, "always"),
  "outbox.pending": internal(PendingQuery, PendingUsers, users, "always"),
  "outbox.backlogs": internal(Nothing, Backlogs, users, "always"),
  "outbox.trace": internal(RequestEventsQuery, OutboxTrace, tracing, "always"),
  "outbox.status": internal(operations.OutboxStatusQuery, operations.OutboxStatus, operator, "always"),
  "outbox.health": internal(Nothing, Health, health, "always"),
  "dead-letters.list": published(ListDeadLetters, DeadLetterPage, "always"),
  "dead-letters.causes": published(Nothing, DeadLetterCauses, "always"),
  "dead-letters.get": published(TargetDeadLetter, DeadLetterDetail, "always"),
  "dead-letters.replay": published(TargetDeadLetter, DeadLetter),
  "dead-letters.discard": published(DiscardDeadLetter, DeadLetter),
  "dead-letters.pending": internal(PendingQuery, PendingLetters, users, "always"),
  "dead-letters.trace": internal(LettersQuery, LettersTrace, tracing, "always"),
  "dead-letters.health": internal(Nothing, Health, health, "always"),
  "reconciler.run": internal(Nothing, ReconcileReport, ["users", "operator"]),
  "reconciler.repair": internal(Repair, RepairReport, operator),
  "reconciler.acknowledge": internal(Acknowledge, AcknowledgeReport, operator),
  "reconciler.release": internal(DecideOnOrphan, ReemittedUser, operator),
  "reconciler.restore": internal(DecideOnOrphan, ReemittedUser, operator),
  "reconciler.decide": internal(DecideOnOrphans, OrphansReport, operator),
  "reconciler.health": internal(Nothing, Health, health, "always"),
  "ops.log-level": internal(operations.SetLogLevels, operations.LogLevels, operator),
  "ops.log-level-here": internal(operations.SetLogLevel, operations.NodeLogLevel, everyone),
  "ops.health": internal(Nothing, Health, health, "always"),
  "fault.set": internal(operations.SetFaults, operations.Faults, operator),
  "fault.clear": internal(operations.ClearFaults, operations.Faults, operator),
  "fault.list": internal(Nothing, operations.Faults, operator),
  "fault.set-here": internal(operations.SetFault, operations.NodeFaults, everyone),
  "fault.clear-here": internal(operations.ClearFault, operations.NodeFaults, everyone),
  "fault.list-here": internal(Nothing, operations.NodeFaults, everyone),
  "access.create": published(keys.CreateKey, keys.CreatedKey, "under its key"),
  "access.list": published(keys.ListKeys, keys.KeyPage, "always"),
  "access.get": published(keys.TargetKey, keys.AccessKey, "always"),
  "access.revoke": published(keys.RevokeKey, z.null(), "always"),
  "access.rotate": published(keys.RotateKey, keys.CreatedKey, "under its key"),
  "access.changes": internal(keys.KeyChangesQuery, keys.KeyChanges, ["gateway"], "always"),
  "access.used": internal(keys.UsedKeys, z.null(), ["gateway"], "always"),
  "access.activity": published(ListActivity, ActivityPage, "always"),
  "access.record": internal(RecordActivities, z.null(), ["gateway", "users", "registry"], "always"),
  "access.health": internal(Nothing, Health, health, "always"),
  "trace.explain": published(TraceQuery, Trace, "always"),
  "trace.health": internal(Nothing, Health, health, "always"),
} as const;

export type ActionName = keyof typeof actions;
/** What a caller passes (before defaults). */
export type ActionInput<N extends ActionName> = z.input<(typeof actions)[N]["params"]>;
/** What a handler receives (after defaults and coercion). */
export type ActionParams<N extends ActionName> = z.output<(typeof actions)[N]["params"]>;
export type ActionResult<N extends ActionName> = z.output<(typeof actions)[N]["result"]>;

/** Of an action by any name, and of what travels with the call. */
export function isRepeatable(name: string, meta: CallMeta): boolean {
  const repeat = Object.hasOwn(actions, name) ? actions[name as ActionName].repeat : "never";
  return repeat === "always" || (repeat === "under its key" && meta.idempotencyKey !== undefined);
}
