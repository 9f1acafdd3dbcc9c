/** The statements of the lists, of living users alone; the conventions are those of sql.ts. */
import { sql } from "kysely";
import type { Statement } from "../../mixins/postgres/statement.ts";
import type { Candidates } from "./candidates.ts";
import type { Domains } from "./places.ts";
import { knownColumns, type UserRow } from "./sql.ts";

/** Comes before every id of ours. */
export const beforeEveryId = "00000000-0000-0000-0000-000000000000";

/** A key has one @; `address_keys_domain_idx` is on this expression. */
const domainOfKey = sql.raw("split_part(k.key, '@', 2)");

/**
 * The first users of some domains behind an id: of each domain as many, by a walk of `address_keys_domain_idx` from there,
 * among which the first of all are. By `= any` the index would have no order, and each page would sort all that follows.
 */
const firstOf = (domains: readonly string[], after: string, limit: number): Statement => sql`
  select distinct here.user_id as id from unnest(${[...domains]}::text[]) as d (domain) cross join lateral (
    select distinct k.user_id from address_keys k
    where ${domainOfKey} = d.domain and k.user_id > ${after}::uuid and k.deleted_at is null
    order by k.user_id limit ${limit}
  ) here order by 1`;

const rowsOf = (ids: Statement): Statement<UserRow> => sql<UserRow>`
select ${knownColumns} from (${ids}) here join users u on u.id = here.id left join scim_users s on s.user_id = here.id
where u.deleted_at is null order by here.id`;

interface Behind {
  readonly after: string;
  readonly limit: number;
  readonly domains: Domains;
}

/**
 * Behind an id, without the first `offset`, which are counted off in the index of the living (`users_living_idx`): the rows
 * of those that are wanted alone are read.
 */
export const usersBehind = ({ after, offset = 0, limit, domains }: Behind & { readonly offset?: number }) =>
  rowsOf(
    domains === undefined
      ? sql`select id from users where deleted_at is null and erased_at is null and id > ${after}::uuid order by id offset ${offset} limit ${limit}`
      : sql`${firstOf(domains, after, offset + limit)} offset ${offset} limit ${limit}`,
  );

const everyId = (domains: Domains): Statement =>
  domains === undefined
    ? sql`select id from users where deleted_at is null and erased_at is null`
    : sql`select distinct k.user_id as id from address_keys k
    where ${domainOfKey} = any (${[...domains]}::text[]) and k.deleted_at is null`;

/** How many there are, and every `step`th id. */
export const countPlaces = (domains: Domains, step: number) => sql<{ total: number; marks: string[] | null }>`
select count(*)::int as total, array_agg(id::text order by place) filter (where place % ${step} = 0) as marks
from (select id, row_number() over (order by id) as place from (${everyId(domains)}) users) users`;

interface AmongQuery extends Behind {
  readonly among: Candidates;
  readonly client: string;
}

/** The next ones of those whom the indexes find: one text, whatever is looked for. */
export const candidatesBehind = ({ after, limit, domains, among, client }: AmongQuery) =>
  rowsOf(sql`
select id from users where id = any (array(
    select id from unnest(${among.ids}::uuid[]) as i (id)
    union all select id from users where user_name_key = any (${among.userNames}::text[]) and deleted_at is null
    union all select user_id from address_keys where key = any (${among.addressKeys}::text[]) and deleted_at is null
    union all select user_id from scim_users where client = ${client} and external_id = any (${among.externalIds}::text[])
  )) and id > ${after}::uuid and deleted_at is null
  and (${domains === undefined}::boolean or exists (
    select from address_keys k where k.user_id = users.id and ${domainOfKey} = any (${[...(domains ?? [])]}::text[])))
order by id limit ${limit}`);
