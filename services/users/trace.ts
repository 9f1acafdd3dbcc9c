/** What users tells of a request's idempotency, and of where its users' addresses stand now. */

import { operationOf } from "../../mixins/idempotency.ts";
import type { Database } from "../../mixins/postgres/database.ts";
import type { ActionParams } from "../contracts/actions.ts";
import {
  type RequestsTrace,
  traceOperationsMax,
  traceWritesMax,
  type UsersAddresses,
} from "../contracts/trace.ts";
import { heldAddresses } from "./digest.ts";
import { UserRow } from "./entities.ts";
import { stateOf } from "./queries.ts";

/** The answers stored for requests under this id. Parameters: correlation id, now, rows. */
const answersSql = `
select scope, key, fingerprint, action, created_at as at
from idempotency where correlation_id = ? and expires_at > ? order by created_at desc limit ?`;

/** How often each was given again. Parameters: operations, now. */
const repeatsSql = `
select operation, sum(times)::int as times
from idempotency_replays where operation = any (?::text[]) and expires_at > ? group by operation`;

/** The requests under this id that were repeats. Parameters: correlation id, now, rows. */
const replaysSql = `
select action, first_correlation_id as "of", times, replayed_at as at
from idempotency_replays where correlation_id = ? and expires_at > ? order by replayed_at desc limit ?`;

interface AnswerRow {
  readonly scope: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly action: string | null;
  readonly at: Date | string;
}

type ReplayRow = Omit<RequestsTrace["replays"][number], "at"> & { readonly at: Date | string };

const iso = (at: Date | string): string => new Date(at).toISOString();

/**
 * The answers of writes that are shown, and of those that have no event; of the latter the newest, and none when it is not
 * known which they are.
 */
export const requestsOf = (
  db: Database,
  { correlationId, shown, known }: ActionParams<"users.trace">,
  now: Date,
): Promise<RequestsTrace> =>
  db.read(async (em) => {
    const rows = await em.execute<AnswerRow[]>(answersSql, [correlationId, now, traceOperationsMax]);
    const all = rows.map((row) => ({ ...row, operation: operationOf(row.scope, row.key, row.fingerprint) }));
    const [wanted, withEvent] = [new Set(shown), known === null ? undefined : new Set([...known, ...shown])];
    const answers = [
      ...all.filter(({ operation }) => wanted.has(operation)),
      ...(withEvent === undefined
        ? []
        : all.filter(({ operation }) => !withEvent.has(operation)).slice(0, traceWritesMax)),
    ];
    // Base64url needs no quoting in an array literal.
    const repeats = await em.execute<{ operation: string; times: number }[]>(repeatsSql, [
      `{${answers.map(({ operation }) => operation).join(",")}}`,
      now,
    ]);
    const times = new Map(repeats.map((repeat) => [repeat.operation, repeat.times]));
    const replays = await em.execute<ReplayRow[]>(replaysSql, [correlationId, now, traceWritesMax]);
    return {
      answers: answers.map(({ operation, action, at }) => ({
        operation,
        action: action ?? "unknown",
        replays: times.get(operation) ?? 0,
        at: iso(at),
      })),
      replays: replays.map((replay) => ({ ...replay, at: iso(replay.at) })),
    };
  });

/** Each user that there is or was, deleted ones too. */
export async function addressesNow(db: Database, userIds: readonly string[]): Promise<UsersAddresses> {
  const rows = await db.read((em) => em.find(UserRow, { id: { $in: [...userIds] } }));
  return {
    users: rows.map((row) => {
      const { id: userId, version, deletedAt, ...user } = stateOf(row);
      return { userId, version, deletedAt, addresses: heldAddresses({ ...user, deletedAt }) };
    }),
  };
}
