/**
 * The load: users who live through twenty versions each, written by SQL in the shape that the real code writes (the
 * aggregate first, then its addresses, the kept answer, the outbox row), hundreds of writes in a transaction. Through
 * HTTP a million of them would take hours; whatever comes after the commit is the real thing.
 */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { v7 as uuidv7 } from "uuid";
import { partitionOf } from "../../../mixins/bus/outbox-row.ts";
import type { UserEvent, UserEventType, UserState } from "../../../services/contracts/events.ts";
import { toUserEvent } from "../../../services/users/events.ts";

const peopleAtOnce = 5_000;
const versionsMax = 20;
/** Every twentieth write never got as far as its commit: its hold stays, until it lapses. */
const abandonedEvery = 20;
const deadLetterEvery = 1_000;
/** What lapses does so while the run lasts: records and holds are written as if most of their term were over. */
export const termLeftS = 60;

interface Write {
  readonly event: UserEvent;
  readonly newKeys: readonly string[];
  readonly goneKeys: readonly string[];
}

const keysOf = (user: UserState | undefined): string[] =>
  user === undefined || user.deletedAt !== null ? [] : [user.primarySmtp, ...user.secondarySmtps];

function typeOf(version: number): UserEventType {
  if (version === 1) return "user.created.v1";
  if (version % 10 === 9) return "user.deleted.v1";
  return version % 10 === 0 ? "user.restored.v1" : "user.updated.v1";
}

/** What a user is after its next change: new names, an address that comes and goes, a deletion and a restore. */
function nextState(before: UserState | undefined, number: number, now: string): UserState {
  const version = (before?.version ?? 0) + 1;
  const type = typeOf(version);
  const own = [`second.${number}@example.com`];
  return {
    id: before?.id ?? uuidv7(),
    displayName: `Person ${number} the ${version}`,
    primarySmtp: `person.${number}@example.com`,
    secondarySmtps: version % 4 === 3 ? [...own, `third.${number}.${version}@example.com`] : own,
    active: true,
    version,
    createdAt: before?.createdAt ?? now,
    updatedAt: now,
    deletedAt: type === "user.deleted.v1" ? now : null,
  };
}

const saveUsers = `
insert into users (id, display_name, primary_smtp, secondary_smtps, search_text, version, created_at, updated_at, deleted_at)
select id, display_name, primary_smtp, secondary_smtps, lower(display_name || primary_smtp), version, created_at, updated_at, deleted_at
from jsonb_to_recordset($1::jsonb) as u(id uuid, display_name text, primary_smtp text, secondary_smtps text[], version int,
  created_at timestamptz, updated_at timestamptz, deleted_at timestamptz)
on conflict (id) do update set display_name = excluded.display_name, secondary_smtps = excluded.secondary_smtps,
  search_text = excluded.search_text, version = excluded.version, updated_at = excluded.updated_at, deleted_at = excluded.deleted_at`;
const dropKeys = `delete from address_keys where key = any ($1::text[])`;
const addKeys = `insert into address_keys select * from unnest($1::text[], $2::uuid[])`;
const keepAnswers = `
insert into idempotency (scope, key, fingerprint, result, created_at, expires_at)
select 'load', gen_random_uuid()::text, md5(r), r, now(), now() + make_interval(secs => ${termLeftS})
from unnest($1::text[]) r`;
const appendEvents = `
insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body)
select * from unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[])`;
const hold = `
insert into addresses (key, address, user_id, kind, status, reservation_id, requested_key, expires_at)
select k, k, u, 'secondary', 'reserved', gen_random_uuid()::text, k, now() + make_interval(secs => ${termLeftS})
from unnest($1::text[], $2::uuid[]) as w(k, u) on conflict (key) do nothing`;
const settleLetters = `
insert into dead_letters (id, queue, routing_key, body, fingerprint, reason, error, attempts, first_failed_at,
  last_failed_at, status, settled_at)
select gen_random_uuid(), 'audit.user-events', 'user.updated.v1', '{}', gen_random_uuid()::text, 'retries-exhausted', 'none',
  6, now(), now(), 'replayed', now() - make_interval(days => 30) + make_interval(secs => ${termLeftS})
from generate_series(1, $1)`;

/** The parameters of `appendEvents`. */
export const outboxColumns = (events: readonly UserEvent[]): unknown[] => [
  events.map(({ subject }) => partitionOf(subject)),
  events.map(({ subject }) => subject),
  events.map(({ id }) => id),
  events.map(({ type }) => type),
  events.map(({ correlationid }) => correlationid),
  events.map((event) => JSON.stringify(event)),
];

export function writers(usersUrl: string, registryUrl: string) {
  const users = new pg.Pool({ connectionString: usersUrl, max: 4, application_name: "load" });
  const registry = new pg.Pool({ connectionString: registryUrl, max: 2, application_name: "load" });
  const people: { state: UserState | undefined; number: number }[] = [];
  let next = 0;
  let born = 0;
  let written = 0;

  function nextWrite(): Write {
    const place = next++ % peopleAtOnce;
    const known = people[place];
    // Every fifth ends as a tombstone, the others live on.
    const ends = known !== undefined && known.number % 5 === 0 ? versionsMax - 1 : versionsMax;
    const person =
      known === undefined || (known.state?.version ?? 0) >= ends
        ? { state: undefined, number: born++ }
        : known;
    const before = person.state;
    const state = nextState(before, person.number, new Date().toISOString());
    people[place] = { ...person, state };
    const [held, wanted] = [keysOf(before), keysOf(state)];
    const cause = { correlationId: randomUUID(), actor: "load", action: "users.patch" as const };
    const change = { field: "displayName", from: before?.displayName ?? null, to: state.displayName };
    return {
      event: toUserEvent(randomUUID(), typeOf(state.version), state, [change], cause),
      newKeys: wanted.filter((key) => !held.includes(key)),
      goneKeys: held.filter((key) => !wanted.includes(key)),
    };
  }

  async function reserve(writes: readonly Write[]): Promise<void> {
    const held = writes.flatMap(({ event, newKeys }) => newKeys.map((key) => [key, event.subject] as const));
    for (let n = 0; n < writes.length; n += abandonedEvery)
      held.push([`lost.${randomUUID()}@example.com`, randomUUID()]);
    await registry.query(hold, [held.map(([key]) => key), held.map(([, userId]) => userId)]);
  }

  const rowOf = ({ data: { user } }: UserEvent) => ({
    id: user.id,
    display_name: user.displayName,
    primary_smtp: user.primarySmtp,
    secondary_smtps: user.secondarySmtps,
    version: user.version,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
    deleted_at: user.deletedAt,
  });

  return {
    users,
    registry,
    written: () => written,
    /** `count` writes of as many users; at most `peopleAtOnce`. Resolves with their events. */
    async write(count: number): Promise<readonly UserEvent[]> {
      const writes = Array.from({ length: count }, nextWrite);
      const events = writes.map(({ event }) => event);
      await reserve(writes);
      const added = writes.flatMap(({ event, newKeys }) =>
        newKeys.map((key) => [key, event.subject] as const),
      );
      const client = await users.connect();
      try {
        await client.query("begin");
        await client.query(keepAnswers, [events.map(({ data }) => JSON.stringify(data.user))]);
        await client.query(saveUsers, [JSON.stringify(events.map(rowOf))]);
        await client.query(dropKeys, [writes.flatMap(({ goneKeys }) => goneKeys)]);
        await client.query(addKeys, [added.map(([key]) => key), added.map(([, userId]) => userId)]);
        await client.query(appendEvents, outboxColumns(events));
        await client.query("commit");
      } finally {
        client.release();
      }
      const letters = Math.floor((written + count) / deadLetterEvery) - Math.floor(written / deadLetterEvery);
      if (letters > 0) await users.query(settleLetters, [letters]);
      written += count;
      return events;
    },
    async close(): Promise<void> {
      await Promise.all([users.end(), registry.end()]);
    },
  };
}

export type Writers = ReturnType<typeof writers>;
export { appendEvents };
