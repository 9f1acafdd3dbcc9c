/** In what a user's three accounts differ: users is right, the registry and the audit log have to follow. Pure. */
import { firstVersionOf, generationOf } from "../contracts/generation.ts";
import type {
  AuditTrailDigest,
  ConsistencyCheck,
  RegistryEntryDigest,
  UserDigest,
} from "../contracts/reconciliation.ts";
import { mayHaveLostAddresses } from "../contracts/terms.ts";

/** What each side says of one user; undefined: it knows none with this id. */
export interface Accounts {
  readonly user: UserDigest | undefined;
  readonly registry: RegistryEntryDigest | undefined;
  readonly audit: AuditTrailDigest | undefined;
}

function* registryChecks({ user, registry }: Accounts, freedBefore: string): Generator<ConsistencyCheck> {
  if (user === undefined) {
    if (registry !== undefined) yield "registry_orphan";
  } else if (registry === undefined) yield "registry_missing";
  else if (registry.version < user.version) yield "registry_behind";
  else if (registry.version > user.version) yield "registry_ahead";
  else if (registry.addressesHash !== user.addressesHash && !mayHaveLostAddresses(user, freedBefore))
    yield "registry_addresses_differ";
}

const noTrail = { entries: 0, versions: 0, versionsSum: 0, maxVersion: 0 };

/**
 * How many versions the log should have, and their sum: in each generation in which the user is known to have been
 * written, all from its first to its newest.
 */
function dueVersions({ user, audit }: Accounts): { count: number; sum: number } {
  const newest = new Map<number, number>();
  for (const version of [...(audit?.newest ?? [audit?.maxVersion ?? 0]), user?.version ?? 0])
    newest.set(generationOf(version), Math.max(version, newest.get(generationOf(version)) ?? 0));
  let [count, sum] = [0, 0];
  for (const [generation, last] of newest) {
    const first = firstVersionOf(generation);
    const versions = last - first + 1;
    count += versions;
    sum += (versions * (first + last)) / 2;
  }
  return { count, sum };
}

/** The audit log has one entry for each of these versions. */
function* auditChecks(accounts: Accounts): Generator<ConsistencyCheck> {
  const { user, audit } = accounts;
  if (user === undefined) {
    if (audit !== undefined) yield "audit_orphan";
    return;
  }
  const { entries, versions, maxVersion } = audit ?? noTrail;
  if (versions < dueVersions(accounts).count) yield "audit_missing";
  if (maxVersion > user.version) yield "audit_ahead";
  if (entries > versions) yield "audit_doubled";
}

/** Every check that fails. `freedBefore`: as the registry told it with its account. */
export const failedChecks = (accounts: Accounts, freedBefore: string): ConsistencyCheck[] => [
  ...registryChecks(accounts, freedBefore),
  ...auditChecks(accounts),
];

/**
 * Those that end when the user's state is told again. What the audit log lacks can't be told again (an event that was
 * confirmed is nowhere else), and of a user that users does not know there is no state to tell.
 */
const mendable = new Set<ConsistencyCheck>([
  "registry_missing",
  "registry_behind",
  "registry_ahead",
  "registry_addresses_differ",
  "audit_ahead",
]);

export const canBeMended = (check: ConsistencyCheck): boolean => mendable.has(check);

/** Those that an event which waits in front of its consumer explains. */
const followable = new Set<ConsistencyCheck>(["registry_missing", "registry_behind", "audit_missing"]);

export const canBeFollowed = (check: ConsistencyCheck): boolean => followable.has(check);

/**
 * What exactly a difference consists of that no repair ends, the same for as long as the user only goes on being
 * written; null for the others. The missing versions are told by their number and sum: the log is asked for no list.
 */
export function gapOf(check: ConsistencyCheck, accounts: Accounts): string | null {
  const { registry, audit } = accounts;
  const { entries, versions, versionsSum, maxVersion } = audit ?? noTrail;
  const due = dueVersions(accounts);
  const gaps: Partial<Record<ConsistencyCheck, string>> = {
    audit_missing: `${due.count - versions} missing, sum ${due.sum - versionsSum}`,
    audit_doubled: `${entries - versions} doubled`,
    audit_orphan: `${entries} entries up to version ${maxVersion}`,
    registry_orphan: `version ${registry?.version}, addresses ${registry?.addressesHash}`,
  };
  return gaps[check] ?? null;
}

/** The newest version that any side knows: what is told again must be newer. */
export const newestVersion = ({ user, registry, audit }: Accounts): number =>
  Math.max(user?.version ?? 0, registry?.version ?? 0, audit?.maxVersion ?? 0);
