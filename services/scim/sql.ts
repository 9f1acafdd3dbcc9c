/**
 * The statements that read users with what clients said of them. An erased user is in none. Whoever is looked for is found
 * by the indexes of users, address_keys and scim_users; the rows of those few are read by their ids.
 */
import { sql } from "kysely";
import { keyedHash } from "../../mixins/postgres/keyed-hash.ts";
import { json } from "../../mixins/postgres/statement.ts";

/** Of a document all members are null where no client has said anything. */
export interface UserRow {
  readonly id: string;
  readonly displayName: string;
  readonly primarySmtp: string;
  readonly secondarySmtps: string[];
  readonly active: boolean;
  readonly userName: string | null;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly deletedAt: Date | null;
  readonly client: string | null;
  readonly externalId: string | null;
  readonly emails: unknown[] | null;
  readonly attributes: Record<string, unknown> | null;
  readonly revision: number | null;
  readonly scimUpdatedAt: Date | null;
}

export const knownColumns = sql`u.id, u.display_name, u.primary_smtp, u.secondary_smtps, u.active, u.user_name, u.version, u.created_at,
  u.updated_at, u.deleted_at, s.client, s.external_id, s.emails, s.attributes, s.revision, s.updated_at as scim_updated_at`;

export const userById = (id: string) => sql<UserRow>`
select ${knownColumns} from users u left join scim_users s on s.user_id = u.id
where u.id = ${id}::uuid and u.erased_at is null`;

/** Who has a userName, or whom a client knows by its id for them: an external id is one within a client, not by force. */
export interface Sought {
  readonly name?: string | undefined;
  /** Keys; of those who have one and no userName the statement does not tell whether it is the primary. */
  readonly addresses: readonly string[];
  readonly client?: string | undefined;
  readonly externalId?: string | undefined;
}

/**
 * Of each, by its place from 1: the living first, then who was deleted last. Row by row (`limit 1` keeps it so), each by its
 * index: a join with as many as a document or an array may hold reads the whole of a table that was small when the
 * statement was planned (0.7 ms for each sought among 10,000 users, 20 µs so).
 */
export const usersSought = (sought: readonly Sought[], limit: number) => sql<UserRow & { place: number }>`
select w.place::int, hit.* from rows from (jsonb_to_recordset(${json(sought)})
  as (name text, addresses jsonb, client text, "externalId" text)) with ordinality as w(name, addresses, client, external_id, place)
cross join lateral (
  select ${knownColumns} from (
    select id from users where user_name_key = w.name and deleted_at is null
    union (select id from users where user_name_key = w.name and deleted_at is not null limit ${limit})
    union select n.id from jsonb_array_elements_text(w.addresses) a(key)
      cross join lateral (select user_id from address_keys where key = a.key limit 1) k
      cross join lateral (select id from users where id = k.user_id and user_name_key is null limit 1) n
    union (select user_id from scim_users where client = w.client and external_id = w.external_id limit ${limit})) found
  cross join lateral (select * from users where id = found.id limit 1) u
  left join lateral (select * from scim_users where user_id = found.id limit 1) s on true
  where u.erased_at is null
  order by u.deleted_at desc nulls first, u.id limit ${limit}) hit
order by w.place, hit.deleted_at desc nulls first, hit.id`;

/** Of addresses those of deleted and of erased users that are nobody else's yet. */
export const deletedKeys = (keys: readonly string[], freed: Date) => sql<{ key: string; deletedAt: Date }>`
select key, deleted_at from address_keys where key = any (${[...keys]}::text[]) and deleted_at > ${freed}::timestamptz
union all select k.key, e.deleted_at from unnest(${[...keys]}::text[]) k (key)
  join erased_keys e on e.hash = ${keyedHash("k.key")} where e.deleted_at > ${freed}::timestamptz`;
