/** What a text may be the id or the name of, found out by asking. */
import type { Scope } from "../../../../contracts/access.ts";
import type { AuditPage } from "../../../../contracts/audit.ts";
import type { DeadLetterPage } from "../../../../contracts/dead-letters.ts";
import type { UserPage } from "../../../../contracts/user-lists.ts";
import { ask, asProblem } from "./api.ts";
import { hrefOf, queryText } from "./routes.ts";
import { may, type Session } from "./session.ts";
import { madeAtMs, type Typed } from "./typed.ts";

export interface Meaning {
  readonly what: string;
  /** undefined: it is not this, and `why` says how that is known. */
  readonly href: string | undefined;
  readonly why: string;
  /** It was looked for, and is not there. */
  readonly isNone: boolean;
}

interface Look {
  readonly what: string;
  readonly scope: Scope;
  readonly none: string;
  /** Resolves with where it leads, or with undefined. */
  readonly find: (text: string, signal: AbortSignal) => Promise<string | undefined>;
}

const user: Look = {
  what: "a user",
  scope: "users:read",
  none: "no user has this id",
  async find(text, signal) {
    await ask(`/users/${text}?deleted=include`, { signal });
    return hrefOf("user", text);
  },
};

export const requestMeant = "a request";
const request: Look = {
  what: requestMeant,
  scope: "trace:read",
  none: "nothing was written under this correlation id: a read, a refusal, or older than is kept",
  async find(text, signal) {
    await ask(`/trace/${encodeURIComponent(text)}?limit=1`, { signal });
    return hrefOf("trace", text);
  },
};

interface List {
  readonly items: readonly unknown[];
  readonly nextCursor: string | null;
}
type Item<L extends List> = L["items"][number];
const pagesMax = 5;

/** Of the first pages of a list the item that it is; undefined: none of them. */
async function oneOf<L extends List>(
  path: string,
  query: Parameters<typeof queryText>[0],
  isIt: (item: Item<L>) => boolean,
  signal: AbortSignal,
): Promise<Item<L> | undefined> {
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const { data } = await ask<L>(`${path}${queryText({ ...query, cursor })}`, { signal });
    const found = data.items.find(isIt);
    if (found !== undefined || data.nextCursor === null) return found;
    cursor = data.nextCursor;
  }
  return undefined;
}

/** An event's id tells when it was made, and its entry is of that time. */
const clocksApartMs = 60_000;
const event: Look = {
  what: "an event",
  scope: "audit:read",
  none: "the audit log has no entry of this event within a minute of when it was made",
  async find(text, signal) {
    const madeMs = madeAtMs(text);
    if (madeMs === undefined) return undefined;
    const time = (ms: number): string => new Date(ms).toISOString();
    const query = { from: time(madeMs - clocksApartMs), to: time(madeMs + clocksApartMs), limit: 200 };
    const entry = await oneOf<AuditPage>("/audit", query, ({ id }) => id === text, signal);
    return entry && hrefOf("trace", entry.correlationId);
  },
};

/** By its own id or by its event's; looking into it is on record, so the list is read. */
const letter: Look = {
  what: "a dead letter",
  scope: "letters:read",
  none: "it is none of the newest 1,000 dead letters, nor the event of one",
  async find(text, signal) {
    const query = { status: "all", limit: 200 };
    const isIt = ({ id, eventId }: Item<DeadLetterPage>): boolean => id === text || eventId === text;
    const found = await oneOf<DeadLetterPage>("/dead-letters", query, isIt, signal);
    return found && hrefOf("letter", found.id);
  },
};

const name: Look = {
  what: "a part of names or addresses",
  scope: "users:search",
  none: "no user has it in a name, an address, an externalId or a userName",
  async find(text, signal) {
    const { data } = await ask<UserPage>(`/users${queryText({ q: text, limit: 2, deleted: "include" })}`, {
      signal,
    });
    const [first, second] = data.items;
    if (first === undefined) return undefined;
    return second === undefined
      ? hrefOf("user", first.id)
      : hrefOf("users", "", { q: text, deleted: "include" });
  },
};

const looksOf = (kind: Typed["kind"]): readonly Look[] => {
  if (kind === "uuid") return [user, request, event, letter];
  return kind === "word" ? [request, name] : [];
};

export async function meaningsOf(typed: Typed, session: Session, signal: AbortSignal): Promise<Meaning[]> {
  if (!("text" in typed)) return [];
  return Promise.all(
    looksOf(typed.kind).map(async ({ what, scope, none, find }) => {
      if (!may(session, scope))
        return { what, href: undefined, why: `not looked for: it needs ${scope}`, isNone: false };
      try {
        const href = await find(typed.text, signal);
        return { what, href, why: none, isNone: href === undefined };
      } catch (error) {
        const problem = asProblem(error);
        const isNone = problem.status === 404 || problem.status === 422;
        return { what, href: undefined, why: isNone ? none : problem.message, isNone };
      }
    }),
  );
}
