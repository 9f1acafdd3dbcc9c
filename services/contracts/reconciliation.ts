/**
 * What the reconciler asks of each service, and what it reports: per user a version and a hash, never an address.
 * Pages are in the order of user ids, which is the same for PostgreSQL's uuid and for the text.
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import { DiscardReason } from "./dead-letters.ts";
import { pageSizeMax } from "./paging.ts";
import { type AddressKind, secondarySmtpsMax } from "./user.ts";

/** Looser than UserId: a row that should not be there may have any id. */
const AnyUserId = z.guid();

/** One page after an id, or just these users. */
export const DigestQuery = z.strictObject({
  after: AnyUserId.nullable().default(null),
  limit: z.int().min(1).max(pageSizeMax).default(pageSizeMax),
  userIds: z
    .array(AnyUserId)
    .max(pageSizeMax)
    .optional()
    .meta({ description: "Instead of a page: these users, those that are not known left out" }),
});
export type DigestQuery = z.output<typeof DigestQuery>;

const UserDigest = z.object({
  userId: z.string(),
  version: z.int(),
  addressesHash: z.string(),
  updatedAt: z.iso.datetime(),
  deletedAt: z.iso.datetime().nullable(),
});
export type UserDigest = z.infer<typeof UserDigest>;
export const UsersDigest = z.object({ items: z.array(UserDigest) });

const RegistryEntryDigest = z.object({ userId: z.string(), version: z.int(), addressesHash: z.string() });
export type RegistryEntryDigest = z.infer<typeof RegistryEntryDigest>;
export const RegistryDigest = z.object({
  items: z.array(RegistryEntryDigest),
  freedBefore: z.iso
    .datetime()
    .meta({ description: "Users deleted up to then have lost their claim on their addresses" }),
});
export type RegistryDigest = z.infer<typeof RegistryDigest>;

const AuditTrailDigest = z.object({
  userId: z.string(),
  entries: z.int(),
  versions: z.int().meta({ description: "Different versions among the entries" }),
  versionsSum: z.number().meta({ description: "Their sum, by which one gap is told from another" }),
  maxVersion: z.int(),
  newest: z
    .array(z.int())
    .optional()
    .meta({ description: "The newest version of each generation; without it: all are of one" }),
});
export type AuditTrailDigest = z.infer<typeof AuditTrailDigest>;
export const AuditDigest = z.object({ items: z.array(AuditTrailDigest) });

export const PendingQuery = z.strictObject({ userIds: z.array(AnyUserId).max(pageSizeMax) });
export const PendingLetters = z.object({
  items: z.array(z.object({ userId: z.string(), queue: z.string() })),
});
export const Backlogs = z.object({
  queues: z
    .array(z.object({ queue: z.string(), messages: z.int() }))
    .nullable()
    .meta({
      description: "What waits for each consumer behind the bus, retries included; null: it can't be asked",
    }),
});
export type Backlogs = z.infer<typeof Backlogs>;
export const PendingUsers = z.object({ userIds: z.array(z.string()) });

/**
 * Tells the user's state again, under a version above `above` too when others know a newer one than users does. At most
 * 10,000 above users' own: versions are finite and only grow.
 */
export const ReemitUser = z.strictObject({ userId: AnyUserId, above: z.int().min(0).default(0) });
export const ReemittedUser = z.object({ version: z.int() });

/** An orphan becomes a user again, with what others know of it: released, it is one that was deleted long ago. */
export const SettleOrphan = z.strictObject({
  userId: AnyUserId,
  above: z.int().min(0),
  as: z.enum(["released", "restored"]),
  displayName: z.string(),
  primarySmtp: z.string(),
  secondarySmtps: z.array(z.string()).max(secondarySmtpsMax),
});

/** How a side can differ from users, which is always right; `orphan`: users does not know such a user. */
export const consistencyChecks = [
  "registry_missing",
  "registry_behind",
  "registry_ahead",
  "registry_addresses_differ",
  "registry_orphan",
  "audit_missing",
  "audit_ahead",
  "audit_doubled",
  "audit_orphan",
] as const;
export const ConsistencyCheck = z.enum(consistencyChecks);
export type ConsistencyCheck = z.infer<typeof ConsistencyCheck>;

export const Difference = z.object({
  userId: z.string(),
  check: ConsistencyCheck,
  version: z.int().nullable().meta({ description: "In users; null when it has no such user" }),
  found: z.int().nullable().meta({ description: "Registry: its version; audit: the versions that it has" }),
  deadLetter: z
    .boolean()
    .meta({ description: "A dead letter of the user waits for somebody's decision there" }),
  gap: z.string().nullable().meta({
    description:
      "What exactly is wrong, where nothing can mend it: an acknowledgement holds for this alone, however often the user is written afterwards",
  }),
});
export type Difference = z.infer<typeof Difference>;

const Acknowledgement = z.object({
  at: z.iso.datetime(),
  by: z.string(),
  reason: z.string(),
  correlationId: z.string(),
});
export type Acknowledgement = z.infer<typeof Acknowledgement>;

export const AcknowledgedDifference = Difference.extend({ acknowledged: Acknowledgement });
export type AcknowledgedDifference = z.infer<typeof AcknowledgedDifference>;

/** Differences that are no violations: how many there are, and the first of them. */
const apart = <T extends z.ZodType>(difference: T) =>
  z.object({ count: z.int(), differences: z.array(difference) });

export const ReconcileReport = z.object({
  startedAt: z.iso.datetime(),
  ms: z.int(),
  checked: z.int().meta({ description: "Users compared, orphans included" }),
  inFlight: z
    .int()
    .meta({ description: "Users that differed at the first look only, or with an event in the outbox" }),
  violations: z.partialRecord(ConsistencyCheck, z.int()).meta({ description: "How many of each check" }),
  differences: z.array(Difference).meta({ description: "The first of them" }),
  pending: apart(Difference).meta({
    description: "May still end by itself: the consumer's queue held messages at every look of the pass",
  }),
  acknowledged: apart(AcknowledgedDifference).meta({
    description: "What nothing can mend and somebody has accepted; counted nowhere else",
  }),
});
export type ReconcileReport = z.infer<typeof ReconcileReport>;

export const Repair = z.strictObject({
  userIds: z
    .array(AnyUserId)
    .min(1)
    .max(pageSizeMax)
    .optional()
    .meta({ description: "Only these; without, every user that differs" }),
});

export const RepairReport = ReconcileReport.extend({
  reemitted: z.int().meta({ description: "Users whose state was told again" }),
  reportedOnly: z.int().meta({ description: "Users that differ in a way that no event can mend" }),
});
export type RepairReport = z.infer<typeof RepairReport>;

/** Those that no repair ends. */
export const acknowledgeableChecks = [
  "registry_orphan",
  "audit_missing",
  "audit_doubled",
  "audit_orphan",
] as const satisfies readonly ConsistencyCheck[];

export const Acknowledge = z.strictObject({
  userIds: z.array(AnyUserId).min(1).max(pageSizeMax),
  check: z.enum(acknowledgeableChecks),
  reason: DiscardReason,
});

export const DecideOnOrphan = z.strictObject({ userId: AnyUserId, reason: DiscardReason });

/** One decision for every orphan that a pass finds. */
export const DecideOnOrphans = z.strictObject({
  as: z.enum(["released", "restored"]),
  reason: DiscardReason,
});
export const OrphansReport = z.object({
  decided: z.int(),
  left: z
    .array(z.object({ userId: z.string(), why: z.string() }))
    .meta({ description: "Orphans for which the decision can't be carried out" }),
});
export type OrphansReport = z.infer<typeof OrphansReport>;

export const AcknowledgeReport = z.object({
  acknowledged: z.array(AcknowledgedDifference).meta({
    description: "With what was said of it first, when that was said before",
  }),
  left: z.array(z.object({ userId: z.string(), why: z.string() })).meta({
    description: "Users of whom there was nothing to acknowledge",
  }),
});
export type AcknowledgeReport = z.infer<typeof AcknowledgeReport>;

export interface DigestedAddress {
  readonly key: string;
  readonly address: string;
  readonly kind: AddressKind;
  readonly state: "active" | "deleted";
}

/** Equal for equal sets of addresses, whatever their order; made by users and by the registry, each of its own rows. */
export function addressesHash(addresses: readonly DigestedAddress[]): string {
  const rows = addresses
    .map(({ key, address, kind, state }) => JSON.stringify([key, address, kind, state]))
    .sort();
  return createHash("sha256").update(rows.join("\n")).digest("base64url");
}
