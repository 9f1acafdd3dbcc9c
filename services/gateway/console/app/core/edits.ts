/** What somebody has changed in a form, beside what there is: the difference, the patch, and what another has changed meanwhile. */
import type { Change } from "../../../../contracts/events.ts";
import type { ListedUser } from "../../../../contracts/user-lists.ts";

export const editedNames = ["displayName", "externalId", "userName", "active"] as const;
export type EditedName = (typeof editedNames)[number];
export type Edits = Readonly<Partial<Record<EditedName, string | boolean>>>;

/** An emptied text is none. */
const wanted = (edits: Edits, name: EditedName): unknown => {
  const value = edits[name];
  if (typeof value !== "string") return value;
  const text = value.trim();
  return text === "" ? null : text;
};

export function differenceOf(user: ListedUser, edits: Edits): Change[] {
  return editedNames.flatMap((field) => {
    const to = wanted(edits, field);
    const from = user[field] ?? null;
    return to === undefined || to === from ? [] : [{ field, from, to }];
  });
}

/** A JSON merge patch of the difference alone. */
export const patchOf = (user: ListedUser, edits: Edits): Record<string, unknown> =>
  Object.fromEntries(differenceOf(user, edits).map(({ field, to }) => [field, to]));

export interface Clash {
  readonly field: string;
  readonly was: unknown;
  readonly now: unknown;
  /** undefined: left as it is. */
  readonly yours: unknown;
}

/** Each field that either has changed. */
export function theirsOf(base: ListedUser, theirs: ListedUser, edits: Edits): Clash[] {
  const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
  const yours = new Map(differenceOf(base, edits).map(({ field, to }) => [field, to]));
  return [...editedNames, "primarySmtp" as const, "secondarySmtps" as const, "deletedAt" as const].flatMap(
    (field) => {
      const [was, now] = [base[field] ?? null, theirs[field] ?? null];
      return same(was, now) && !yours.has(field) ? [] : [{ field, was, now, yours: yours.get(field) }];
    },
  );
}
