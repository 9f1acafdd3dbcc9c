/**
 * Promise: every taken address of a request gets its first free suffix, or the request is told that one fits none; the
 * cost is that of one address, however many there are. Nothing is held, and no number used up, unless all get one.
 */
import type { EntityManager } from "../../mixins/postgres/database.ts";
import { run } from "../../mixins/postgres/statement.ts";
import type { AddressStatus } from "../contracts/user.ts";
import type { Run, Wanted } from "./reserve-request.ts";
import { counterKey, firstSuffix, type Suffixes, suffixesOf } from "./suffix-rule.ts";
import * as sql from "./suffix-sql.ts";

/** Nearly always the first number is free; else there is a gap to be crossed fast. */
const spanFirst = 16;
const spanGrowth = 16;
/** Of all addresses that look on, in one statement: some 100 ms of the registry's database, on a busy machine 400. */
const spansMax = 32_768;

/**
 * How many numbers are looked at next; undefined: they would be seen too late for whoever waits. A look takes as long as
 * the last one did by its numbers, so that a slow database is asked for fewer, and the answer is a refusal in time: what
 * is late counts as an outage of the registry, and the next who asks goes on where this one ended.
 */
export function nextSpan(span: number, tookMs: number, leftMs: number, spanMax: number): number | undefined {
  const growth = Math.min(spanGrowth, Math.floor(leftMs / Math.max(tookMs, 1)));
  return growth < 1 ? undefined : Math.min(span * growth, spanMax);
}

export interface TakenAddress {
  readonly wanted: Wanted;
  readonly reason: AddressStatus;
  /** Who has it; null: nobody, or the registry does not know yet. */
  readonly userId: string | null;
}

export interface Suffixed {
  readonly address: string;
  readonly key: string;
  readonly reason: AddressStatus;
}

/** Why an address gets no suffix. */
export type NoSuffix = "fits" | "was found in time";

export type Suffixing =
  | { readonly assigned: ReadonlyMap<string, Suffixed> }
  | { readonly without: ReadonlyMap<Wanted, NoSuffix> };

/** Where one address looks for its number. */
interface Search extends TakenAddress {
  readonly suffixes: Suffixes;
  readonly last: number;
  readonly baseKey: string;
  readonly rank: number;
  /** undefined: at its counter. */
  begin: number | undefined;
  /** The counter had passed some numbers, so these are looked at, too, before there is none. */
  isSecond: boolean;
  span: number;
}

function searchesFor(current: Run, taken: readonly TakenAddress[]): Search[] {
  const ranks = new Map<string, number>();
  return taken.map(({ wanted, reason, userId }) => {
    const suffixes = suffixesOf(wanted.address, current.rules.blocked);
    const baseKey = counterKey(wanted.key);
    const rank = ranks.get(baseKey) ?? 0;
    ranks.set(baseKey, rank + 1);
    const last = suffixes.ranges.at(-1)?.last ?? 0;
    return {
      wanted,
      reason,
      userId,
      suffixes,
      last,
      baseKey,
      rank,
      begin: undefined,
      isSecond: false,
      span: spanFirst,
    };
  });
}

const look = (
  em: EntityManager,
  { request: { reservationId, userId }, now, freed, expiresAt }: Run,
  searches: readonly Search[],
  avoid: readonly string[],
) => {
  const wanted = searches.map((search, place) => ({
    place,
    key: search.wanted.key,
    kind: search.wanted.kind,
    reason: search.reason,
    base_key: search.baseKey,
    begin: search.begin ?? null,
    span: search.span,
    rank: search.rank,
    domain: search.suffixes.domain,
    key_domain: search.suffixes.keyDomain,
    last: search.last,
    ranges: search.suffixes.ranges,
  }));
  return run(em, sql.insertSuffixed({ reservationId, userId, wanted, now, freed, expiresAt }, avoid));
};

/** Goes on behind what was looked at. False: there is nothing left to look at. */
function goOn(search: Search, start: number): boolean {
  const end = start + search.span;
  if (end <= search.last) {
    // The counter has moved on by itself, unless it is another's or of no matter.
    if (search.begin !== undefined) search.begin = end;
    else if (search.rank > 0) search.begin = start;
    return true;
  }
  if (search.isSecond || (search.begin ?? start) <= firstSuffix) return false;
  search.isSecond = true;
  search.begin = firstSuffix;
  search.span = spanFirst;
  return true;
}

/**
 * `avoid`: every key that the request has or wants. undefined: it lost a row to another request, which has to be run
 * again. It looks as long as the request has time.
 */
export async function reserveSuffixed(
  em: EntityManager,
  current: Run,
  taken: readonly TakenAddress[],
  avoid: ReadonlySet<string>,
): Promise<Suffixing | undefined> {
  const searches = searchesFor(current, taken);
  const none = searches.filter(({ last }) => last === 0);
  const without = new Map<Wanted, NoSuffix>(none.map(({ wanted }) => [wanted, "fits"]));
  while (without.size === 0) {
    const began = performance.now();
    const rows = await look(em, current, searches, [...avoid]);
    if (rows.length < searches.length) return undefined;
    const open = rows.filter(({ suffix }) => suffix === null);
    if (open.length === 0) return assignedIn(searches, rows);
    const seenAt = performance.now();
    const spanMax = Math.floor(spansMax / open.length);
    for (const { place, start } of open) {
      const search = searches[place];
      if (search === undefined) continue;
      const hasMore = goOn(search, start);
      const span = nextSpan(search.span, seenAt - began, current.giveUpAt - seenAt, spanMax);
      if (span !== undefined) search.span = span;
      if (!hasMore || span === undefined) without.set(search.wanted, hasMore ? "was found in time" : "fits");
    }
  }
  return { without };
}

function assignedIn(searches: readonly Search[], rows: readonly sql.SeenRow[]): Suffixing | undefined {
  const assigned = new Map<string, Suffixed>();
  for (const { place, key, address, got } of rows) {
    const search = searches[place];
    if (!got || search === undefined || key === null || address === null) return undefined;
    assigned.set(search.wanted.key, { key, address, reason: search.reason });
  }
  return { assigned };
}
