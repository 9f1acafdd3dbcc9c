/** The statements of the lists; the conventions are those of sql.ts. */
import { sql } from "kysely";
import type { Statement } from "../../mixins/postgres/statement.ts";
import { type StateRow, stateColumns } from "./sql.ts";

/** Comes before every id of ours: the first page. */
export const beforeAll = "00000000-0000-0000-0000-000000000000";

export interface ListFilter {
  /** undefined: the living alone. */
  readonly deleted?: "only" | "include" | undefined;
  /** Of the address whose owner is looked for. */
  readonly key?: string | undefined;
  readonly externalId?: string | undefined;
  /** The user must have an address in it; in A-labels. */
  readonly domain?: string | undefined;
  /** One of them must be in the text. */
  readonly patterns: readonly string[];
  /** The user must have an address in one of them; undefined: anywhere. */
  readonly domains?: readonly string[] | undefined;
}

/** An erased user is in no list. */
const living = {
  living: sql`users.deleted_at is null`,
  only: sql`users.deleted_at is not null and users.erased_at is null`,
  include: sql`users.erased_at is null`,
} as const;

const anyOf = (conditions: readonly Statement[]): Statement => sql`(${sql.join(conditions, sql` or `)})`;

/** The domain of a key is what stands behind its only @; the index `address_keys_domain_idx` is on the same expression. */
const hasAddressIn = (domains: readonly string[]): Statement =>
  sql`exists (select 1 from address_keys k where k.user_id = users.id and split_part(k.key, '@', 2) = any (${[...domains]}::text[]))`;

const filtered = ({ deleted, key, externalId, patterns, domains }: ListFilter): Statement => sql`${
  living[deleted ?? "living"]
}
  ${key === undefined ? sql`` : sql`and users.id = (select user_id from address_keys where key = ${key})`}
  ${externalId === undefined ? sql`` : sql`and users.external_id = ${externalId}`}
  ${patterns.length === 0 ? sql`` : sql`and ${anyOf(patterns.map((each) => sql`users.search_text like ${each}`))}`}
  ${domains === undefined ? sql`` : sql`and ${hasAddressIn(domains)}`}`;

/** With the domain among them, for a list that does not walk it. */
const conditions = ({ domain, ...filter }: ListFilter): Statement =>
  sql`${filtered(filter)} ${domain === undefined ? sql`` : sql`and ${hasAddressIn([domain])}`}`;

interface PageQuery extends ListFilter {
  readonly after: string;
  readonly limit: number;
}

/** The addresses of a deleted user are as deleted as the user: an index has them alone. */
const deletedAlone = ({ deleted }: ListFilter): Statement =>
  deleted === "only" ? sql`and deleted_at is not null` : sql``;

/**
 * The users behind an id, in the order of ids: a walk of the primary key from there (of the index of the deleted alone,
 * of the users of a domain), or with `key` or `externalId` one look-up in it. A text for each set of filters, as one
 * with `key is null or …` is planned for all.
 */
export const usersPage = ({ after, limit, domain, ...filter }: PageQuery) => sql<StateRow>`
select ${stateColumns} from ${
  domain === undefined
    ? sql`users where users.id > ${after}::uuid`
    : sql`(select distinct user_id from address_keys
    where split_part(key, '@', 2) = ${domain} ${deletedAlone(filter)} and user_id > ${after}::uuid order by user_id) here
  join users on users.id = here.user_id where true`
} and ${filtered(filter)}
order by ${domain === undefined ? sql`users.id` : sql`here.user_id`} limit ${limit}`;

interface ChangedQuery extends ListFilter {
  /** The place behind which it goes on. */
  readonly after: { readonly updatedAt: string; readonly id: string };
  readonly limit: number;
}

/** In the order of the last change, of the id among those of one time: a walk of `users_updated_at_idx`. */
export const changedUsers = ({ after, limit, ...filter }: ChangedQuery) => sql<StateRow>`
select ${stateColumns} from users
where (users.updated_at, users.id) > (${after.updatedAt}::timestamptz, ${after.id}::uuid) and ${conditions(filter)}
order by users.updated_at, users.id limit ${limit}`;

/** A walk looks at so many users before the index of texts is asked: a text that many have is found by then. */
const walkMax = 5_000;
/** The index may find so many users; a text of more is found by a walk soon. */
export const indexedMax = 5_000;

/** For one transaction, as a text is found in its index by a bitmap alone; and whether there is such an index, of which letters: with the locale C it knows those of ASCII alone. */
export const searchPlanning = sql<{ indexed: boolean; letters: boolean }>`
select set_config('enable_bitmapscan', 'on', true), 'ж' ~ '\\w' as letters,
  exists (select 1 from pg_index where indexrelid = to_regclass('users_search_text_trgm') and indisvalid) as indexed`;

const planning = (walks: "on" | "off", leftMs: number): Statement =>
  sql`select set_config('enable_indexscan', ${walks}, true), set_config('enable_indexonlyscan', ${walks}, true),
    set_config('statement_timeout', ${`${leftMs}ms`}, true)`;
/** So that no misjudged limit makes a walk of everybody out of it. The steps of a search share its time. */
export const bitmapAlone = (leftMs: number): Statement => planning("off", leftMs);
export const anyPlan = (leftMs: number): Statement => planning("on", leftMs);

const matching = (patterns: readonly string[]): Statement =>
  anyOf(patterns.map((each) => sql`search_text like ${each}`));

/** As `usersPage`, among the first users behind the id alone. */
export const usersNear = ({ after, limit, ...filter }: PageQuery) => sql<StateRow>`
select ${stateColumns} from (select * from users where id > ${after}::uuid order by id limit ${walkMax}) users
where ${conditions(filter)} order by users.id limit ${limit}`;

/** How many the index finds, up to one more than it may. */
export const indexedCount = (patterns: readonly string[]) => sql<{ found: number }>`
select count(*)::int as found from (select 1 from users where ${matching(patterns)} limit ${indexedMax + 1}) found`;

/** As `usersPage`, by the index of texts. */
export const usersByText = ({ after, limit, ...filter }: PageQuery) => sql<StateRow>`
with found as materialized (select * from users where ${matching(filter.patterns)} and id > ${after}::uuid)
select ${stateColumns} from found users where ${conditions(filter)} order by users.id limit ${limit}`;
