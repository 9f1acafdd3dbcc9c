/** Who somebody is and who changed them, for pages that name several people. */
import type { AuditEntry, AuditPage } from "../../../../contracts/audit.ts";
import type { ListedUser } from "../../../../contracts/user-lists.ts";
import { useEach } from "./each.ts";
import { queryText } from "./routes.ts";
import { useMay } from "./session.ts";

const userPath = (id: string): string => `/users/${encodeURIComponent(id)}?deleted=include`;

/** By id; null: there is no such user any more. */
export function usePeople(ids: readonly string[]): ReadonlyMap<string, ListedUser | null> {
  const maySee = useMay("users:read");
  const parts = useEach<ListedUser>(maySee ? ids.map(userPath) : []);
  const people = new Map<string, ListedUser | null>();
  for (const id of ids) {
    const part = parts.get(userPath(id));
    if (part?.data !== undefined) people.set(id, part.data);
    else if (part?.problem?.status === 404) people.set(id, null);
  }
  return people;
}

const entriesPath = (userId: string): string => `/audit${queryText({ userId, limit: 200 })}`;

/** The entries of a user that are known so far. */
export type EntriesOf = (userId: string) => readonly AuditEntry[];

export function useEntries(userIds: readonly string[]): EntriesOf {
  const maySee = useMay("audit:read");
  const parts = useEach<AuditPage>(maySee ? userIds.map(entriesPath) : []);
  return (userId) => parts.get(entriesPath(userId))?.data?.items ?? [];
}
