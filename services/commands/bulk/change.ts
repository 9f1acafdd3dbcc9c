/**
 * Promise: a user is changed as it is, not as it was: what to do is decided by how it was seen, and the write names
 * the version that was seen. When somebody else was faster it is read again and decided anew, so nobody's change is written over; a
 * write whose answer got lost is repeated under its key, so nothing is done twice.
 */
import type { Api, Write } from "./api.ts";

const attemptsMax = 10;

export type Outcome =
  | { readonly kind: "changed"; readonly id: string }
  /** There was nothing to do, and why. */
  | { readonly kind: "unchanged"; readonly id?: string; readonly why: string }
  | { readonly kind: "refused"; readonly id?: string; readonly reason: string };

/** What is to be done for one thing, by how it is now. */
export type Decision =
  | {
      readonly kind: "write";
      readonly id: string;
      readonly write: Omit<Write, "key">;
      /** What it means that there is no such user; absent: how it is now is to be looked at again. */
      readonly gone?: string;
    }
  | Exclude<Outcome, { kind: "changed" }>;

/** What the refusals mean of which one can tell that it is done already. */
export type Meaning = Readonly<Record<string, string>>;

/** `key` is of this thing and this run; each attempt has one of its own. */
export async function change(
  api: Api,
  key: string,
  decide: () => Promise<Decision>,
  doneBy: Meaning = {},
): Promise<Outcome> {
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const decision = await decide();
    if (decision.kind !== "write") return decision;
    const { id, write } = decision;
    const written = await api.write({ ...write, key: `${key}.${attempt}` });
    if (written.kind === "done") return { kind: "changed", id };
    if (written.kind === "gone" && decision.gone !== undefined)
      return { kind: "refused", id, reason: decision.gone };
    if (written.kind !== "refused") continue;
    const why = doneBy[written.slug];
    return why === undefined
      ? { kind: "refused", id, reason: written.reason }
      : { kind: "unchanged", id, why };
  }
  return { kind: "refused", reason: `others changed it ${attemptsMax} times meanwhile; run it again` };
}
