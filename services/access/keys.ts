/**
 * What is done with access keys, on the database alone: by the service, and by `npm run key` beside it.
 *
 * Promise: a change of a key and the record of it are one transaction; a key that has ended never comes back.
 */

import { createHash } from "node:crypto";
import { LockMode } from "@mikro-orm/core";
import * as z from "zod";
import type { Database, EntityManager } from "../../mixins/postgres/database.ts";
import { decodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { keyHash, keyIdOf, type NewKey } from "../contracts/access-key.ts";
import type { ActionParams, ActionResult } from "../contracts/actions.ts";
import { Refusal } from "../contracts/errors.ts";
import type { AccessKey, KeyPage } from "../contracts/keys.ts";
import { keyDays, keyDaysOf, type Role } from "../contracts/roles.ts";
import { type Doer, recordActivity } from "./activity.ts";
import { endedSessions } from "./ended-sessions.ts";
import { ApiKeyRow } from "./entities.ts";
import { keyStatus, keyView, snapshotMembers, snapshotView } from "./view.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A gateway tells the holder of a key that has ended why it is refused, for this long; then it is unknown. */
const endedDays = 30;
/** A minute at most of what is told as the last use of a key. */
const useEveryMs = 60_000;
const bootstrapHours = 24;
/** Who made the key that a container brings with it. */
const bootstrap = "bootstrap";

export interface KeyWish {
  readonly name: string;
  readonly role: Role;
  /** In A-labels; null: every domain. */
  readonly domains: readonly string[] | null;
  /** Absent: as long as keys of its role live. */
  readonly expiresAt?: Date | undefined;
  readonly breakGlass?: boolean;
  readonly reason?: string | undefined;
}

export interface Change {
  readonly doer: Doer;
  readonly at: Date;
  /** In the transaction, before anything else in there. */
  readonly remember?: (em: EntityManager, answer: AccessKey) => Promise<void>;
}

const invalidExpiry = (detail: string): Refusal =>
  new Refusal("invalid-fields", "The request has invalid fields", {
    errors: [{ pointer: "#/expiresAt", detail }],
  });

/** Throws Refusal. */
function expiryOf({ role, expiresAt }: KeyWish, at: Date): Date {
  const latest = at.getTime() + keyDays.max * dayMs;
  if (expiresAt === undefined) return new Date(at.getTime() + keyDaysOf(role) * dayMs);
  if (expiresAt <= at) throw invalidExpiry("must be a time to come");
  if (expiresAt.getTime() > latest) throw invalidExpiry(`must be at most ${keyDays.max} days away`);
  return expiresAt;
}

async function insert(
  em: EntityManager,
  row: ApiKeyRow,
  { doer, at, remember }: Change,
  action: string,
): Promise<AccessKey> {
  const answer = keyView(row, at);
  await remember?.(em, answer);
  await em.insert(ApiKeyRow, row);
  // The key of a container counts while there is no other owner's.
  if (row.role === "owner" && row.createdBy !== bootstrap)
    await em.nativeUpdate(
      ApiKeyRow,
      { createdBy: bootstrap, revokedAt: null, expiresAt: { $gt: at } },
      { revokedAt: at, revokedBy: doer.principal, revokeReason: "there is another owner's key" },
    );
  const { name, role, domains, reason } = row;
  const says = [`${role} "${name}"`, domains === null ? "" : `for ${domains?.join(", ")}`, reason ?? ""];
  await recordActivity(em, doer, {
    at,
    action,
    scope: "keys:manage",
    target: { kind: "key", id: row.id },
    allowed: true,
    reason: says.filter(Boolean).join(", "),
  });
  return answer;
}

const rowOf = ({ id, hash }: Pick<NewKey, "id" | "hash">, wish: KeyWish, doer: Doer, at: Date): ApiKeyRow =>
  ({
    id,
    hash,
    name: wish.name,
    role: wish.role,
    domains: wish.domains === null ? null : [...wish.domains],
    createdAt: at,
    createdBy: doer.principal,
    reason: wish.reason ?? null,
    expiresAt: expiryOf(wish, at),
    lastUsedAt: null,
    revokedAt: null,
    revokedBy: null,
    revokeReason: null,
    replaces: null,
    breakGlass: wish.breakGlass ?? false,
  }) as ApiKeyRow;

/** Stores a key that was made for a wish. Refusal `invalid-fields` for an expiry that can't be. */
export const createKey = (db: Database, made: NewKey, wish: KeyWish, change: Change): Promise<AccessKey> =>
  db.transaction((em) => insert(em, rowOf(made, wish, change.doer, change.at), change, "access.create"));

async function lock(em: EntityManager, id: string): Promise<ApiKeyRow> {
  const row = await em.findOne(ApiKeyRow, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE });
  if (row === null) throw unknownKey();
  return row;
}

const unknownKey = (): Refusal => new Refusal("not-found", "Cannot find the key: none has this id");

/** Ends a key at once; one that was revoked before stays as it is. Refusal `not-found`. */
export const revokeKey = (db: Database, id: string, reason: string, { doer, at }: Change): Promise<void> =>
  db.transaction(async (em) => {
    const row = await lock(em, id);
    if (row.revokedAt) return;
    Object.assign(row, { revokedAt: at, revokedBy: doer.principal, revokeReason: reason });
    await em.flush();
    const target = { kind: "key", id };
    await recordActivity(em, doer, {
      at,
      action: "access.revoke",
      scope: "keys:manage",
      target,
      allowed: true,
      reason,
    });
  });

/**
 * Stores a key in place of another, for as long as that was made for; the old one ends after the overlap. One for an
 * emergency gets no longer by it. Refusals `not-found`, `key-ended`.
 */
export const rotateKey = (
  db: Database,
  made: NewKey,
  { id, overlapHours }: { readonly id: string; readonly overlapHours: number },
  change: Change,
): Promise<AccessKey> =>
  db.transaction(async (em) => {
    const { doer, at } = change;
    const old = await lock(em, id);
    const status = keyStatus(old, at);
    if (status !== "active") throw new Refusal("key-ended", `Cannot rotate the key: it is ${status}`);
    const { name, role, domains, breakGlass, reason, createdAt, expiresAt } = old;
    const lifeMs = expiresAt.getTime() - createdAt.getTime();
    const successor: ApiKeyRow = {
      ...rowOf(made, { name, role: role as Role, domains: domains ?? null, breakGlass }, doer, at),
      reason: reason ?? null,
      expiresAt: breakGlass ? expiresAt : new Date(at.getTime() + lifeMs),
      replaces: id,
    };
    old.expiresAt = new Date(Math.min(expiresAt.getTime(), at.getTime() + overlapHours * hourMs));
    const answer = await insert(em, successor, change, "access.rotate");
    await em.flush();
    return answer;
  });

/**
 * Takes the key that a container was given, unless it was taken before or there is an owner's key. Resolves with whether
 * it was taken.
 */
export const takeBootstrapKey = (db: Database, key: string, change: Change): Promise<boolean> =>
  db.transaction(async (em) => {
    const id = keyIdOf(key);
    if (id === undefined) throw new TypeError("Cannot take the key of a container: it is none");
    const { at } = change;
    const owners = { role: "owner", revokedAt: null, expiresAt: { $gt: at } };
    if ((await em.count(ApiKeyRow, { $or: [{ id }, owners] })) > 0) return false;
    const expiresAt = new Date(at.getTime() + bootstrapHours * hourMs);
    const wish: KeyWish = { name: bootstrap, role: "owner", domains: null, expiresAt };
    await insert(em, rowOf({ id, hash: keyHash(key) }, wish, change.doer, at), change, "access.bootstrap");
    return true;
  });

/** Of whoever takes that key. */
export const bootstrapDoer = (correlationId: string): Doer => ({ principal: bootstrap, correlationId });

/** Refusal `not-found`. */
export async function getKey(db: Database, id: string, now: Date): Promise<AccessKey> {
  const row = await db.read((em) => em.findOne(ApiKeyRow, { id }));
  if (row === null) throw unknownKey();
  return keyView(row, now);
}

const Cursor = z.tuple([z.iso.datetime(), z.string()]);

/** Newest first. Refusal `invalid-fields` for a cursor of another list. */
export async function listKeys(
  db: Database,
  { cursor, limit }: ActionParams<"access.list">,
  now: Date,
): Promise<KeyPage> {
  const [text, id] = cursor === undefined ? [] : decodeCursor(cursor, Cursor);
  const before = text === undefined ? undefined : new Date(text);
  const where =
    before === undefined || id === undefined
      ? {}
      : { $or: [{ createdAt: { $lt: before } }, { createdAt: before, id: { $lt: id } }] };
  const rows = await db.read((em) =>
    em.find(ApiKeyRow, where, { orderBy: { createdAt: "desc", id: "desc" }, limit: limit + 1 }),
  );
  return page(
    rows.map((row) => keyView(row as ApiKeyRow, now)),
    limit,
    (key) => [key.createdAt, key.id],
  );
}

/**
 * What a gateway has to know, unless it does. The generation is a digest of it and no counter: a failover that lost a
 * change, a restore, a row that somebody changed by hand all make another one.
 */
export async function keyChanges(
  db: Database,
  since: string | undefined,
  now: Date,
): Promise<ActionResult<"access.changes">> {
  const oldest = new Date(now.getTime() - endedDays * dayMs);
  const where = { expiresAt: { $gt: oldest }, $or: [{ revokedAt: null }, { revokedAt: { $gt: oldest } }] };
  const { rows, ended } = await db.read(async (em) => ({
    rows: await em.find(ApiKeyRow, where, { fields: snapshotMembers, orderBy: { id: "asc" } }),
    ended: await endedSessions(em, now),
  }));
  const keys = rows.map(snapshotView);
  const generation = createHash("sha256")
    .update(JSON.stringify([keys, ended]))
    .digest("base64url");
  return generation === since ? { generation, keys: null } : { generation, keys, endedSessions: ended };
}

/** Notes when keys were used, each at most once in a minute, whoever tells it and how often. */
export async function noteUses(db: Database, { uses }: ActionParams<"access.used">): Promise<void> {
  await db.read(async (em) => {
    for (const { id, at } of uses) {
      const time = new Date(at);
      const before = new Date(time.getTime() - useEveryMs);
      await em.nativeUpdate(
        ApiKeyRow,
        { id, $or: [{ lastUsedAt: null }, { lastUsedAt: { $lte: before } }] },
        { lastUsedAt: time },
      );
    }
  });
}
