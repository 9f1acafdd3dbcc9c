/**
 * Promise: the registry follows users' events to the same state whatever their order and however often they come.
 *
 * An event takes effect only when its version is newer than the user's watermark, in the same transaction; because it
 * carries the whole state, what was skipped is not missed. The history takes every event, late ones too. A batch is
 * one transaction: when it throws nothing of it has happened. An erasure is final: of its user nothing else takes effect
 * any more, whatever its version.
 */

import { type Applied, UnacceptableEvent } from "../../mixins/bus/event-consumer.ts";
import type { EntityManager } from "../../mixins/postgres/database.ts";
import { run, runInTurn } from "../../mixins/postgres/statement.ts";
import {
  isErasure,
  isUserEvent,
  type UserErased,
  type UserEvent,
  type UserFact,
  versionJumpMax,
} from "../contracts/events.ts";
import { firstVersionOf, generationOf } from "../contracts/generation.ts";
import { freedBefore, type Terms } from "../contracts/terms.ts";
import { eraseAddresses, markErased } from "./erasure-sql.ts";
import { heldAfter, isToldAgain, ledgerEntries } from "./history.ts";
import * as sql from "./projection-sql.ts";

export interface ProjectionRules {
  readonly terms: Terms;
  readonly now: () => Date;
}

/** Named, because the name is what a dead letter tells of it. */
class AddressHeld extends Error {
  override name = "AddressHeldByAnotherUser";
}

const versionOf = (event: UserEvent): number => event.data.user.version;

/** What each event of the batch is, given the watermarks before it. Pure. */
export function judge(events: readonly UserEvent[], marks: ReadonlyMap<string, number>): Applied[] {
  const running = new Map(marks);
  return events.map((event) => {
    const mark = running.get(event.subject) ?? 0;
    const version = versionOf(event);
    if (version > mark) running.set(event.subject, version);
    return version > mark ? "processed" : version === mark ? "duplicate" : "stale";
  });
}

/** An installation whose registry was restored may be some generations ahead of what it remembers to have given. */
const generationsAheadMax = 100;

/**
 * Whether users can have come to this version: by some changes from the last one that was heard of, or to the beginning
 * of a generation that was given. A version can't be taken back, so one that is believed for no reason uses up a user's. Pure.
 */
export function isReachable(version: number, mark: number | null, given: number): boolean {
  const generation = generationOf(version);
  if (mark !== null && version <= mark + versionJumpMax) return true;
  if (generation > given + generationsAheadMax) return false;
  // Nothing is known of the user: it may have been changed ever so often.
  if (mark === null) return true;
  return generation > generationOf(mark) && version <= firstVersionOf(generation) + versionJumpMax;
}

const unreachable = () =>
  new UnacceptableEvent("version-jump", "the version is too far ahead of the last one that was heard of");

/** The newest event of each user. Pure. */
export function newestOf(events: readonly UserEvent[]): Map<string, UserEvent> {
  const newest = new Map<string, UserEvent>();
  for (const event of events) {
    const latest = newest.get(event.subject);
    if (latest === undefined || versionOf(event) > versionOf(latest)) newest.set(event.subject, event);
  }
  return newest;
}

/** The rows a user has after an event. A tombstone whose terms are over is nobody's any more, so it makes none. */
const stateRows = (event: UserEvent, freed: Date) =>
  [...heldAfter(event).values()]
    .filter(({ state }) => state === "active" || new Date(event.data.user.deletedAt ?? 0) > freed)
    .map(({ key, address, kind, state }) => ({
      key,
      address,
      user_id: event.subject,
      kind,
      status: state,
      deleted_at: event.data.user.deletedAt,
      generation: generationOf(versionOf(event)),
    }));

/**
 * One result for each event, in order; in a transaction of the caller's. Rejects with nothing done: when an address is
 * another user's, or when the transaction lost against another one (the consumer then repeats it).
 */
export async function apply(
  em: EntityManager,
  rules: ProjectionRules,
  facts: readonly UserFact[],
): Promise<Applied[]> {
  const events = facts.filter(isUserEvent);
  // The states first, of whatever version: what an erasure takes away has to be there.
  const ofStates = events.length === 0 ? [] : [...(await applyStates(em, rules, events))];
  const ofErasures: Applied[] = [];
  for (const erasure of facts.filter(isErasure)) ofErasures.push(await erase(em, rules, erasure));
  return facts.map((fact) => (isErasure(fact) ? ofErasures : ofStates).shift() ?? "processed");
}

async function erase(em: EntityManager, rules: ProjectionRules, event: UserErased): Promise<Applied> {
  const now = rules.now();
  const { subject: userId, sequence: version, id: eventId } = event;
  const [mark] = await run(em, markErased({ userId, version, eventId, now }));
  if (mark !== undefined && !isReachable(version, mark.before, mark.given)) throw unreachable();
  const before = mark?.before ?? 0;
  if (before >= version) return before === version ? "duplicate" : "stale";
  const freed = freedBefore(now, rules.terms);
  await run(em, eraseAddresses(userId, new Date(event.data.deletedAt), freed));
  return "processed";
}

async function applyStates(
  em: EntityManager,
  rules: ProjectionRules,
  events: readonly UserEvent[],
): Promise<Applied[]> {
  const now = rules.now();
  const freed = freedBefore(now, rules.terms);
  const newest = [...newestOf(events).values()];
  const versions = newest.map((event) => ({
    user_id: event.subject,
    version: versionOf(event),
    event_id: event.id,
    // An event of before there was such a thing says nothing of it.
    active: event.data.user.active ?? true,
  }));
  const state = newest.flatMap((event) => stateRows(event, freed));
  const entries = events
    .flatMap(ledgerEntries)
    .map(({ userId, ...entry }) => ({ user_id: userId, ...entry }));
  const [marks, [projected]] = await runInTurn(em, [
    sql.advanceWatermarks(versions, now),
    sql.project({ state, entries, freed }),
  ]);
  const reached = new Map(newest.map((event) => [event.subject.toLowerCase(), versionOf(event)]));
  if (marks.some(({ userId, version, given }) => !isReachable(reached.get(userId) ?? 0, version, given)))
    throw unreachable();
  if (projected?.foreignCount !== 0)
    throw new AddressHeld(
      `Cannot apply events: ${projected?.foreignCount} addresses are held by another user`,
    );
  const dropped = new Set(projected.dropped);
  const erased = new Set(
    marks.flatMap(({ userId, version }) => (version === sql.erasedMark ? [userId] : [])),
  );
  const told = events
    .filter((event) => isToldAgain(event) && !dropped.has(event.subject) && !erased.has(event.subject))
    .map((event) => ({
      user_id: event.subject,
      version: versionOf(event),
      at: event.time,
      keys: [...heldAfter(event).keys()],
    }));
  if (told.length > 0) await run(em, sql.closeHistory(told));
  const before = marks.flatMap(({ userId, version }) =>
    version === null ? [] : [[userId, version] as const],
  );
  // What was dropped is as late as an older version.
  return judge(events, new Map(before)).map((applied, index) =>
    applied === "processed" && dropped.has(events[index]?.subject ?? "") ? "stale" : applied,
  );
}
