/** A peer: something a user could pick instead for "a row in a transaction here → its effect in a database there". */
import type pg from "pg";

export interface Peer {
  readonly name: string;
  /** Its database is on a server with `wal_level=logical`. */
  readonly isLogical?: true;
  /** Prepares its tables in the database of the queue, then writes `count` messages as its documentation says. */
  fill(queue: pg.Pool, queueUrl: string, count: number): Promise<void>;
  /** Begins to handle; resolves with how to stop it. */
  start(queueUrl: string, effects: pg.Pool): Promise<() => Promise<void>>;
}

export const effectsTable = "create table effects (id uuid primary key, body jsonb not null)";

const insertEffects = `
insert into effects (id, body) select (b.body->>'id')::uuid, b.body
from jsonb_array_elements($1::jsonb) as b(body) on conflict do nothing`;

/** The effect, the same for every peer: recorded once, whatever is repeated. */
export const takeEffect = async (effects: pg.Pool, bodies: readonly unknown[]): Promise<void> =>
  void (await effects.query({ name: "effects", text: insertEffects, values: [JSON.stringify(bodies)] }));

/** SQL for the body of message `n`: about as large as a user event. */
export const bodySql =
  "jsonb_build_object('id', gen_random_uuid(), 'type', 'user.created.v1', 'data', repeat('x', 600))";
