/**
 * Which page a path is, and the path of a page: one table, read in both directions.
 *
 * Promise: what was typed or comes from the server can be any text; a path holds it encoded, and gives it back whole.
 */
import type { Scope } from "../../../../contracts/access.ts";

interface ScreenRow {
  readonly name: string;
  /** `:id` stands for one part of it. */
  readonly path: string;
  /** Whoever has it not is told so in the page's place; `everybody`: there is something for each role. */
  readonly scope: Scope | "everybody";
}

/** The first that fits a path is taken. */
export const screens = {
  home: { name: "Console", path: "/console", scope: "everybody" },
  find: { name: "Find", path: "/console/find", scope: "everybody" },
  address: { name: "Address", path: "/console/addresses/:id", scope: "addresses:read" },
  users: { name: "Users", path: "/console/users", scope: "users:read" },
  newUser: { name: "New user", path: "/console/users/new", scope: "users:write" },
  user: { name: "User", path: "/console/users/:id", scope: "users:read" },
  trace: { name: "Request", path: "/console/traces/:id", scope: "trace:read" },
  letters: { name: "Dead letters", path: "/console/dead-letters", scope: "letters:read" },
  letter: { name: "Dead letter", path: "/console/dead-letters/:id", scope: "letters:read" },
  consistency: { name: "Consistency", path: "/console/consistency", scope: "reconciliation:read" },
  system: { name: "System", path: "/console/system", scope: "status:read" },
  audit: { name: "Audit", path: "/console/audit", scope: "audit:read" },
  activity: { name: "Activity", path: "/console/activity", scope: "activity:read" },
  keys: { name: "Keys", path: "/console/keys", scope: "keys:manage" },
  domains: { name: "Domains", path: "/console/domains", scope: "domains:read" },
  import: { name: "Import", path: "/console/import", scope: "users:write" },
  settings: { name: "Settings", path: "/console/settings", scope: "everybody" },
  signIn: { name: "Sign in", path: "/console/sign-in", scope: "everybody" },
} as const satisfies Record<string, ScreenRow>;
export type Screen = keyof typeof screens;

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
  for (const [screen, { path: pattern }] of Object.entries(screens)) {
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
  return `${screens[screen].path.replace(":id", encodeURIComponent(id))}${queryText(query)}`;
}
