/**
 * The statements on members, and the lists of groups. Members come and go by their ids alone, so that a change of one in a
 * group of 50,000 reads and writes one row; the caller has locked the group's row by then.
 */
import { sql } from "kysely";
import { columnList, columnsOf } from "../../mixins/postgres/columns.ts";
import type { Statement } from "../../mixins/postgres/statement.ts";
import { ScimGroupRow } from "./group-rows.ts";

/** undefined: every domain. */
type Domains = readonly string[] | undefined;

/** A look-up of its own for each user, as below. */
const isWithin = (domains: Domains, userId: Statement): Statement =>
  domains === undefined
    ? sql``
    : sql`and (select true from address_keys k where k.user_id = ${userId} and split_part(k.key, '@', 2) = any (${[...domains]}::text[]) limit 1)`;

/**
 * A living user within the domains, looked up by itself (`offset 0`): while the statistics lag behind, a join is planned as
 * a comparison of each member with each user, which for 20,000 members took 134 s.
 */
const livingUser = (domains: Domains, userId: Statement): Statement =>
  sql`lateral (select l.id, l.display_name from users l where l.id = ${userId} and l.deleted_at is null ${isWithin(domains, sql`l.id`)} offset 0) u`;

export interface MemberRow {
  readonly groupId: string;
  readonly userId: string;
  /** null: the member is not to be shown. */
  readonly displayName: string | null;
}

/** In the order of their ids, up to a limit; who is deleted, or lies outside of the domains, without a name. */
export const membersOf = (groupIds: readonly string[], domains: Domains, limit: number) => sql<MemberRow>`
select m.group_id, m.user_id, u.display_name from scim_group_members m
left join ${livingUser(domains, sql`m.user_id`)} on true
where m.group_id = any (${[...groupIds]}::uuid[]) order by m.group_id, m.user_id limit ${limit}`;

/** Those who would be shown. */
export const shownMemberIds = (groupId: string, domains: Domains) => sql<{ userId: string }>`
select m.user_id from scim_group_members m
join ${livingUser(domains, sql`m.user_id`)} on true
where m.group_id = ${groupId}::uuid`;

/**
 * Living users become members; who is one already stays, deleted or not. `stranger`: one of the ids that is neither, for
 * whose sake the caller undoes it all.
 */
export const addMembers = (groupId: string, userIds: readonly string[], domains: Domains) => sql<{
  members: number;
  stranger: string | null;
}>`
with asked as materialized (
  select unnest(${[...userIds]}::uuid[]) as id
), living as materialized (
  select asked.id from asked join ${livingUser(domains, sql`asked.id`)} on true
), added as (
  insert into scim_group_members (group_id, user_id) select ${groupId}::uuid, id from living order by id
  on conflict (group_id, user_id) do nothing returning 1
)
select (select count(*)::int from added) as members,
  (select id from asked where id not in (select id from living)
    and not exists (select from scim_group_members m where m.group_id = ${groupId}::uuid and m.user_id = asked.id) limit 1) as stranger`;

/** Who is none is no fault. */
export const removeMembers = (groupId: string, userIds: readonly string[], domains: Domains) => sql<{
  members: number;
}>`
with gone as (
  delete from scim_group_members m
  where m.group_id = ${groupId}::uuid and m.user_id = any (${[...userIds]}::uuid[]) ${isWithin(domains, sql`m.user_id`)}
  returning 1
)
select count(*)::int as members from gone`;

export const removeAllMembers = (groupId: string) => sql`
delete from scim_group_members where group_id = ${groupId}::uuid`;

/** What an index can tell of a group. */
export type Condition =
  | { readonly kind: "id" | "displayNameKey" | "member"; readonly value: string }
  | { readonly kind: "externalId"; readonly client: string; readonly value: string }
  | { readonly kind: "client"; readonly value: string };

const condition = (each: Condition, domains: Domains): Statement => {
  switch (each.kind) {
    case "id":
      return sql`g.id = ${each.value}::uuid`;
    case "displayNameKey":
      return sql`g.display_name_key = ${each.value}`;
    case "externalId":
      return sql`(g.client = ${each.client} and g.external_id = ${each.value})`;
    case "client":
      return sql`g.client = ${each.value}`;
    case "member":
      return sql`g.id in (select m.group_id from scim_group_members m
        join ${livingUser(domains, sql`m.user_id`)} on true where m.user_id = ${each.value}::uuid)`;
  }
};

const groupsWith = (conditions: readonly Condition[], domains: Domains): Statement =>
  sql`scim_groups g where ${sql.join([sql`true`, ...conditions.map((each) => condition(each, domains))], sql` and `)}`;

export const countGroups = (conditions: readonly Condition[], domains: Domains) => sql<{ total: number }>`
select count(*)::int as total from ${groupsWith(conditions, domains)}`;

const columns = columnList(columnsOf(ScimGroupRow), ({ name }) => `g.${name}`);

interface Page {
  readonly offset: number;
  readonly limit: number;
}

/** In the order of ids. */
export const groupsPage = (
  conditions: readonly Condition[],
  domains: Domains,
  { offset, limit }: Page,
) => sql<ScimGroupRow>`
select ${columns} from ${groupsWith(conditions, domains)} order by g.id offset ${offset} limit ${limit}`;

/** Behind an id, for who looks at all of them. */
export const groupsAfter = (
  conditions: readonly Condition[],
  after: string,
  limit: number,
) => sql<ScimGroupRow>`
select ${columns} from ${groupsWith(conditions, undefined)} and g.id > ${after}::uuid order by g.id limit ${limit}`;
