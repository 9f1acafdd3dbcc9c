/**
 * When rows were committed, read from PostgreSQL's own commit times (`track_commit_timestamp`): one clock for all, exact
 * whatever the harness is doing meanwhile, and nothing in the systems that are measured.
 */
import type pg from "pg";
import type { Place } from "./place.ts";

/** Rows of one table that were committed at one moment. */
export interface Commit {
  /** Seconds. */
  readonly at: number;
  readonly rows: number;
}

const seconds = "extract(epoch from pg_xact_commit_timestamp(xmin))::float8";

/** The commits that brought the rows which are in a table now, in their order. */
export async function commitsOf(pool: pg.Pool, table: string): Promise<Commit[]> {
  const { rows } = await pool.query<Commit>(
    `select ${seconds} as at, count(*)::int as rows from ${table} group by 1 order by 1`,
  );
  return rows;
}

/**
 * Rows a second between the first and the last commit in a share of all rows (from 0 to 1), as if rows came evenly from
 * one commit to the next. The rows of the very first are not counted, since nobody knows when work on them began. NaN
 * with fewer than two commits. Pure.
 */
export function rateOf(commits: readonly Commit[], from = 0, to = 1): number {
  const total = commits.reduce((sum, { rows }) => sum + rows, 0);
  const low = Math.max(from * total, commits[0]?.rows ?? 0);
  const high = to * total;
  return high <= low ? Number.NaN : (high - low) / (timeAt(commits, high) - timeAt(commits, low));
}

/** When so many rows were there. */
function timeAt(commits: readonly Commit[], rows: number): number {
  let there = 0;
  let before: Commit | undefined;
  for (const commit of commits) {
    there += commit.rows;
    if (there >= rows) {
      const left = there - rows;
      return before === undefined ? commit.at : commit.at - (left / commit.rows) * (commit.at - before.at);
    }
    before = commit;
  }
  return before?.at ?? Number.NaN;
}

/** No UUID (version 7) that is made from now on is less. */
export const idFloor = (ms: number): string => {
  const hex = Math.floor(ms).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
};

/** How many versions of users, from this id on, the registry and the audit log have still to hear of. */
export async function behind({ users, registry }: Place, fromId: string): Promise<number> {
  const [written, audited, applied] = await Promise.all([
    users.query<{ n: number }>("select coalesce(sum(version), 0)::int as n from users where id >= $1", [
      fromId,
    ]),
    users.query<{ n: number }>("select count(*)::int as n from audit_entries where user_id >= $1", [fromId]),
    registry.query<{ n: number }>(
      "select coalesce(sum(version), 0)::int as n from watermarks where user_id >= $1",
      [fromId],
    ),
  ]);
  const of = ({ rows }: { rows: { n: number }[] }): number => rows[0]?.n ?? 0;
  return 2 * of(written) - of(audited) - of(applied);
}

interface Time {
  readonly id: string;
  readonly at: number;
}

export interface Effects {
  /** From the commit of each user to the commit of its state in the registry. */
  readonly delaysMs: readonly number[];
  /** When the last effect was committed, in the registry or the audit log; seconds. */
  readonly lastAt: number;
}

/** What became of the users that were created from this id on. */
export async function effectsOf({ users, registry }: Place, fromId: string): Promise<Effects> {
  const committed = await users.query<Time>(
    `select id::text as id, ${seconds} as at from users where id >= $1 and version = 1`,
    [fromId],
  );
  const applied = await registry.query<Time>(
    `select user_id::text as id, ${seconds} as at from watermarks where user_id >= $1`,
    [fromId],
  );
  const audited = await users.query<{ at: number | null }>(
    `select max(${seconds}) as at from audit_entries where user_id >= $1`,
    [fromId],
  );
  const times = new Map(applied.rows.map(({ id, at }) => [id, at]));
  const delaysMs = committed.rows.flatMap(({ id, at }) => {
    const end = times.get(id);
    return end === undefined ? [] : [(end - at) * 1_000];
  });
  let lastAt = audited.rows[0]?.at ?? Number.NaN;
  for (const at of times.values()) lastAt = Math.max(lastAt, at);
  return { delaysMs, lastAt };
}
