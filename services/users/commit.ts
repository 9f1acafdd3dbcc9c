/**
 * Promise: what was decided is committed as one unit of work (the user, the guard of its addresses, the event, the
 * answer kept for an idempotency key) or not at all.
 *
 * Writes of different users that are ready at the same time share one transaction: its cost is the commit's wait for
 * the disk and the round trips, not the rows. Each keeps its own outcome: when anything fails before the commit, all of
 * it is undone and each is committed alone, so that one that can't succeed costs its neighbours a moment and nothing
 * else; nor do they wait for a row that one of them finds locked. A write that comes while nothing is under way is
 * committed at once. No commit is begun after the caller of its write has given up on it.
 */
import { randomUUID } from "node:crypto";
import { outboxRow } from "../../mixins/bus/outbox-row.ts";
import { coalescer, type Outcome } from "../../mixins/coalescing.ts";
import type { Ticket } from "../../mixins/idempotency.ts";
import { keepAnswers } from "../../mixins/idempotency.ts";
import { currentLatenessMs } from "../../mixins/moleculer/lateness.ts";
import { type Database, type EntityManager, isContention } from "../../mixins/postgres/database.ts";
import { run, runInTurn } from "../../mixins/postgres/statement.ts";
import { addressKey } from "../contracts/address.ts";
import { Unavailable } from "../contracts/errors.ts";
import type { UserState } from "../contracts/events.ts";
import { userNameKey } from "../contracts/user.ts";
import { AddressKey } from "./entities.ts";
import { erasedAmong } from "./erasure-sql.ts";
import { type Cause, toNote, toUserEvent } from "./events.ts";
import { searchTextOf } from "./queries.ts";
import { type Decision, heldOf } from "./rules.ts";
import * as sql from "./sql.ts";

/** In one transaction; with one at a time twice as many share it as with two. */
const together = { itemsMax: 64 };
/** How long those who share a transaction wait for a row that somebody else has locked. */
const briefly = "50ms";

/**
 * From a write's arrival, before its key is looked up, to the begin of its commit. The gateway answers 503 after
 * 1,800 ms; the difference is for the commit itself and the way there and back.
 */
export const writeBudgetMs = 1_550;

export interface Budget {
  leftMs(): number;
  /** Throws Unavailable once nothing is left. */
  check(): void;
}

/**
 * Measured on the monotonic clock: a corrected wall clock neither ends nor prolongs a write. What the request spent on
 * its way is gone already.
 */
export function writeBudget(totalMs = writeBudgetMs): Budget {
  const end = performance.now() + totalMs - currentLatenessMs();
  const leftMs = () => end - performance.now();
  return {
    leftMs,
    check() {
      if (leftMs() <= 0) throw new Unavailable("users", "The write could not be done in time");
    },
  };
}

/** Another write of the same user was committed after this one had read it. */
export class LostRace extends Error {
  override name = "LostRace";
}

/** A key of the write is another user's, or still protected as what another user had. */
export class KeyTaken extends Error {
  override name = "KeyTaken";
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
  /** What is kept of what an identity provider said (provision.ts). */
  readonly document?: sql.ScimWrite | undefined;
}

/** Rejects with LostRace, KeyTaken, AnsweredElsewhere, UnknownOutcome or Unavailable, or as the database does. */
export type Commit = (work: Work) => Promise<void>;

export interface CommitDeps {
  readonly db: Database;
  /** Addresses of users that were deleted up to then are free. */
  readonly freed: () => Date;
}

/** For one process of users. */
export function committer(deps: CommitDeps): Commit {
  const commitShared = coalescer((works: readonly Work[]) => shared(deps, works), together);
  return async (work) => {
    if (await commitShared(work)) return;
    work.budget.check();
    await transact(deps, [work], "patient");
  };
}

/**
 * Whether each is committed; one that is not may still succeed alone, where nobody waits behind it. Whose caller has
 * given up in the meantime has no part in it: it would undo the work of all others.
 */
async function shared(deps: CommitDeps, works: readonly Work[]): Promise<readonly Outcome<boolean>[]> {
  const due = works.filter(({ budget }) => budget.leftMs() > 0);
  const isCommitted = due.length > 0 && (await committedTogether(deps, due));
  return works.map((work) => ({ value: isCommitted && due.includes(work) }));
}

async function committedTogether(deps: CommitDeps, works: readonly Work[]): Promise<boolean> {
  const users = new Set(works.map(({ decision }) => decision.state.id));
  if (users.size < works.length) return false;
  try {
    await transact(deps, works, "brief");
    return true;
  } catch (error) {
    const isOwn = works.length === 1 && !isContention(error);
    if (isOwn || error instanceof UnknownOutcome) throw error;
    return false;
  }
}

/** `brief` gives up at the first row that another transaction has locked. */
async function transact(
  { db, freed }: CommitDeps,
  works: readonly Work[],
  patience: "brief" | "patient",
): Promise<void> {
  const lockTimeout = patience === "brief" ? briefly : "0";
  let decided = false;
  try {
    await db.transaction(async (em) => {
      const answers = works.map(({ ticket, answer }) => ticket.kept(answer));
      await keepAnswers(em, answers, [sql.limitLockWaits(lockTimeout)]);
      await save(em, works, lockTimeout, freed());
      for (const { budget } of works) budget.check();
      decided = true;
    });
  } catch (error) {
    if (!decided || !(error instanceof Unavailable)) throw error;
    throw new UnknownOutcome(error.data.dependency, error.message, { cause: error });
  }
}

async function save(
  em: EntityManager,
  works: readonly Work[],
  lockTimeout: string,
  freed: Date,
): Promise<void> {
  const writes = works.map((work) => userRowOf(work, freed));
  const events = works.flatMap(eventRowsOf).map((row, place) => ({ place, ...row }));
  const documents = works.flatMap(({ document }) => document ?? []);
  const saving = sql.saveWrites({ lockTimeout, writes, freed, events });
  // What was said is kept of users as they are by then, so nobody need wait in between.
  const [rows, kept] =
    documents.length === 0
      ? [await run(em, saving), []]
      : await runInTurn(em, [saving, sql.saveDocuments(documents)]);
  if (rows.length < works.length)
    throw new LostRace("Cannot save the user: its version is no longer the one that was read");
  const keysCount = writes.reduce((sum, { fresh }) => sum + fresh.length, 0);
  if ((rows[0]?.keys ?? 0) < keysCount) throw new KeyTaken("Cannot save the user: another has its addresses");
  requireKept(kept, documents);
}

function requireKept(kept: readonly unknown[], documents: readonly unknown[]): void {
  if (kept.length < documents.length)
    throw new LostRace("Cannot keep what was said of the user: it is no longer as it was read");
}

/** Of a write that changes nothing of the user. Rejects with LostRace. */
export function keepAlone(
  { db }: Pick<CommitDeps, "db">,
  { ticket, answer, document, budget }: Pick<Work, "ticket" | "answer" | "document" | "budget">,
): Promise<void> {
  return db.transaction(async (em) => {
    await ticket.remember(em, answer);
    if (document !== undefined) requireKept(await run(em, sql.saveDocuments([document])), [document]);
    budget.check();
  });
}

function userRowOf({ before, decision: { state } }: Work, freed: Date) {
  const [held, wanted] = [keysOf(before), keysOf(state)];
  // A released orphan, which has never held one here (orphans.ts).
  const claimsNone = before === undefined && state.deletedAt !== null && new Date(state.deletedAt) <= freed;
  const isSameLife = before?.deletedAt === state.deletedAt;
  return {
    ...state,
    before: before?.version ?? null,
    searchText: searchTextOf(state),
    userNameKey: state.userName == null ? null : userNameKey(state.userName),
    gone: [...held].filter((key) => !wanted.has(key)),
    // A deletion marks all of them, a restore takes all of them back.
    fresh: claimsNone ? [] : [...wanted].filter((key) => !isSameLife || !held.has(key)),
  };
}

function eventRowsOf({ decision: { type, state, changes, assignments }, ticket, cause }: Work) {
  const event = toUserEvent(randomUUID(), type, state, changes, cause, assignments);
  return [outboxRow(event, toNote(event, cause, ticket))];
}

const keysOf = (user: UserState | undefined): Set<string> =>
  new Set(user === undefined ? [] : heldOf(user).map(({ address }) => addressKey(address)));

/** `userId`: null once that user was erased. */
export type TakenKey = Pick<AddressKey, "key" | "deletedAt"> & { readonly userId: string | null };

/** Those of a user's keys that are another's, or still protected as what another had. */
export function keysHeldByOthers({ db, freed }: CommitDeps, user: UserState): Promise<TakenKey[]> {
  const isHeld = { $or: [{ deletedAt: null }, { deletedAt: { $gt: freed() } }] };
  const keys = [...keysOf(user)];
  return db.read(async (em) => [
    ...(await em.find(AddressKey, { key: { $in: keys }, userId: { $ne: user.id }, ...isHeld })),
    ...(await run(em, erasedAmong(keys, freed()))),
  ]);
}
