/**
 * What must be true at the end of a run, by comparing sets: what the clients were told, the rows of users, those of
 * the registry, the audit log and what an outside observer was delivered. Pure, so that a test can show that each of
 * them notices what it is for.
 */
import { isDeepStrictEqual } from "node:util";
import { addressKey } from "../../services/contracts/address.ts";
import { firstVersionOf, generationOf } from "../../services/contracts/generation.ts";
import type { AuditFact, Facts, UserFact } from "./facts.ts";
import type { Journal, Operation } from "./journal.ts";

export interface Violation {
  readonly check: string;
  readonly userId: string | undefined;
  readonly what: string;
}

/** What the violations come to: acknowledged and not there, there twice, and whatever else. */
export function countsOf(violations: readonly Violation[]): { lost: number; doubled: number; other: number } {
  const lost = violations.filter(({ what }) => /has no audit entry|belongs to no user/.test(what)).length;
  const doubled = violations.filter(({ what }) => /twice|\d+ audit entries/.test(what)).length;
  return { lost, doubled, other: violations.length - lost - doubled };
}

interface Evidence {
  readonly journal: Journal;
  readonly facts: Facts;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly users: ReadonlyMap<string, UserFact>;
  readonly auditOf: ReadonlyMap<string, readonly AuditFact[]>;
  readonly auditOfOperation: ReadonlyMap<string, readonly AuditFact[]>;
}

type Check = (evidence: Evidence) => Iterable<{ userId?: string | undefined; what: string }>;

const actions = {
  create: "user.created",
  rename: "user.updated",
  move: "user.updated",
  trim: "user.updated",
  remove: "user.deleted",
  restore: "user.restored",
} as const;

/** The user as the audit log tells it up to a version. */
function told(entries: readonly AuditFact[], upTo = Number.POSITIVE_INFINITY): Record<string, unknown> {
  const state: Record<string, unknown> = { deletedAt: null };
  for (const { version, changes } of entries)
    if (version <= upTo) for (const { field, to } of changes) state[field] = to;
  return state;
}

const contentOf = (user: {
  displayName?: unknown;
  primarySmtp?: unknown;
  secondarySmtps?: unknown;
}): unknown => [user.displayName, user.primarySmtp, user.secondarySmtps];

function* acknowledgedIsThere({ journal, auditOfOperation, auditOf, users }: Evidence) {
  for (const operation of journal.operations) {
    if (operation.outcome !== "acknowledged") continue;
    const { id, kind, answer } = operation;
    const userId = operation.userId ?? answer?.id;
    const [entry, ...more] = auditOfOperation.get(id) ?? [];
    const say = (what: string) => ({ userId, what: `${kind} ${id}, acknowledged, ${what}` });
    if (userId === undefined || !users.has(userId)) yield say("belongs to no user");
    if (entry === undefined) yield say("has no audit entry");
    else if (more.length > 0) yield say(`has ${more.length + 1} audit entries`);
    else if (entry.userId !== userId || entry.action !== actions[kind])
      yield say(`is audited as ${entry.action} of ${entry.userId}`);
    else if (answer !== undefined) {
      const state = told(auditOf.get(userId) ?? [], answer.version);
      if (entry.version !== answer.version)
        yield say(`was version ${answer.version} and is audited as ${entry.version}`);
      else if (!isDeepStrictEqual(contentOf(state), contentOf(answer)))
        yield say("was answered with another state than the audit log tells");
    }
  }
}

function* nothingUnasked({ journal, operations, auditOfOperation, facts }: Evidence) {
  for (const [id, entries] of auditOfOperation) {
    const operation = operations.get(id);
    const userId = entries[0]?.userId;
    if (journal.repairs.has(id)) continue;
    if (operation === undefined) yield { userId, what: `audit entry of ${id}, which nobody asked for` };
    else if (entries.length > 1) yield { userId, what: `${operation.kind} ${id} took effect twice` };
    else if (operation.userId !== undefined && operation.userId !== userId)
      yield { userId, what: `${operation.kind} ${id} was for ${operation.userId}` };
  }
  for (const operation of journal.operations)
    if (operation.outcome === "refused" && !operation.ambiguous && auditOfOperation.has(operation.id))
      yield {
        userId: operation.userId,
        what: `${operation.kind} ${operation.id} was refused and took effect`,
      };
  const asked = new Set(auditOfOperation.keys());
  for (const key of facts.answers)
    if (!asked.has(key)) yield { what: `an answer is stored for ${key}, which has no effect` };
  const stored = new Set(facts.answers);
  for (const id of asked)
    if (!stored.has(id) && !journal.repairs.has(id))
      yield { what: `${id} has an effect and no stored answer` };
}

/** What was acknowledged before something else was asked has the lower version. */
function* versionsFollowTime({ journal, auditOfOperation }: Evidence) {
  const done = journal.operations.flatMap((operation) => {
    const [entry] = auditOfOperation.get(operation.id) ?? [];
    return entry === undefined || operation.outcome !== "acknowledged" ? [] : [{ operation, entry }];
  });
  for (const [userId, ofUser] of Map.groupBy(done, ({ entry }) => entry.userId)) {
    const ordered = ofUser.sort((a, b) => a.entry.version - b.entry.version);
    let latestStart = { startedMs: -1, id: "" };
    for (const { operation } of ordered) {
      if ((operation.endedMs ?? Number.POSITIVE_INFINITY) < latestStart.startedMs)
        yield {
          userId,
          what: `${operation.id} ended before ${latestStart.id} began, and has a later version`,
        };
      if (operation.startedMs > latestStart.startedMs) latestStart = operation;
    }
  }
}

function* refusalsAreTrue({ journal }: Evidence) {
  const removed = new Set(
    journal.operations.filter(({ kind }) => kind === "remove").map(({ userId }) => userId),
  );
  for (const { id, kind, userId, outcome, problem, certain } of journal.operations) {
    if (outcome === "open") yield { userId, what: `${kind} ${id} never had a definite answer` };
    if (outcome !== "refused") continue;
    const lie =
      problem === "not-found" ? certain || !removed.has(userId) : problem === "not-deleted" && certain;
    if (lie) yield { userId, what: `${kind} ${id} was refused as ${problem}` };
    if (kind === "create") yield { userId, what: `create ${id} was refused as ${problem}` };
  }
  for (const { operation, status, text } of journal.defects)
    yield { what: `${operation} was answered ${status}: ${text.slice(0, 300)}` };
}

/** Every version up to the latest, in order; each timeline of the database begins a generation, with a step to its first. */
function isWhole(versions: readonly number[], latest: number): boolean {
  const follows = (version: number, before: number): boolean =>
    version === before + 1 || (version > before && version === firstVersionOf(generationOf(version)));
  return (
    versions.at(-1) === latest && versions.every((each, index) => follows(each, versions[index - 1] ?? 0))
  );
}

function* auditIsComplete({ facts, auditOf, users }: Evidence) {
  for (const user of facts.users) {
    const entries = auditOf.get(user.id) ?? [];
    const versions = entries.map(({ version }) => version);
    if (!isWhole(versions, user.version))
      yield { userId: user.id, what: `is version ${user.version}, and its audit entries are ${versions}` };
    const state = told(entries);
    if (!isDeepStrictEqual(contentOf(state), contentOf(user)) || state.deletedAt !== user.deletedAt)
      yield { userId: user.id, what: "is not what its audit entries add up to" };
  }
  for (const userId of auditOf.keys())
    if (!users.has(userId)) yield { userId, what: "is audited and does not exist" };
}

const addressesOf = (user: UserFact) => [
  { address: user.primarySmtp, kind: "primary" },
  ...user.secondarySmtps.map((address) => ({ address, kind: "secondary" })),
];

/** Deleted users among them: no run is as long as the terms of a tombstone. */
function* addressesAreUnique({ facts }: Evidence) {
  const owners = new Map<string, string>();
  const guards = new Map(facts.guards.map(({ key, userId }) => [key, userId]));
  for (const user of facts.users)
    for (const { address } of addressesOf(user)) {
      const key = addressKey(address);
      const other = owners.get(key);
      if (other !== undefined) yield { userId: user.id, what: `shares ${key} with ${other}` };
      owners.set(key, user.id);
      if (guards.get(key) !== user.id)
        yield { userId: user.id, what: `has ${key}, which guards ${guards.get(key)}` };
    }
  for (const [key, userId] of guards)
    if (!owners.has(key)) yield { userId, what: `guards ${key}, which it does not have` };
}

function* registryAgrees({ facts, users }: Evidence) {
  const show = (rows: readonly { key: string; address: string; kind: string; status: string }[]) =>
    rows.map(({ key, address, kind, status }) => `${key} ${address} ${kind} ${status}`).sort();
  const held = Map.groupBy(
    facts.addresses.filter(({ status }) => status !== "reserved"),
    ({ userId }) => userId,
  );
  for (const user of facts.users) {
    const status = user.deletedAt === null ? "active" : "deleted";
    const wanted = show(
      addressesOf(user).map((each) => ({ ...each, status, key: addressKey(each.address) })),
    );
    const found = show(held.get(user.id) ?? []);
    if (!isDeepStrictEqual(wanted, found))
      yield { userId: user.id, what: `has [${wanted}], and the registry has [${found}]` };
  }
  const marks = new Map(facts.watermarks.map(({ userId, version }) => [userId, version]));
  for (const { id, version } of facts.users)
    if (marks.get(id) !== version)
      yield { userId: id, what: `is version ${version}, and the registry's is ${marks.get(id)}` };
  for (const userId of [...held.keys(), ...marks.keys()])
    if (!users.has(userId)) yield { userId, what: "is in the registry and does not exist" };
}

/** A hold whose write was refused may lie there, but not longer than its time to live. */
function* holdsEnd({ facts }: Evidence, ttlMs: number, skewMaxMs: number) {
  const latest = Date.parse(facts.readAt) + ttlMs + skewMaxMs;
  for (const { key, userId, status, expiresAt } of facts.addresses)
    if (status === "reserved" && Date.parse(expiresAt ?? "") > latest)
      yield { userId, what: `holds ${key} until ${expiresAt}` };
}

/** The history of a registry that was set back is right from the repair on (docs/guides/consistency.md). */
function* ledgerIsComplete({ facts, journal, auditOf }: Evidence) {
  const known = new Set(facts.ledger.map(({ userId, version }) => `${userId} ${version}`));
  const isToldAgain = (userId: string, version: number): boolean =>
    (auditOf.get(userId) ?? []).some(
      (entry) => entry.version > version && journal.repairs.has(entry.correlationId),
    );
  for (const { userId, version, changes } of facts.audit) {
    const ofAddresses = changes.some(({ field }) => field !== "displayName");
    if (ofAddresses && !known.has(`${userId} ${version}`) && !isToldAgain(userId, version))
      yield {
        userId,
        what: `changed its addresses in version ${version}, of which the history knows nothing`,
      };
  }
}

function* everyEventWasDelivered({ facts }: Evidence) {
  const firsts = new Map<string, number[]>();
  const eventIds = new Map<string, string>();
  for (const { id, subject, sequence } of facts.deliveries) {
    const seen = firsts.get(subject) ?? [];
    if (!seen.includes(sequence)) seen.push(sequence);
    firsts.set(subject, seen);
    const known = eventIds.get(`${subject} ${sequence}`) ?? id;
    if (known !== id) yield { userId: subject, what: `version ${sequence} was published as two events` };
    eventIds.set(`${subject} ${sequence}`, id);
  }
  for (const { id, version } of facts.users) {
    const seen = firsts.get(id) ?? [];
    if (!isWhole(seen, version))
      yield { userId: id, what: `is version ${version}, and first deliveries came as ${seen}` };
    firsts.delete(id);
  }
  for (const userId of firsts.keys()) yield { userId, what: "was delivered and does not exist" };
}

function* nothingIsLeft({ facts }: Evidence) {
  if (facts.outbox > 0) yield { what: `${facts.outbox} events are left in the outbox` };
  for (const [queue, count] of Object.entries(facts.queued))
    yield { what: `${count} messages are left in ${queue}` };
  for (const { queue, reason, error } of facts.deadLetters)
    yield { what: `a dead letter of ${queue}: ${reason}: ${error}` };
}

/** `ttlMs` of a reservation; `skewMaxMs`: how far a clock may have been ahead. */
export function violationsOf(
  journal: Journal,
  facts: Facts,
  { ttlMs, skewMaxMs }: { ttlMs: number; skewMaxMs: number },
): Violation[] {
  const evidence: Evidence = {
    journal,
    facts,
    operations: journal.byId(),
    users: new Map(facts.users.map((user) => [user.id, user])),
    auditOf: Map.groupBy(facts.audit, ({ userId }) => userId),
    auditOfOperation: Map.groupBy(facts.audit, ({ correlationId }) => correlationId),
  };
  const checks: Record<string, Check> = {
    "what was acknowledged is there once": acknowledgedIsThere,
    "nothing happened that nobody asked for": nothingUnasked,
    "versions follow the order of acknowledgements": versionsFollowTime,
    "refusals are true": refusalsAreTrue,
    "the audit log has each version once": auditIsComplete,
    "no two users share an address": addressesAreUnique,
    "the registry agrees with users": registryAgrees,
    "no hold outlives its term": (each) => holdsEnd(each, ttlMs, skewMaxMs),
    "the history of addresses is complete": ledgerIsComplete,
    "an observer got each version, in order": everyEventWasDelivered,
    "nothing is left on the way": nothingIsLeft,
  };
  return Object.entries(checks).flatMap(([check, run]) =>
    [...run(evidence)].map(({ userId, what }) => ({ check, userId, what })),
  );
}
