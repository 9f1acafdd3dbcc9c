/**
 * The list of users, living ones alone, in the order of their ids. Whoever is limited to domains is told of those who have
 * an address there.
 *
 * Promise: without a filter a page costs about the same wherever it is, and its total is 2 s old at most. What identity
 * providers look up is found by indexes (candidates.ts). Every other filter is held against everybody, a few questions at a
 * time over connections of their own for `evaluationMsMax` each, then `tooMany`; who waits with the same question as somebody
 * else shares the answer, which is of after both have asked.
 */
import { fewAtOnce } from "../../mixins/few-at-once.ts";
import { type Database, isStatementTimeout } from "../../mixins/postgres/database.ts";
import { run, type Statement } from "../../mixins/postgres/statement.ts";
import { Refusal } from "../contracts/errors.ts";
import { scimRefusal } from "../contracts/scim.ts";
import { candidatesOf } from "./candidates.ts";
import { fits } from "./evaluate.ts";
import { type Filter, parseFilter } from "./filter.ts";
import * as sql from "./list-sql.ts";
import type { PageQuery, ResourceList } from "./paging.ts";
import { type Domains, placesKept } from "./places.ts";
import { projected } from "./projection.ts";
import { knownOf, scimResourceOf } from "./read.ts";
import { userType } from "./schemas.ts";
import type { UserRow } from "./sql.ts";
import type { Members } from "./values.ts";

export const listLimits = {
  /** With the wait within the gateway's 1.8 s (http/limits.ts): what is answered too late is asked again, and looked for again. */
  evaluationMsMax: 1_200,
  /** In one statement, and between two turns of everything else in the process. */
  rowsMax: 500,
  atOnceMax: 2,
  waitMsMax: 400,
  waitingMax: 20,
  statementTimeoutMs: 1_000,
  /** So many users at the most are counted off for a page. */
  markEvery: 2_000,
} as const;

interface ListDeps {
  readonly db: Database;
  /** For what looks at everybody: `atOnceMax` connections, and one for counting. */
  readonly walks: Database;
  readonly nowMs: () => number;
  readonly limits?: Readonly<Record<keyof typeof listLimits, number>>;
}

export interface ListAsker {
  /** By whose name an externalId is kept. */
  readonly client: string;
  readonly domains: Domains;
}

interface Question extends ListAsker, Pick<PageQuery, "startIndex" | "count" | "baseUrl"> {}

interface Evaluation {
  /** As it was written. */
  readonly text: string;
  readonly filter: Filter;
  readonly question: Question;
}

/** Whole resources. */
interface Slice {
  readonly totalResults: number;
  readonly resources: readonly Members[];
}

const tooSlow = (why: string): Refusal => new Refusal("search-too-slow", `Cannot search: ${why}`);

export function userLists({
  db,
  walks,
  nowMs,
  limits = listLimits,
}: ListDeps): (asker: ListAsker) => ResourceList {
  const inTurn = fewAtOnce(limits, tooSlow);
  /** Those that have not begun. */
  const waiting = new Map<string, Promise<Slice>>();
  const placesOf = placesKept(async (domains) => {
    const [row] = await inTime(() => walks.read((em) => run(em, sql.countPlaces(domains, limits.markEvery))));
    return { total: row?.total ?? 0, marks: row?.marks ?? [] };
  }, nowMs);

  /** Of the rows of a walk all that fit are counted, and those of the page kept. */
  function collector({ filter, question }: Evaluation) {
    const { startIndex, count } = question;
    const resources: Members[] = [];
    let totalResults = 0;
    return {
      add(rows: readonly UserRow[]): void {
        for (const row of rows) {
          const resource = scimResourceOf(knownOf(row), question);
          if (!fits(filter, resource)) continue;
          totalResults += 1;
          if (totalResults >= startIndex && resources.length < count) resources.push(resource);
        }
      },
      slice: (): Slice => ({ totalResults, resources }),
    };
  }

  async function walk(
    evaluation: Evaluation,
    pageBehind: (after: string) => Statement<UserRow>,
  ): Promise<Slice> {
    const { add, slice } = collector(evaluation);
    const endMs = nowMs() + limits.evaluationMsMax;
    let after = sql.beforeEveryId;
    for (;;) {
      const rows = await walks.read((em) => run(em, pageBehind(after)));
      add(rows);
      const last = rows.at(-1);
      if (last === undefined || rows.length < limits.rowsMax) return slice();
      after = last.id;
      if (nowMs() >= endMs)
        throw scimRefusal(
          "tooMany",
          "Cannot tell who fits the filter: there are too many users to look at; ask for userName, externalId, emails or id by eq",
        );
    }
  }

  /** Undefined: the indexes find more of them than one page. */
  async function few(evaluation: Evaluation, firstPage: Statement<UserRow>): Promise<Slice | undefined> {
    const rows = await db.read((em) => run(em, firstPage));
    if (rows.length >= limits.rowsMax) return undefined;
    const { add, slice } = collector(evaluation);
    add(rows);
    return slice();
  }

  /** Together with whoever waits with the same question. */
  function shared({ text, question }: Evaluation, work: () => Promise<Slice>): Promise<Slice> {
    const key = JSON.stringify([text, question]);
    const there = waiting.get(key);
    if (there !== undefined) return there;
    const end = (): void => {
      if (waiting.get(key) === slice) waiting.delete(key);
    };
    const slice = inTime(() =>
      inTurn(() => {
        end();
        return work();
      }),
    ).finally(end);
    waiting.set(key, slice);
    return slice;
  }

  async function filtered(evaluation: Evaluation): Promise<Slice> {
    const among = candidatesOf(evaluation.filter);
    const { client, domains } = evaluation.question;
    const query = { limit: limits.rowsMax, domains };
    const pageBehind = (after: string): Statement<UserRow> =>
      among === undefined
        ? sql.usersBehind({ ...query, after })
        : sql.candidatesBehind({ ...query, after, among, client });
    const slice = among && (await few(evaluation, pageBehind(sql.beforeEveryId)));
    return slice ?? shared(evaluation, () => walk(evaluation, pageBehind));
  }

  /** Where to begin to count off. */
  async function beginning(offset: number, domains: Domains): Promise<{ after: string; offset: number }> {
    if (offset < limits.markEvery) return { after: sql.beforeEveryId, offset };
    const { marks } = await placesOf(domains);
    const place = Math.min(Math.floor(offset / limits.markEvery), marks.length);
    return { after: marks[place - 1] ?? sql.beforeEveryId, offset: offset - place * limits.markEvery };
  }

  async function everybody(question: Question): Promise<Slice> {
    const { startIndex, count, domains } = question;
    const offset = startIndex - 1;
    const page = { ...(await beginning(offset, domains)), limit: count, domains };
    const rows = count === 0 ? [] : await db.read((em) => run(em, sql.usersBehind(page)));
    const resources = rows.map((row) => scimResourceOf(knownOf(row), question));
    const seen = offset + rows.length;
    // The last page says how many there are.
    if (rows.length < count && (rows.length > 0 || offset === 0)) return { totalResults: seen, resources };
    const { total } = await placesOf(domains);
    return { totalResults: rows.length === 0 ? total : Math.max(total, seen), resources };
  }

  return (asker) => async (query) => {
    const { startIndex, count, baseUrl } = query;
    const question = { ...asker, startIndex, count, baseUrl };
    const text = query.filter;
    const { totalResults, resources } = await (text === undefined
      ? everybody(question)
      : filtered({ text, filter: parseFilter(userType, text), question }));
    return { totalResults, resources: resources.map((each) => projected(userType, each, query)) };
  };
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isStatementTimeout(error) ? tooSlow("among so many users it takes too long") : error;
  }
}
