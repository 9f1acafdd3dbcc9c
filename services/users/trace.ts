/** What users tells of a request's idempotency, and of where its users' addresses stand now. */
import type { Database } from "../../mixins/database.ts";
import { operationOf } from "../../mixins/idempotency.ts";
import { type RequestsTrace, traceWritesMax, type UsersAddresses } from "../contracts/trace.ts";
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

export const requestsOf = (db: Database, correlationId: string, now: Date): Promise<RequestsTrace> =>
  db.read(async (em) => {
    const rows = await em.execute<AnswerRow[]>(answersSql, [correlationId, now, traceWritesMax]);
    const operations = rows.map(({ scope, key, fingerprint }) => operationOf(scope, key, fingerprint));
    // Base64url needs no quoting in an array literal.
    const repeats = await em.execute<{ operation: string; times: number }[]>(repeatsSql, [
      `{${operations.join(",")}}`,
      now,
    ]);
    const times = new Map(repeats.map((repeat) => [repeat.operation, repeat.times]));
    const replays = await em.execute<ReplayRow[]>(replaysSql, [correlationId, now, traceWritesMax]);
    return {
      answers: rows.map(({ action, at }, index) => {
        const operation = operations[index] ?? "";
        return { operation, action: action ?? "unknown", replays: times.get(operation) ?? 0, at: iso(at) };
      }),
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
