/**
 * Promise: an address is reserved for one user at a time, all addresses of a request or none, however many ask at once;
 * a repeated reservation gets the same answer and a new time to live. A hold that is neither confirmed by an event nor
 * released is settled with users after that (lapsed-holds.ts).
 */
import {
  type Database,
  type EntityManager,
  isContention,
  isUniqueViolation,
} from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { addressKey } from "../contracts/address.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import type { Reservation } from "../contracts/reservations.ts";
import { freedBefore, statusOf } from "../contracts/terms.ts";
import type { AddressStatus } from "../contracts/user.ts";
import { isRefusedWhenTaken, type RegistryRules, type ReserveRequest, type Run } from "./reserve-request.ts";
import * as sql from "./sql.ts";
import { type NoSuffix, reserveSuffixed, type TakenAddress } from "./suffix-choice.ts";
import { counterKey } from "./suffix-rule.ts";
import { giveBackNumbers } from "./suffix-sql.ts";

interface Assigned {
  readonly address: string;
  readonly key: string;
  readonly reason?: AddressStatus;
}

/** What only the caller knows of is a living user's, and the registry does not know whose. */
const knownByCaller = { reason: "active", userId: null } as const;

function claimOn({ request, rules, now }: Run, row: sql.ReserveRow): Omit<TakenAddress, "wanted"> {
  if (row.verdict === "blocked") return { reason: "blocked", userId: null };
  if (row.heldStatus === null || row.heldBy === request.userId) return knownByCaller;
  const status = statusOf({ status: row.heldStatus, deletedAt: row.deletedAt }, now, rules.terms);
  return status === "available" ? knownByCaller : { reason: status, userId: row.heldBy };
}

/** The one statement; rows that another request took in between come back as undefined: run it again. */
async function reserveAll(em: EntityManager, current: Run): Promise<sql.ReserveRow[] | undefined> {
  const { request, rules, wanted, now, freed, expiresAt } = current;
  const { reservationId, userId } = request;
  const alsoTaken = new Set(request.alsoTaken);
  const reservation = {
    reservationId,
    userId,
    now,
    freed,
    expiresAt,
    wanted: wanted.map((each) => ({
      key: each.key,
      address: each.address,
      kind: each.kind,
      base_key: counterKey(each.key),
      refuse: isRefusedWhenTaken(request, each),
      blocked: rules.blocked.has(each.key),
      also_taken: alsoTaken.has(each.key),
    })),
    alsoTaken: [...alsoTaken],
  };
  const rows = await run(em, sql.reserve(reservation));
  return rows.some((row) => row.verdict === "open" && !row.got) && conflictsIn(current, rows).length === 0
    ? undefined
    : rows;
}

interface Conflict extends TakenAddress {
  readonly noSuffix?: NoSuffix | undefined;
}

const takenIn = (current: Run, rows: readonly sql.ReserveRow[]): TakenAddress[] => {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  return current.wanted.flatMap((wanted) => {
    const row = byKey.get(wanted.key);
    const isTaken = row?.verdict === "taken" || row?.verdict === "blocked";
    return isTaken ? [{ wanted, ...claimOn(current, row) }] : [];
  });
};

/** Those for which the request takes no other. A blocked name becomes nothing else: nobody else may look like it. */
const conflictsIn = (current: Run, rows: readonly sql.ReserveRow[]): Conflict[] =>
  takenIn(current, rows).filter(
    ({ wanted, reason }) => reason === "blocked" || isRefusedWhenTaken(current.request, wanted),
  );

async function refuse(em: EntityManager, { request }: Run, conflicts: readonly Conflict[]): Promise<never> {
  await releaseHolds(em, request);
  throw new Refusal("address-taken", "Cannot reserve every address: some are taken", {
    errors: conflicts.map(({ wanted: { pointer }, reason }) => ({
      pointer,
      detail: `is not available: it is ${reason}`,
    })),
    conflicts: conflicts.map(({ wanted: { address, kind }, reason, userId, noSuffix }) => ({
      address,
      kind,
      status: reason,
      userId,
      ...(noSuffix === undefined ? {} : { noSuffix }),
    })),
  });
}

/** One run of a request; undefined when it lost a row meanwhile and has to be run again. */
async function attempt(em: EntityManager, current: Run): Promise<Map<string, Assigned> | undefined> {
  const rows = await reserveAll(em, current);
  if (rows === undefined) return undefined;
  const conflicts = conflictsIn(current, rows);
  if (conflicts.length > 0) return refuse(em, current, conflicts);
  const assigned = new Map<string, Assigned>();
  for (const { key, target, address, verdict, got, reason } of rows)
    if (verdict === "own") assigned.set(key, { address, key: target });
    else if (got) assigned.set(key, { address, key: target, ...(reason === null ? {} : { reason }) });
  const taken = takenIn(current, rows);
  if (taken.length === 0) return assigned;
  const avoid = new Set([
    ...current.wanted.map(({ key }) => key),
    ...(current.request.alsoTaken ?? []),
    ...rows.map((row) => row.target),
  ]);
  const suffixing = await reserveSuffixed(em, current, taken, avoid);
  if (suffixing === undefined) return undefined;
  if ("without" in suffixing)
    return refuse(
      em,
      current,
      taken.flatMap((each) => {
        const noSuffix = suffixing.without.get(each.wanted);
        return noSuffix === undefined ? [] : [{ ...each, noSuffix }];
      }),
    );
  for (const [key, found] of suffixing.assigned) assigned.set(key, found);
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
  asked: Pick<Run, "request" | "wanted">,
  giveUpAt: number,
): Promise<Reservation> {
  const now = rules.now();
  const current: Run = {
    ...asked,
    rules,
    now,
    giveUpAt,
    freed: freedBefore(now, rules.terms),
    expiresAt: new Date(now.getTime() + rules.reservationTtlMs),
  };
  do {
    const assigned = await tried(() => db.read((em) => attempt(em, current)));
    if (assigned !== undefined) return answer(current, assigned);
  } while (performance.now() < giveUpAt);
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

type Holder = Pick<ReserveRequest, "reservationId" | "userId" | "alsoTaken">;

async function releaseHolds(
  em: EntityManager,
  { reservationId, userId, alsoTaken = [] }: Holder,
): Promise<number> {
  const rows = await run(em, sql.deleteHolds({ reservationId, userId, alsoTaken }));
  // The number of a failed request is the next one's, so that failures leave no gaps as long as nobody came between.
  const numbers = rows.flatMap(({ requestedKey, suffix }) =>
    suffix === null ? [] : [{ base_key: counterKey(requestedKey), suffix }],
  );
  if (numbers.length > 0) await run(em, giveBackNumbers(numbers));
  return rows.length;
}

/** Ends the reservation's holds of this user. Resolves with their number; facts stay. */
export const release = (db: Database, holder: Holder): Promise<number> =>
  db.read((em) => releaseHolds(em, holder));
