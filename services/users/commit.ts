/**
 * Promise: what was decided is committed as one unit of work (the user, the guard of its addresses, the event, the
 * answer kept for an idempotency key) or not at all.
 */
import { randomUUID } from "node:crypto";
import type { Database, EntityManager } from "../../mixins/database.ts";
import type { Ticket } from "../../mixins/idempotency.ts";
import { appendToOutbox } from "../../mixins/outbox.ts";
import { addressKey } from "../contracts/address.ts";
import { Unavailable } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import type { Budget } from "./budget.ts";
import { AddressKey, UserRow } from "./entities.ts";
import { type Cause, toNote, toUserEvent } from "./events.ts";
import { searchTextOf } from "./queries.ts";
import { addressesOf, type Decision } from "./rules.ts";

/** Another write of the same user was committed after this one had read it. */
export class LostRace extends Error {
  override name = "LostRace";
}

/** The connection was lost while the commit was on its way: it may have been carried out. */
export class UnknownOutcome extends Unavailable {}

export interface Work {
  /** As it was read; undefined on a create. */
  readonly before: UserState | undefined;
  readonly decision: Extract<Decision, { kind: "changed" }>;
  /** The answer to keep for a repeat of the request. */
  readonly answer: unknown;
  readonly ticket: Ticket;
  readonly cause: Cause;
  readonly budget: Budget;
}

/** Throws LostRace, UnknownOutcome, Unavailable, or the unique violation of an address that is taken. */
export async function commit(db: Database, work: Work): Promise<void> {
  let committing = false;
  try {
    await db.transaction(async (em) => {
      await work.ticket.remember(em, work.answer);
      await saveUser(em, work.before, work.decision.state);
      // After the user's row lock. The version guard alone already puts outbox ids into the order of versions (version n
      // is only decided on a committed n - 1); the lock first keeps it so for a write path without a guard.
      const { type, state, changes } = work.decision;
      const event = toUserEvent(randomUUID(), type, state, changes, work.cause);
      appendToOutbox(em, event, toNote(event, work.cause, work.ticket));
      await em.flush();
      work.budget.check();
      committing = true;
    });
  } catch (error) {
    if (!committing || !(error instanceof Unavailable)) throw error;
    throw new UnknownOutcome(error.data.dependency, error.message, { cause: error });
  }
}

async function saveUser(em: EntityManager, before: UserState | undefined, after: UserState): Promise<void> {
  const content = {
    displayName: after.displayName,
    primarySmtp: after.primarySmtp,
    secondarySmtps: [...after.secondarySmtps],
    searchText: searchTextOf(after),
    version: after.version,
    updatedAt: new Date(after.updatedAt),
    deletedAt: after.deletedAt === null ? null : new Date(after.deletedAt),
  };
  if (before === undefined) {
    em.create(UserRow, { id: after.id, createdAt: new Date(after.createdAt), ...content });
    await em.flush();
  } else {
    const written = await em.nativeUpdate(UserRow, { id: after.id, version: before.version }, content);
    if (written !== 1) throw new LostRace(`Cannot save the user: its version is no longer ${before.version}`);
  }
  await saveKeys(em, after.id, guardedKeys(before), guardedKeys(after));
}

/** The keys that a user holds for itself: none once it is deleted (the registry keeps its tombstones). */
export const guardedKeys = (user: UserState | undefined): Set<string> =>
  new Set(
    user === undefined || user.deletedAt !== null
      ? []
      : addressesOf(user).map(({ address }) => addressKey(address)),
  );

async function saveKeys(
  em: EntityManager,
  userId: string,
  held: Set<string>,
  wanted: Set<string>,
): Promise<void> {
  const gone = [...held].filter((key) => !wanted.has(key));
  if (gone.length > 0) await em.nativeDelete(AddressKey, { key: { $in: gone }, userId });
  // In one order for everybody: two writes that want the same addresses wait for each other, not in a circle.
  const fresh = [...wanted].filter((key) => !held.has(key)).sort();
  if (fresh.length > 0)
    await em.insertMany(
      AddressKey,
      fresh.map((key) => ({ key, userId })),
    );
}

/** Those of the keys that another living user holds. */
export async function keysHeldByOthers(db: Database, keys: Set<string>, userId: string): Promise<string[]> {
  const rows = await db.read((em) =>
    em.find(AddressKey, { key: { $in: [...keys] }, userId: { $ne: userId } }),
  );
  return rows.map(({ key }) => key);
}
