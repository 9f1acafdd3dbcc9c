/**
 * The statements of a write and of the reads, each with its reasoning. What is written travels as one JSON document
 * (mixins/postgres/statement.ts).
 */
import { sql } from "kysely";
import { columnList, columnsOf } from "../../mixins/postgres/columns.ts";
import { keyedHash } from "../../mixins/postgres/keyed-hash.ts";
import { json } from "../../mixins/postgres/statement.ts";
import { currentTimeline } from "../../mixins/postgres/timeline.ts";
import { generationSize } from "../contracts/generation.ts";
import type { ScimDocument } from "../contracts/provision.ts";
import { UserRow } from "./entities.ts";

const columns = columnsOf(UserRow);
const changing = columns.filter(({ property }) => property !== "id" && property !== "createdAt");
const lists = {
  typed: columnList(columns, ({ property, type }) => `"${property}" ${type}`),
  names: columnList(columns, ({ name }) => name),
  properties: columnList(columns, ({ property }) => `"${property}"`),
  changes: columnList(changing, ({ name, property }) => `${name} = w."${property}"`),
  /** The text of the search is not read. */
  state: columnList(
    columns.filter(({ property }) => property !== "searchText"),
    ({ name }) => `users.${name}`,
  ),
};

const freshHash = keyedHash("f.key");

interface Writes {
  /** How long to wait for a locked row, as lock_timeout takes it. */
  readonly lockTimeout: string;
  readonly writes: readonly object[];
  /** Deletions up to then are free. */
  readonly freed: Date;
  /** By column, with their places. */
  readonly events: readonly object[];
}

/**
 * Any number of writes of as many users in one statement: the users' rows, the guard of their addresses and their
 * events. Against a statement for each row it saves four of five round trips and most of the CPU.
 *
 * Returns the users that were written: one that is no longer at the version it was read with is not, and has no event.
 * Nor is one whose version belongs to a generation that is over, nor any on a timeline for which none was begun: a plan
 * may be older than the failover after which it is committed, so no earlier look can tell (docs/adr/0038).
 * The events come from those rows (`written`), so an outbox id is taken only under its user's row lock: the order of
 * ids is the order of versions, also for a write path without the guard. Everything is written in one order for
 * everybody (ids, keys): two writes that want the same rows queue, not in a circle.
 *
 * A key is taken that nobody has, that is the user's own (it was deleted, and comes back), or whose user was deleted so
 * long ago that its terms are over; of an erased user it is found by its hash. The row alone decides: another's that changes meanwhile is looked at as it is then.
 * `keys` in the result is how many were; the caller must undo all of it when it is less than it asked for.
 */
export const saveWrites = ({ lockTimeout, writes, freed, events }: Writes) => sql<{
  id: string;
  keys: number;
}>`
with w as materialized (
  select w.* from (select set_config('lock_timeout', ${lockTimeout}, true)) brief, generations g, jsonb_to_recordset(${json(writes)}) as w(
    ${lists.typed}, before int, gone text[], fresh text[])
  where g.id = 1 and g.timeline = ${currentTimeline} and w.version >= g.generation * ${generationSize}::int
), created as (
  insert into users (${lists.names})
  select ${lists.properties} from w where before is null order by id
  returning id
), updated as (
  update users u set ${lists.changes}
  from (select * from w where before is not null order by id) w
  where u.id = w.id and u.version = w.before
  returning u.id
), written as (
  select id from created union all select id from updated
), let_go as (
  delete from address_keys k using w cross join lateral unnest(w.gone) g(key)
  where k.key = g.key and k.user_id = w.id
), taken as (
  insert into address_keys as held (key, user_id, deleted_at)
  select f.key, w.id, w."deletedAt" from w cross join lateral unnest(w.fresh) f(key)
  where not exists (select from erased_keys e where e.hash = ${freshHash} and e.deleted_at > ${freed}::timestamptz)
  order by f.key
  on conflict (key) do update set user_id = excluded.user_id, deleted_at = excluded.deleted_at
  where held.user_id = excluded.user_id or held.deleted_at <= ${freed}::timestamptz
  returning held.key
), told as (
  insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body, note)
  select partition, aggregate_id, event_id, type, correlation_id, body, note
  from jsonb_to_recordset(${json(events)}) as e(
    place int, partition smallint, aggregate_id uuid, event_id uuid, type text, correlation_id text, body text, note text)
  where (e.aggregate_id in (select id from written)) is true order by e.place
)
select id, (select count(*)::int from taken) as keys from written`;

/** What an identity provider said of a user, by the version and the revision that follow those it was read with. */
export interface ScimWrite extends ScimDocument {
  readonly userId: string;
  /** Of the user, as it is by now in this transaction. */
  readonly version: number;
  readonly revision: number;
  readonly updatedAt: string;
}

/** A user of another version, and a document of another revision, are left as they are: those that were kept come back. */
export const saveDocuments = (documents: readonly ScimWrite[]) => sql<{ userId: string }>`
insert into scim_users as kept (user_id, client, external_id, emails, attributes, revision, updated_at)
select d."userId", d.client, d."externalId", d.emails, d.attributes, d.revision, d."updatedAt"
from (select * from jsonb_to_recordset(${json(documents)}) as d("userId" uuid, version int, client text, "externalId" text,
  emails jsonb, attributes jsonb, revision int, "updatedAt" timestamptz) order by "userId") d
cross join lateral (select from users u where u.id = d."userId" and u.version = d.version for update) u
on conflict (user_id) do update set client = excluded.client, external_id = excluded.external_id, emails = excluded.emails,
  attributes = excluded.attributes, revision = excluded.revision, updated_at = excluded.updated_at
where kept.revision = excluded.revision - 1
returning user_id`;

/** With the timeline it was given for, and the one here and now; null: a standby. */
export const readGeneration = sql<{ generation: number; timeline: string; here: string | null }>`
select generation, timeline, ${currentTimeline} as here from generations where id = 1`;

interface NewGeneration {
  /** The one that it follows. */
  readonly own: number;
  /** By the registry. */
  readonly given: number;
  /** The timeline for which it was given. */
  readonly here: string;
}

/** The first one wins, for the timeline alone for which was asked. Returns what began. */
export const beginGeneration = ({ own, given, here }: NewGeneration) => sql<{ generation: number }>`
update generations
set generation = greatest(generation + 1, ${given}::int), timeline = ${here}::text, begun_at = now()
where id = 1 and generation = ${own}::int and ${here}::text = ${currentTimeline}
returning generation`;

/** For what a transaction does before `saveWrites`, which sets it too. */
export const limitLockWaits = (lockTimeout: string) =>
  sql`select set_config('lock_timeout', ${lockTimeout}, true)`;

/** One walk of the table. */
export const countUsers = sql<{ active: number; deleted: number; erased: number }>`
select count(*) filter (where deleted_at is null)::int as active,
  count(*) filter (where deleted_at is not null and erased_at is null)::int as deleted,
  count(*) filter (where erased_at is not null)::int as erased
from users`;

export type StateRow = Omit<UserRow, "searchText">;

/** Of the one table `users` in the statement. */
export const stateColumns = lists.state;

/** Users by their ids, deleted ones too. */
export const usersById = (ids: readonly string[]) => sql<StateRow>`
select ${stateColumns} from users where id = any (${ids}::uuid[])`;

/** In A-labels; the rows are the service domains'. */
export const acceptedNow = sql<{
  domain: string;
}>`select domain from accepted_domains where removed_at is null`;

/** How many addresses of living users are in a domain. */
export const livingIn = (domain: string) => sql<{ addresses: number }>`
select count(*)::int as addresses from address_keys where deleted_at is null and split_part(key, '@', 2) = ${domain}::text`;
