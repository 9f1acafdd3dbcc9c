/** Answers who holds an address, now or at a time in the past. Reads only. */
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { type Principal, reaches } from "../contracts/access.ts";
import type { ActionParams, ActionResult } from "../contracts/actions.ts";
import { addressKey, objectionToNew, parseAddress } from "../contracts/address.ts";
import { Refusal } from "../contracts/errors.ts";
import type { AddressInfo } from "../contracts/look-up.ts";
import { type Holding, statusOf } from "../contracts/terms.ts";
import type { AddressKind } from "../contracts/user.ts";
import { AddressHistory } from "./entities.ts";
import { erasedOfKey } from "./erasure-sql.ts";
import { historyOfKey } from "./past-sql.ts";
import type { RegistryRules } from "./reserve-request.ts";
import * as sql from "./sql.ts";
import { type Bounds, boundsOf } from "./status.ts";

type Request = ActionParams<"smtp-registry.lookup">;

interface Holder extends Holding, Bounds {
  readonly address: string;
  /** null: an erased user. */
  readonly userId: string | null;
  readonly kind: AddressKind | null;
}

async function holderNow(
  em: EntityManager,
  key: string,
): Promise<(Holder & { heldSince: Date | null }) | undefined> {
  const [row] = await run(em, sql.rowOfKey(key));
  return row && { ...row, since: row.status === "reserved" ? row.heldSince : row.since, ends: null };
}

/** A hold of that time, whose event the history may still wait for. */
async function heldAt(em: EntityManager, key: string, at: Date): Promise<Holder | undefined> {
  const row = await holderNow(em, key);
  const isOfThen = row?.status === "reserved" && (row.heldSince === null || row.heldSince <= at);
  return isOfThen ? row : undefined;
}

/** Of each user's last word on the address, what counts: who has it, else who had it last and was deleted with it. */
async function holderAt(em: EntityManager, key: string, at: Date): Promise<Holder | undefined> {
  const rows = await run(em, historyOfKey(key, at));
  const row = rows.find(({ state }) => state === "active") ?? rows.find(({ state }) => state === "deleted");
  if (row === undefined || row.state === "removed") return undefined;
  return {
    address: row.address,
    userId: row.userId,
    kind: row.kind,
    status: row.state,
    deletedAt: row.state === "deleted" ? row.since : null,
    since: row.since,
    ends: row.ends,
  };
}

/** The history of one user's addresses, by version. */
export async function addressesOfUser(
  db: Database,
  userId: string,
): Promise<ActionResult<"smtp-registry.addresses-of">["items"]> {
  const rows = await db.read((em) =>
    em.find(AddressHistory, { userId }, { orderBy: { version: "asc", key: "asc" } }),
  );
  return rows.map(({ version, address, kind, state, at }) => ({
    version,
    address,
    kind: kind as AddressKind | null,
    state: state as "active",
    at: at.toISOString(),
  }));
}

/** That an erased user had it, not who. */
async function erasedHolder(em: EntityManager, request: Request, key: string): Promise<Holder | undefined> {
  const at = request.at === undefined ? undefined : new Date(Math.max(0, Date.parse(request.at)));
  const [row] = await run(em, erasedOfKey(key, at));
  if (row === undefined || row.state === "removed") return undefined;
  const nobody = { address: request.address, userId: null, kind: null, since: row.at, ends: row.ends };
  if (row.state === "active") return { ...nobody, status: "active", deletedAt: null };
  return { ...nobody, status: "deleted", deletedAt: row.at };
}

/** What lies in none of the asker's domains is not there: Refusal `not-found`. */
export function refuseOutOfReach(address: string, asker: Principal | null | undefined): void {
  const parsed = parseAddress(address);
  if (parsed.ok && !reaches(asker, parsed.asciiDomain))
    throw new Refusal("not-found", "Cannot find the address: it lies in none of your domains", {
      isOutside: true,
    });
}

/** Nobody has it and nobody can take it: it is as little an address as one with a fault in its syntax. */
export function refuseImpossible(address: string): void {
  const objection = objectionToNew(address);
  if (objection !== undefined)
    throw new Refusal("invalid-fields", "The request has invalid fields", {
      errors: [{ pointer: "#/address", detail: objection }],
    });
}

/**
 * Refusal `invalid-fields` for a time in the future, `not-found` for an address of a domain that is not the asker's,
 * Unavailable without the database.
 */
export async function lookUp(
  db: Database,
  rules: RegistryRules,
  request: Request,
  asker?: Principal | null,
): Promise<AddressInfo> {
  refuseOutOfReach(request.address, asker);
  const now = rules.now();
  // Nobody had an address before 1970, and PostgreSQL has no year 0, which RFC 3339 has.
  const at = request.at === undefined ? now : new Date(Math.max(0, Date.parse(request.at)));
  if (at > now)
    throw new Refusal("invalid-fields", "The request has invalid fields", {
      errors: [{ pointer: "#/at", detail: "must not be in the future" }],
    });
  const key = addressKey(request.address);
  const holder = await db.read(async (em) => {
    const isNow = request.at === undefined;
    const then = isNow ? await holderNow(em, key) : await holderAt(em, key, at);
    if (statusOf(then, at, rules.terms) !== "available") return then;
    return (isNow ? undefined : await heldAt(em, key, at)) ?? erasedHolder(em, request, key);
  });
  const status = statusOf(holder, at, rules.terms);
  if (holder === undefined || status === "available") {
    refuseImpossible(request.address);
    return {
      address: request.address,
      status: rules.blocked.has(key) ? "blocked" : "available",
      userId: null,
      kind: null,
      since: null,
      until: null,
    };
  }
  const { since, until } = boundsOf(holder, status, rules.terms);
  return {
    address: holder.address,
    status,
    userId: holder.userId,
    kind: holder.kind,
    since: since?.toISOString() ?? null,
    until: until?.toISOString() ?? null,
  };
}
