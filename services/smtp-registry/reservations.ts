/**
 * Promise: an address is reserved for one user at a time, all addresses of a request or (mode "refuse") none, however
 * many ask at once; a repeated reservation gets the same answer and a new time to live. A hold that is neither
 * confirmed by an event nor released ends by itself.
 */
import { type Database, type EntityManager, isContention, isUniqueViolation } from "../../mixins/database.ts";
import { run } from "../../mixins/statement.ts";
import type { ActionParams, Reservation } from "../contracts/actions.ts";
import { addressKey } from "../contracts/address.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import { freedBefore, type Terms } from "../contracts/terms.ts";
import type { AddressKind, AddressStatus } from "../contracts/user.ts";
import * as sql from "./sql.ts";
import { statusOf } from "./status.ts";
import { candidates, counterKey, firstSuffix } from "./suffix.ts";

export interface RegistryRules {
  readonly terms: Terms;
  readonly reservationTtlMs: number;
  readonly isBlocked: (key: string) => boolean;
  readonly now: () => Date;
}

export type ReserveRequest = ActionParams<"smtp-registry.reserve">;

/** How often a request is run again after it lost a row to another one or a deadlock; each time someone else won. */
const attemptsMax = 8;
/** Numbers tried for one address at once: nearly always the first is free; then it is a gap to be crossed fast. */
const batchSizes = [1, 8, 64, 512, 512, 512, 512, 512] as const;

interface Wanted {
  readonly key: string;
  readonly address: string;
  readonly kind: AddressKind;
  readonly pointer: string;
}

interface FoundRow {
  readonly key: string;
  readonly target: string;
  readonly address: string;
  readonly reason: AddressStatus | null;
  readonly verdict: "own" | "open" | "taken" | "blocked";
  readonly got: boolean;
  readonly held_status: "reserved" | "active" | "deleted" | null;
  readonly expires_ms: number | null;
  readonly deleted_ms: number | null;
}

interface Assigned {
  readonly address: string;
  readonly key: string;
  readonly reason?: AddressStatus;
}

/** What stays the same while one request is run, possibly several times. */
interface Run {
  readonly request: ReserveRequest;
  readonly wanted: readonly Wanted[];
  readonly now: Date;
  readonly freed: Date;
  readonly expiresAt: Date;
  readonly rules: RegistryRules;
}

/** Each address once, by key; what comes first (the primary, by order or by kind) decides. */
export function wantedOf(request: ReserveRequest): Wanted[] {
  const byKey = new Map<string, Wanted>();
  let secondaries = 0;
  const rows = request.addresses.map(({ address, kind }) => {
    const pointer = kind === "primary" ? "#/primarySmtp" : `#/secondarySmtps/${secondaries++}`;
    return { key: addressKey(address), address, kind, pointer };
  });
  for (const row of rows)
    if (!byKey.has(row.key) || (row.kind === "primary" && byKey.get(row.key)?.kind !== "primary"))
      byKey.set(row.key, row);
  return [...byKey.values()];
}

const dateOf = (ms: number | null): Date | null => (ms === null ? null : new Date(ms));

function statusOfFound({ rules, now }: Run, row: FoundRow): AddressStatus {
  if (row.verdict === "blocked") return "blocked";
  if (row.held_status === null) return "active"; // only the caller knows of it, from a living user
  const holding = {
    status: row.held_status,
    expiresAt: dateOf(row.expires_ms),
    deletedAt: dateOf(row.deleted_ms),
  };
  const status = statusOf(holding, now, rules.terms);
  return status === "available" ? "active" : status;
}

/** The one statement; rows that another request took in between come back as undefined: run it again. */
async function reserveAll(em: EntityManager, current: Run): Promise<FoundRow[] | undefined> {
  const { request, rules, wanted } = current;
  const alsoTaken = new Set(request.alsoTaken);
  const refuse = request.onTaken === "refuse";
  const rows = await run<FoundRow>(em, sql.reserve, {
    wanted: wanted.map(({ key, address, kind }) => ({
      key,
      address,
      kind,
      blocked: rules.isBlocked(key),
      also_taken: alsoTaken.has(key),
    })),
    alsoTaken: [...alsoTaken],
    reservationId: request.reservationId,
    userId: request.userId,
    now: current.now,
    freed: current.freed,
    expiresAt: current.expiresAt,
    refuse,
  });
  const isTaken = (row: FoundRow) => row.verdict === "taken" || row.verdict === "blocked";
  const lost = rows.some((row) => row.verdict === "open" && !row.got);
  return lost && !(refuse && rows.some(isTaken)) ? undefined : rows;
}

async function refuseTaken(em: EntityManager, current: Run, taken: readonly FoundRow[]): Promise<never> {
  await releaseHolds(em, current.request);
  const byKey = new Map(taken.map((row) => [row.key, row]));
  const conflicts = current.wanted.flatMap((wanted) => {
    const row = byKey.get(wanted.key);
    return row === undefined ? [] : [{ ...wanted, status: statusOfFound(current, row) }];
  });
  throw new Refusal("address-taken", "An address is taken by another user", {
    errors: conflicts.map(({ pointer, status }) => ({
      pointer,
      detail: `is not available: it is ${status}`,
    })),
    conflicts: conflicts.map(({ address, kind, status }) => ({ address, kind, status })),
  });
}

/** The first free suffix of one address. `avoid` holds every key that this request has or wants. */
async function reserveSuffixed(
  em: EntityManager,
  current: Run,
  taken: { wanted: Wanted; reason: AddressStatus },
  avoid: ReadonlySet<string>,
): Promise<Assigned | undefined> {
  const { wanted, reason } = taken;
  const baseKey = counterKey(wanted.key);
  for (const count of batchSizes) {
    const [numbers] = await run<{ first: number }>(em, sql.takeNumbers, {
      baseKey,
      next: firstSuffix + count,
      count,
    });
    const first = numbers?.first ?? firstSuffix;
    const open = candidates(wanted.address, first, count, avoid).filter(
      ({ key }) => !current.rules.isBlocked(key),
    );
    const found = await reserveCandidate(em, current, taken, open);
    if (found === undefined) continue;
    if (!found.got) return undefined;
    if (found.suffix + 1 < first + count)
      await run(em, sql.giveBackNumbers, { unused: found.suffix + 1, baseKey, next: first + count });
    return { address: found.address, key: found.key, reason };
  }
  throw new Unavailable("smtp-registry", "Cannot find a free suffix: very many in a row are taken");
}

async function reserveCandidate(
  em: EntityManager,
  current: Run,
  { wanted, reason }: { wanted: Wanted; reason: AddressStatus },
  open: ReturnType<typeof candidates>,
): Promise<{ key: string; address: string; suffix: number; got: boolean } | undefined> {
  if (open.length === 0) return undefined;
  const [found] = await run<{ key: string; address: string; suffix: number; got: boolean }>(
    em,
    sql.reserveCandidate,
    {
      candidates: open,
      now: current.now,
      freed: current.freed,
      userId: current.request.userId,
      kind: wanted.kind,
      reservationId: current.request.reservationId,
      requestedKey: wanted.key,
      reason,
      expiresAt: current.expiresAt,
    },
  );
  return found;
}

/** One run of a request; undefined when it lost a row meanwhile and has to be run again. */
async function attempt(em: EntityManager, current: Run): Promise<Map<string, Assigned> | undefined> {
  const rows = await reserveAll(em, current);
  if (rows === undefined) return undefined;
  const taken = rows.filter((row) => row.verdict === "taken" || row.verdict === "blocked");
  if (taken.length > 0 && current.request.onTaken === "refuse") return refuseTaken(em, current, taken);
  const assigned = new Map<string, Assigned>();
  for (const row of rows)
    if (row.verdict === "own") assigned.set(row.key, { address: row.address, key: row.target });
    else if (row.got)
      assigned.set(row.key, {
        address: row.address,
        key: row.target,
        ...(row.reason === null ? {} : { reason: row.reason }),
      });
  const avoid = new Set([
    ...current.wanted.map(({ key }) => key),
    ...(current.request.alsoTaken ?? []),
    ...rows.map((row) => row.target),
  ]);
  for (const wanted of current.wanted) {
    const row = taken.find(({ key }) => key === wanted.key);
    if (row === undefined) continue;
    const found = await reserveSuffixed(em, current, { wanted, reason: statusOfFound(current, row) }, avoid);
    if (found === undefined) return undefined;
    avoid.add(found.key);
    assigned.set(wanted.key, found);
  }
  return assigned;
}

/** Contention and the guard on (reservation, requested key) mean that someone else was faster, nothing worse. */
async function tried<T>(work: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (isContention(error) || isUniqueViolation(error)) return undefined;
    throw error;
  }
}

/** Rejects with Refusal `address-taken` (naming every conflict) or Unavailable. */
export async function reserveAlone(
  db: Database,
  rules: RegistryRules,
  request: ReserveRequest,
): Promise<Reservation> {
  const now = rules.now();
  const current: Run = {
    request,
    rules,
    now,
    wanted: wantedOf(request),
    freed: freedBefore(now, rules.terms),
    expiresAt: new Date(now.getTime() + rules.reservationTtlMs),
  };
  for (let count = 0; count < attemptsMax; count += 1) {
    const assigned = await tried(() => db.read((em) => attempt(em, current)));
    if (assigned !== undefined) return answer(current, assigned);
  }
  throw new Unavailable("smtp-registry", "Cannot reserve: others are faster for the same addresses");
}

/** One entry for each address of the request, in its order; a repeated one has the same assignment. */
function answer({ request, expiresAt }: Run, assigned: ReadonlyMap<string, Assigned>): Reservation {
  return {
    reservationId: request.reservationId,
    expiresAt: expiresAt.toISOString(),
    addresses: request.addresses.map(({ address, kind }) => {
      const found = assigned.get(addressKey(address));
      if (found?.reason === undefined) return { requested: address, assigned: address, kind };
      return { requested: address, assigned: found.address, kind, reason: found.reason };
    }),
  };
}

interface Holder {
  readonly reservationId: string;
  readonly userId: string;
}

async function releaseHolds(em: EntityManager, { reservationId, userId }: Holder): Promise<number> {
  const rows = await run<{ requested_key: string; suffix: number | null }>(em, sql.release, {
    reservationId,
    userId,
  });
  // The number of a failed request is the next one's, so that failures leave no gaps as long as nobody came between.
  for (const { requested_key, suffix } of rows)
    if (suffix !== null)
      await run(em, sql.giveBackNumbers, {
        unused: suffix,
        baseKey: counterKey(requested_key),
        next: suffix + 1,
      });
  return rows.length;
}

/** Ends the reservation's holds of this user. Resolves with their number; facts stay. */
export const release = (db: Database, holder: Holder): Promise<number> =>
  db.read((em) => releaseHolds(em, holder));
