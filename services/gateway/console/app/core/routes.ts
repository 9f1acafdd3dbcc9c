/**
 * Which page a path is, and the path of a page: one table, read in both directions.
 *
 * Promise: what was typed or comes from the server can be any text; a path holds it encoded, and gives it back whole.
 */

/** `:id` stands for one part of the path. The first that fits is taken. */
const patterns = {
  home: "/console",
  find: "/console/find",
  address: "/console/addresses/:id",
  users: "/console/users",
  newUser: "/console/users/new",
  user: "/console/users/:id",
  trace: "/console/traces/:id",
  letters: "/console/dead-letters",
  letter: "/console/dead-letters/:id",
  consistency: "/console/consistency",
  system: "/console/system",
  audit: "/console/audit",
  activity: "/console/activity",
  keys: "/console/keys",
  domains: "/console/domains",
  import: "/console/import",
  settings: "/console/settings",
  signIn: "/console/sign-in",
} as const;
export type Screen = keyof typeof patterns;

export interface Place {
  readonly screen: Screen | "nowhere";
  /** What the path names; empty where it names nothing. */
  readonly id: string;
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

const trimmed = (path: string): string => (path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path);

export function placeAt(pathname: string): Place {
  const parts = trimmed(pathname).split("/");
  for (const [screen, pattern] of Object.entries(patterns)) {
    const wanted = pattern.split("/");
    if (wanted.length !== parts.length) continue;
    if (!wanted.every((part, index) => part === ":id" || part === parts[index])) continue;
    const hasId = pattern.endsWith(":id");
    const id = hasId ? decoded(parts.at(-1) ?? "") : "";
    if (id === undefined || (hasId && id === "")) continue;
    return { screen: screen as Screen, id };
  }
  return { screen: "nowhere", id: "" };
}

type Query = Readonly<Record<string, string | number | undefined>>;

/** A member that is empty or undefined is left out. */
export function queryText(query: Query): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(
    pairs.map(([name, value]): [string, string] => [name, String(value)]),
  ).toString();
  return text === "" ? "" : `?${text}`;
}

export function hrefOf(screen: Screen, id = "", query: Query = {}): string {
  return `${patterns[screen].replace(":id", encodeURIComponent(id))}${queryText(query)}`;
}
