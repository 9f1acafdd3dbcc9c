/**
 * Promise: once an erasure is committed the users database holds nothing of the user but its id, its versions and times,
 * who changed which field when, and its addresses as keyed hashes until their terms are over. One transaction, with the
 * event by which others let go of theirs. What comes later, an old event or letter, is held against the erasure where it
 * is stored. Docs: docs/adr/0046-an-erasure-empties-rows.md.
 */
import { randomUUID } from "node:crypto";
import { poll } from "../../mixins/basics/poll.ts";
import { emptyLettersOfErased, lockLetters } from "../../mixins/bus/dead-letters.ts";
import { outboxRow, partitionOf } from "../../mixins/bus/outbox-row.ts";
import { type Database, type EntityManager, isContention } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { Refusal, Unavailable } from "../contracts/errors.ts";
import { noneOf, userFieldNames } from "../contracts/user.ts";
import { LostRace } from "./commit.ts";
import { refuseUnlessWhole } from "./domain-rules.ts";
import { ScimUserRow, UserRow } from "./entities.ts";
import * as erasure from "./erasure-sql.ts";
import { toErasedEvent, toNote } from "./events.ts";
import { stateOf } from "./queries.ts";
import { raised } from "./rules.ts";
import * as sql from "./sql.ts";
import { currentGeneration, type WriteContext, type WriteDeps } from "./write.ts";

const attemptsMax = 8;
/** For a row or a table that others write. */
const lockTimeout = "500ms";
/** Events of the user that are on their way leave within milliseconds, while the bus is there. */
const outboxWaitMs = 1_000;
const outboxLookMs = 20;

type Deps = Pick<WriteDeps, "db" | "freed" | "generation" | "now" | "nudge" | "log">;

/** What is left of an erased user. */
export interface ErasedUser {
  readonly id: string;
  readonly version: number;
  readonly createdAt: Date;
  readonly deletedAt: Date;
  readonly erasedAt: Date;
}

const rowOf = (db: Database, id: string): Promise<UserRow | null> =>
  db.read((em) => em.findOne(UserRow, { id: id.toLowerCase() }));

/** undefined: the user is not erased. */
export async function findErased(db: Database, id: string): Promise<ErasedUser | undefined> {
  const row = await rowOf(db, id);
  const { deletedAt, erasedAt } = row ?? {};
  return row === null || !deletedAt || !erasedAt ? undefined : { ...row, deletedAt, erasedAt };
}

/** Every event of the user has left, or Unavailable: what is told after the erasure would bring it all back. */
async function outboxIsEmpty(db: Database, id: string, maxMs: number): Promise<void> {
  const look = () => db.read((em) => run(em, erasure.eventsWaiting(id, partitionOf(id), null)));
  const waiting = await poll(look, (rows) => rows.length === 0, { everyMs: outboxLookMs, maxMs });
  if (waiting.length > 0) throw new Unavailable("outbox", "Events of the user are still on their way");
}

/** The row without anything of the person, and the event that says so. Throws LostRace. */
async function saveErased(
  em: EntityManager,
  { freed }: Pick<Deps, "freed">,
  before: number,
  user: ErasedUser,
  told: Date,
  { cause, ticket }: Pick<WriteContext, "cause" | "ticket">,
): Promise<string> {
  const nothing = Object.fromEntries(
    userFieldNames.map((name) => [name, noneOf(name) === undefined ? "" : noneOf(name)]),
  );
  const row = { ...nothing, ...user, searchText: "", updatedAt: told, before, gone: [], fresh: [] };
  const event = toErasedEvent(randomUUID(), user, told, cause);
  const events = [{ place: 0, ...outboxRow(event, toNote(event, cause, ticket)) }];
  const written = await run(em, sql.saveWrites({ lockTimeout, writes: [row], freed: freed(), events }));
  if (written.length === 0)
    throw new LostRace("Cannot erase the user: its version is no longer the one that was read");
  return event.id;
}

/** All or nothing; the order of the locks is that of a write: keys, the user, then what hangs on it. */
async function eraseAll(
  deps: Deps,
  { before, user, reason }: { before: number; user: ErasedUser; reason: string },
  context: WriteContext,
): Promise<void> {
  const { id, deletedAt, erasedAt: at } = user;
  const { cause, ticket, budget } = context;
  await deps.db.transaction(async (em) => {
    await run(em, sql.limitLockWaits(lockTimeout));
    await ticket.remember(em, null);
    const eventId = await saveErased(em, deps, before, user, at, context);
    const waiting = await run(em, erasure.eventsWaiting(id, partitionOf(id), eventId));
    if (waiting.length > 0) throw new Unavailable("outbox", "Events of the user are still on their way");
    await run(em, erasure.hideKeys(id, deletedAt));
    await run(em, erasure.noteErasure({ userId: id, at, by: cause.actor, reason }));
    await run(em, erasure.emptyAudit(id));
    await em.nativeDelete(ScimUserRow, { userId: id });
    await run(em, erasure.lockMembers);
    await run(em, erasure.leaveGroups(id));
    await run(em, erasure.forgetAnswers(id));
    await run(em, lockLetters);
    await emptyLettersOfErased(em, id);
    budget.check();
  });
}

/** Until it is committed or refused. */
async function persistently<T>(deps: Deps, context: WriteContext, attempt: () => Promise<T>): Promise<T> {
  for (let tries = 1; tries <= attemptsMax; tries += 1) {
    context.budget.check();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof LostRace || isContention(error))) throw error;
      deps.generation.forget();
    }
  }
  throw new Unavailable("users", `The write lost against others ${attemptsMax} times`);
}

/** Twice is once. Throws Refusal `not-found`, `not-deleted`, or Unavailable, also while events of the user wait. */
export function eraseUser(
  deps: Deps,
  params: { readonly id: string; readonly reason: string },
  context: WriteContext,
): Promise<null> {
  const { db, now, nudge, log } = deps;
  const { ticket, budget } = context;
  return persistently(deps, context, async () => {
    const row = await rowOf(db, params.id);
    if (row === null) throw new Refusal("not-found", "Cannot find the user: there is none with this id");
    const { id, createdAt, deletedAt } = row;
    if (row.erasedAt) {
      refuseUnlessWhole(context.asker, undefined);
      await db.transaction((em) => ticket.remember(em, null));
      return null;
    }
    refuseUnlessWhole(context.asker, stateOf(row));
    if (!deletedAt) throw new Refusal("not-deleted", "Cannot erase the user: it is not deleted");
    await outboxIsEmpty(db, id, Math.min(outboxWaitMs, budget.leftMs()));
    const version = raised(row.version + 1, await currentGeneration(deps));
    const erasedAt = new Date(Math.max(now().getTime(), row.updatedAt.getTime()));
    const user = { id, version, createdAt, deletedAt, erasedAt };
    await eraseAll(deps, { before: row.version, user, reason: params.reason }, context);
    nudge();
    log.info({ eventType: "user.erased.v1", userId: id, version, by: context.cause.actor }, "user erased");
    return null;
  });
}

/** As for a user with a state (reemit.ts): the erasure under a newer version. Throws Unavailable. */
export function tellErasureAgain(
  deps: Deps,
  erased: ErasedUser,
  above: number,
  context: WriteContext,
): Promise<{ version: number }> {
  return persistently(deps, context, async () => {
    const user = (await findErased(deps.db, erased.id)) ?? erased;
    const current = await currentGeneration(deps);
    const version = raised(Math.max(user.version, above) + 1, current);
    const told = new Date(Math.max(deps.now().getTime(), user.erasedAt.getTime()));
    await deps.db.transaction(async (em) => {
      await context.ticket.remember(em, { version });
      await saveErased(em, deps, user.version, { ...user, version }, told, context);
    });
    deps.nudge();
    return { version };
  });
}
