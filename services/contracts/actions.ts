/** Parameters and result of every action: the one source of types, runtime checks and the OpenAPI document. */
import * as z from "zod";
import { type Callers, internal, published } from "./action-row.ts";
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
import {
  AddressHistoryPage,
  AddressInfo,
  FreeAddress,
  ListAddressHistory,
  LookUpAddress,
  ReleaseAddress,
} from "./look-up.ts";
import * as operations from "./operations.ts";
import { ProvisionedUser, ProvisionUser } from "./provision.ts";
import { AskRecipient, Recipient } from "./recipients.ts";
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
import * as passes from "./reconciliations.ts";
import * as replays from "./replays.ts";
import * as reservations from "./reservations.ts";
import * as scim from "./scim.ts";
import { RegistryStanding, Status, UsersStanding } from "./status.ts";
import * as traces from "./trace.ts";
import { createdFields, patchedFields, replacedFields, SmtpAddress, User, UserId } from "./user.ts";
import { CheckUsers, UserChecks } from "./user-checks.ts";
import { GetUser, ListedUser, ListUsers, UserPage } from "./user-lists.ts";

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
  .meta({
    id: "PatchUser",
    description:
      "JSON merge patch (RFC 7396); null empties secondarySmtps and takes externalId and userName away",
  });

export const TargetUser = z.strictObject(target).meta({ id: "TargetUser" });

export const CreatedUser = User.extend({
  requestedSmtp: SmtpAddress.optional().meta({
    description: "Present when the primary was taken and got a suffix",
  }),
  assignments: Assignments,
}).meta({ id: "CreatedUser" });
export type CreatedUser = z.infer<typeof CreatedUser>;

const Nothing = z.strictObject({});

const operator: Callers = ["operator"];
/** Between the services that keep the users database, of which each may have a process of its own. */
const users: Callers = ["users"];
const registry: Callers = ["registry"];
/** Where a trace is put together, and who asks a process whether it is well. */
const tracing: Callers = ["gateway", "users"];
const health: Callers = ["gateway", "operator"];

/**
 * Every action of the system by its Moleculer name: `published` ones have a row of the HTTP surface, `internal` ones are
 * for the services, the REPL and the commands of the roles that they name.
 */
export const actions = {
  "users.create": published(CreateUser, CreatedUser, "under its key"),
  "users.get": published(GetUser, ListedUser, "always"),
  "users.list": published(ListUsers, UserPage, "always"),
  "users.replace": published(ReplaceUser, User, "under its key"),
  "users.patch": published(PatchUser, User, "under its key"),
  "users.remove": published(TargetUser, z.null(), "under its key"),
  "users.restore": published(TargetUser, User, "under its key"),
  "users.erase": published(erasure.EraseUser, z.null(), "under its key"),
  "users.export": published(erasure.ExportUser, erasure.UserExport, "always"),
  "users.release": published(ReleaseAddress, z.null(), "under its key"),
  "users.provision": internal(ProvisionUser, ProvisionedUser, users),
  "users.erasures": internal(erasure.ListErasures, erasure.ErasurePage, operator, "always"),
  "users.check": published(CheckUsers, UserChecks, "always"),
  "users.digest": internal(DigestQuery, UsersDigest, users, "always"),
  "users.reemit": internal(ReemitUser, ReemittedUser, users),
  "users.generation": internal(Nothing, GivenGeneration, ["users", "operator"]),
  "users.settle": internal(SettleOrphan, ReemittedUser, users),
  "users.trace": internal(traces.RequestsQuery, traces.RequestsTrace, tracing, "always"),
  "users.addresses": internal(traces.AddressesQuery, traces.UsersAddresses, tracing, "always"),
  "users.holders": internal(
    reservations.HoldersQuery,
    z.object({ items: z.array(reservations.HeldKey) }),
    registry,
    "always",
  ),
  "users.living-in": internal(TargetDomain, z.object({ addresses: z.int() }), users, "always"),
  "users.standing": internal(Nothing, UsersStanding, tracing, "always"),
  "users.health": internal(Nothing, Health, health, "always"),
  "scim.create": published(scim.CreateScim, scim.ScimAnswer, "under its key"),
  "scim.get": published(scim.GetScim, scim.ScimAnswer, "always"),
  "scim.list": published(scim.ListScim, scim.ScimList, "always"),
  "scim.replace": published(scim.ReplaceScim, scim.ScimAnswer, "under its key"),
  "scim.patch": published(scim.PatchScim, scim.ScimAnswer, "under its key"),
  "scim.remove": published(scim.RemoveScim, z.null(), "under its key"),
  "scim.group-create": published(scim.CreateScim, scim.ScimAnswer, "under its key"),
  "scim.group-get": published(scim.GetScim, scim.ScimAnswer, "always"),
  "scim.group-list": published(scim.ListScim, scim.ScimList, "always"),
  "scim.group-replace": published(scim.ReplaceScim, scim.ScimAnswer, "under its key"),
  "scim.group-patch": published(scim.PatchScim, scim.ScimAnswer, "under its key"),
  "scim.group-remove": published(scim.RemoveScim, z.null(), "under its key"),
  // Users, then groups: a search at the root (RFC 7644 §3.4.3).
  "scim.search": published(scim.ListScim, scim.ScimList, "always"),
  "scim.discover": published(scim.DiscoverScim, scim.ScimList, "always"),
  "scim.health": internal(Nothing, Health, health, "always"),
  "domains.declare": published(TargetDomain, DeclaredDomain, "always"),
  "domains.remove": published(TargetDomain, z.null()),
  "domains.get": published(TargetDomain, AcceptedDomain, "always"),
  "domains.list": published(ListDomains, DomainPage, "always"),
  "domains.health": internal(Nothing, Health, health, "always"),
  "smtp-registry.reserve": internal(reservations.ReserveAddresses, reservations.Reservation, users, "always"),
  "smtp-registry.release": internal(
    reservations.ReleaseReservation,
    z.object({ released: z.int() }),
    users,
    "always",
  ),
  "smtp-registry.taken": internal(
    reservations.TakenQuery,
    z.object({ items: z.array(reservations.TakenAddress) }),
    users,
    "always",
  ),
  "mail-lookup.recipient": published(AskRecipient, Recipient, "always"),
  "mail-lookup.health": internal(Nothing, Health, health, "always"),
  "smtp-registry.lookup": published(LookUpAddress, AddressInfo, "always"),
  "smtp-registry.free": internal(FreeAddress, z.object({ freed: z.int() }), users, "always"),
  "smtp-registry.history": published(ListAddressHistory, AddressHistoryPage, "always"),
  "smtp-registry.addresses-of": internal(
    z.strictObject({ userId: UserId }),
    erasure.ExportedAddresses,
    users,
    "always",
  ),
  "smtp-registry.digest": internal(DigestQuery, RegistryDigest, users, "always"),
  "smtp-registry.trace": internal(traces.RegistryQuery, traces.RegistryTrace, tracing, "always"),
  "smtp-registry.generation": internal(AskGeneration, GivenGeneration, users, "always"),
  "smtp-registry.standing": internal(Nothing, RegistryStanding, tracing, "always"),
  "smtp-registry.health": internal(Nothing, Health, health, "always"),
  // And users, for an export.
  "audit.list": {
    ...published(ListAudit, AuditPage, "always"),
    callers: ["gateway", "operator", "users"] as Callers,
  },
  "audit.digest": internal(DigestQuery, AuditDigest, users, "always"),
  "audit.request": internal(traces.RequestEventsQuery, traces.RequestEntries, tracing, "always"),
  "audit.trace": internal(traces.EventsQuery, traces.AuditTrace, tracing, "always"),
  "audit.health": internal(Nothing, Health, health, "always"),
  "outbox.nudge": internal(Nothing, z.null(), users, "always"),
  "outbox.pending": internal(PendingQuery, PendingUsers, users, "always"),
  "outbox.backlogs": internal(Nothing, Backlogs, tracing, "always"),
  "outbox.trace": internal(traces.RequestEventsQuery, traces.OutboxTrace, tracing, "always"),
  "outbox.status": internal(operations.OutboxStatusQuery, operations.OutboxStatus, health, "always"),
  "outbox.health": internal(Nothing, Health, health, "always"),
  "dead-letters.list": published(ListDeadLetters, DeadLetterPage, "always"),
  "dead-letters.causes": published(Nothing, DeadLetterCauses, "always"),
  "dead-letters.get": published(TargetDeadLetter, DeadLetterDetail, "always"),
  "dead-letters.replay": published(TargetDeadLetter, DeadLetter),
  "dead-letters.discard": published(DiscardDeadLetter, DeadLetter),
  "dead-letters.replay-cause": published(replays.BeginReplay, replays.LetterReplay, "under its key"),
  "dead-letters.replay-progress": published(replays.TargetReplay, replays.LetterReplay, "always"),
  "dead-letters.pending": internal(PendingQuery, PendingLetters, users, "always"),
  "dead-letters.trace": internal(traces.LettersQuery, traces.LettersTrace, tracing, "always"),
  "dead-letters.health": internal(Nothing, Health, health, "always"),
  "reconciler.run": internal(Nothing, ReconcileReport, ["users", "operator"]),
  "reconciler.repair": internal(Repair, RepairReport, operator),
  "reconciler.acknowledge": internal(Acknowledge, AcknowledgeReport, operator),
  "reconciler.release": internal(DecideOnOrphan, ReemittedUser, operator),
  "reconciler.restore": internal(DecideOnOrphan, ReemittedUser, operator),
  "reconciler.decide": internal(DecideOnOrphans, OrphansReport, operator),
  "reconciler.begin": published(Nothing, passes.Reconciliation, "under its key"),
  "reconciler.begin-repair": published(passes.BeginRepair, passes.Reconciliation, "under its key"),
  "reconciler.begin-acknowledgement": published(
    passes.BeginAcknowledgement,
    passes.Reconciliation,
    "under its key",
  ),
  "reconciler.get": published(passes.TargetReconciliation, passes.Reconciliation, "always"),
  "reconciler.latest": published(Nothing, passes.Reconciliation, "always"),
  "reconciler.health": internal(Nothing, Health, health, "always"),
  // Each in one process; a command of the REPL asks all of them (mixins/moleculer/every-node.ts).
  "ops.log-level": internal(operations.SetLogLevel, operations.NodeLogLevel, operator),
  "ops.status": published(Nothing, Status, "always"),
  "ops.health": internal(Nothing, Health, health, "always"),
  "fault.set": internal(operations.SetFault, operations.NodeFaults, operator),
  "fault.clear": internal(operations.ClearFault, operations.NodeFaults, operator),
  "fault.list": internal(Nothing, operations.NodeFaults, operator),
  "access.create": published(keys.CreateKey, keys.CreatedKey, "under its key"),
  "access.list": published(keys.ListKeys, keys.KeyPage, "always"),
  "access.get": published(keys.TargetKey, keys.AccessKey, "always"),
  "access.revoke": published(keys.RevokeKey, z.null(), "always"),
  "access.end-sessions": published(keys.EndSessions, z.null(), "always"),
  "access.rotate": published(keys.RotateKey, keys.CreatedKey, "under its key"),
  "access.changes": internal(keys.KeyChangesQuery, keys.KeyChanges, ["gateway"], "always"),
  "access.used": internal(keys.UsedKeys, z.null(), ["gateway"], "always"),
  "access.activity": published(ListActivity, ActivityPage, "always"),
  "access.record": internal(RecordActivities, z.null(), ["gateway", "users", "registry"], "always"),
  "access.health": internal(Nothing, Health, health, "always"),
  "trace.explain": published(traces.TraceQuery, traces.Trace, "always"),
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
