/** Who somebody is and who changed them, for pages that name several people. */
import type { AuditEntry, AuditPage } from "../../../../contracts/audit.ts";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import type { ProblemAnswer } from "./api.ts";
import { type Part, useEach } from "./each.ts";
import { queryText } from "./routes.ts";
import { useMay } from "./session.ts";

const userPath = (id: string): string => `/users/${encodeURIComponent(id)}?deleted=include`;

/** Of the first that could not be asked. */
const problemOf = (parts: ReadonlyMap<string, Part<unknown>>): ProblemAnswer | undefined =>
  [...parts.values()].find(({ problem }) => problem !== undefined && problem.status !== 404)?.problem;

/** By id; null: there is no such user any more. */
export type People = ReadonlyMap<string, ListedUser | null>;

export interface PeopleParts {
  readonly people: People;
  readonly problem: ProblemAnswer | undefined;
}

export function usePeople(ids: readonly string[]): PeopleParts {
  const maySee = useMay("users:read");
  const parts = useEach<ListedUser>(maySee ? ids.map(userPath) : []);
  const people = new Map<string, ListedUser | null>();
  for (const id of ids) {
    const part = parts.get(userPath(id));
    if (part?.data !== undefined) people.set(id, part.data);
    else if (part?.problem?.status === 404) people.set(id, null);
  }
  return { people, problem: problemOf(parts) };
}

const entriesPath = (userId: string): string => `/audit${queryText({ userId, limit: 200 })}`;

/** The entries of a user that are known so far. */
export type EntriesOf = (userId: string) => readonly AuditEntry[];

export interface EntriesParts {
  readonly entriesOf: EntriesOf;
  readonly problem: ProblemAnswer | undefined;
}

export function useEntries(userIds: readonly string[]): EntriesParts {
  const maySee = useMay("audit:read");
  const parts = useEach<AuditPage>(maySee ? userIds.map(entriesPath) : []);
  return {
    entriesOf: (userId) => parts.get(entriesPath(userId))?.data?.items ?? [],
    problem: problemOf(parts),
  };
}
