/**
 * The statements of an export, all in one snapshot that shows the directory as it was when it began. Rows come through
 * a cursor, in the order of the primary's code points, which is the same in every installation that has the same people.
 *
 * How somebody was at a time is what they are now with each field as it was before its first change after that time,
 * which the entry of that change in the audit log tells (`from`). So a user that has not changed since needs no entry.
 */
import { sql } from "kysely";
import { columnList, columnsOf } from "../../../mixins/postgres/columns.ts";
import { generationSize } from "../../contracts/generation.ts";
import { userFieldNames } from "../../contracts/user.ts";
import { UserRow } from "../../users/entities.ts";

const told = [...userFieldNames, "deletedAt"];
const columns = columnsOf(UserRow).filter(({ property }) => told.includes(property));

/** `jsonb` of an entry as the column has it. */
function decoded(property: string, type: string): string {
  const value = `was."from"->'${property}'`;
  if (type === "text[]")
    return `array(select jsonb_array_elements_text(case jsonb_typeof(${value}) when 'array' then ${value} else '[]' end))`;
  return `(was."from"->>'${property}')::${type}`;
}

const lists = {
  now: columnList(columns, ({ name }) => `u.${name}`),
  past: columnList(
    columns,
    ({ property, name, type }) =>
      `case when was."from" ? '${property}' then ${decoded(property, type)} else u.${name} end as ${name}`,
  ),
};

export interface PersonRow {
  readonly id: string;
  readonly displayName: string;
  readonly primarySmtp: string;
  readonly secondarySmtps: readonly string[];
  readonly externalId?: string | null;
  readonly userName?: string | null;
  readonly active: boolean;
  readonly deletedAt: Date | null;
  /** Whether the audit log tells all that has happened since; null: nothing had to be asked. */
  readonly isWhole: boolean | null;
}

/** What reads everything once wants other plans than a request, and whoever reads slowly is no fault of it. */
export const readAll = sql`
select set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true),
  set_config('enable_hashjoin', 'on', true), set_config('cursor_tuple_fraction', '1', true),
  set_config('idle_in_transaction_session_timeout', '0', true)`;

export const openNow = (deleted: boolean) => sql`
declare people no scroll cursor for
select u.id, ${lists.now}, null::boolean as is_whole from users u
where u.erased_at is null and (u.deleted_at is null or ${deleted}::boolean)
order by u.primary_smtp collate "C", u.id`;

/**
 * The entries of a user are whole as the reconciler has it: the newest is of its version, and each after the time follows
 * the one before it, or begins a generation. One that was told again above versions which nobody has may have lost an
 * entry, so it is not.
 */
export const openThen = (at: Date, deleted: boolean) => sql`
declare people no scroll cursor for
with people as (
  select u.id, ${lists.past}, trail.is_whole from users u
  left join lateral (
    select jsonb_object_agg(first.field, first."from") as "from" from (
      select distinct on (c->>'field') c->>'field' as field, c->'from' as "from"
      from audit_entries a cross join lateral jsonb_array_elements(a.changes) c
      where a.user_id = u.id and a.at > ${at}::timestamptz
      order by c->>'field', a.version
    ) first
  ) was on u.updated_at > ${at}::timestamptz
  left join lateral (
    select coalesce(max(step.version) = u.version and bool_and(step.follows), false) as is_whole from (
      select a.version, a.at <= ${at}::timestamptz
        or coalesce(a.version = lag(a.version) over (order by a.version) + 1, false)
        or (a.version % ${generationSize}::int = 0 and lag(a.version) over (order by a.version) is not null) as follows
      from audit_entries a where a.user_id = u.id
    ) step
  ) trail on u.updated_at > ${at}::timestamptz
  where u.erased_at is null and u.created_at <= ${at}::timestamptz
)
select * from people where deleted_at is null or ${deleted}::boolean or not coalesce(is_whole, true)
order by primary_smtp collate "C", id`;

export const nextPeople = sql<PersonRow>`fetch 1000 from people`;

/** About as many as the cursor gives; who was restored since a time that is over may be one more. */
export const expected = (at: Date | undefined, deleted: boolean) => sql<{ people: number }>`
select count(*)::int as people from users
where erased_at is null and created_at <= coalesce(${at ?? null}::timestamptz, 'infinity')
  and (deleted_at is null or ${deleted}::boolean or deleted_at > ${at ?? null}::timestamptz)`;

/** Who was there then and is no more: of the erased nobody can tell how they were. */
export const erasedSince = (at: Date) => sql<{ users: number }>`
select count(*)::int as users from users
where erased_at is not null and created_at <= ${at}::timestamptz and (deleted_at is null or deleted_at > ${at}::timestamptz)`;
