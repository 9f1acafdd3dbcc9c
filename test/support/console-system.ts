/**
 * A system that has something to show on each screen of the console, and a key for each role that works at it.
 */
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import { rolesWith } from "../../services/contracts/access.ts";
import type { Role } from "../../services/contracts/roles.ts";
import type { Screen } from "../../services/gateway/console/app/core/routes.ts";
import { hrefOf, screens } from "../../services/gateway/console/app/core/routes.ts";
import { userEvent } from "./events.ts";
import { eventually } from "./eventually.ts";
import { bearer, makeKey } from "./keys.ts";
import { letterOf } from "./letters.ts";
import { openDatabase } from "./own-database.ts";
import { type Answer, type Rig, startRig } from "./rig.ts";

export const consoleRoles = ["viewer", "helpdesk", "mail-admin", "auditor", "operator", "owner"] as const;
export type ConsoleRole = (typeof consoleRoles)[number];

export interface ConsoleSystem extends Rig {
  readonly keys: Readonly<Record<ConsoleRole, string>>;
  /** As the owner. */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Paths on which each screen has something to show. */
  readonly places: Readonly<Record<Screen, readonly string[]>>;
}

/** Whether the table of screens lets the role in. */
export function letsIn(screen: Screen, role: Role): boolean {
  const { scope } = screens[screen];
  return scope === "everybody" || rolesWith[scope].includes(role);
}

type Ask = ConsoleSystem["ask"];

async function wanted(ask: Ask, ...asked: Parameters<Ask>): Promise<Answer["body"]> {
  const { status, body } = await ask(...asked);
  if (status >= 400) throw new Error(`${asked[0]} ${asked[1]}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** Somebody with a past, somebody deleted, somebody who has gone on. */
async function people(ask: Ask) {
  const ann = await wanted(ask, "POST", "/users", {
    displayName: "Ann Lee",
    primarySmtp: "ann.lee@example.com",
    secondarySmtps: ["ann@example.com", "a.very.long.local.part.that.never.ends@department.example.com"],
  });
  const renaming = { "x-correlation-id": "console-rename", "if-match": "*" };
  await wanted(ask, "PATCH", `/users/${ann.id}`, { primarySmtp: "ann.chen@example.com" }, renaming);
  const bob = await wanted(ask, "POST", "/users", { displayName: "Bob Lee", primarySmtp: "bob@example.com" });
  await wanted(ask, "DELETE", `/users/${bob.id}`, undefined, { "if-match": "*" });
  await eventually(async () => {
    const page = await wanted(ask, "GET", `/audit?userId=${bob.id}`);
    if (page.items.length < 2) throw new Error("The audit log has not followed");
  });
  return { ann: String(ann.id), bob: String(bob.id) };
}

async function letterOn(rig: Rig, ask: Ask, userId: string): Promise<{ id: string; cause: string }> {
  const db = await openDatabase(rig.config.usersDatabaseUrl ?? "", [DeadLetterRecord]);
  try {
    const event = userEvent({ userId, correlationId: "console-dead" });
    for (const messageId of ["console-one", "console-two"])
      await db.transaction((em) => storeDeadLetter(em, letterOf({ messageId }, event)));
  } finally {
    await db.close();
  }
  return eventually(async () => {
    const [first] = (await wanted(ask, "GET", "/dead-letters")).items;
    if (first === undefined) throw new Error("There is no dead letter");
    return { id: String(first.id), cause: String(first.cause) };
  });
}

export async function startConsoleSystem(environment: Record<string, string> = {}): Promise<ConsoleSystem> {
  const rig = await startRig({
    environment: { AUTH: "required", RECONCILE_MINUTES: "0", RECONCILE_GRACE_MS: "100", ...environment },
    limits: { keysEveryMs: 50 },
  });
  const made: [ConsoleRole, string][] = [];
  for (const role of consoleRoles) made.push([role, (await makeKey(rig, role)).key]);
  const keys = Object.fromEntries(made) as Record<ConsoleRole, string>;
  const ask: Ask = (method, path, body, headers = {}) =>
    rig.http(method, path, body, { ...bearer(keys.owner), ...headers });
  await eventually(() => wanted(ask, "GET", "/users?limit=1"));
  const { ann, bob } = await people(ask);
  const { id: letter, cause } = await letterOn(rig, ask, ann);
  await wanted(ask, "PUT", "/domains/example.com", {});
  await wanted(ask, "POST", "/reconciliations", {});
  const places: ConsoleSystem["places"] = {
    home: [hrefOf("home")],
    find: [hrefOf("find", "", { q: ann })],
    address: [
      hrefOf("address", "ann.lee@example.com"),
      hrefOf("address", "bob@example.com", { at: new Date().toISOString() }),
    ],
    users: [hrefOf("users"), hrefOf("users", "", { q: "Lee", deleted: "include" })],
    newUser: [hrefOf("newUser")],
    user: [hrefOf("user", ann), hrefOf("user", bob)],
    trace: [hrefOf("trace", "console-rename"), hrefOf("trace", "console-nothing")],
    letters: [hrefOf("letters"), hrefOf("letters", "", { cause })],
    letter: [hrefOf("letter", letter)],
    consistency: [hrefOf("consistency")],
    system: [hrefOf("system")],
    audit: [hrefOf("audit")],
    activity: [hrefOf("activity")],
    keys: [hrefOf("keys")],
    domains: [hrefOf("domains")],
    import: [hrefOf("import")],
    settings: [hrefOf("settings")],
    signIn: [hrefOf("signIn")],
  };
  return { ...rig, keys, ask, places };
}
