/**
 * `npm run key -- create|list|revoke|rotate|generate`: access keys from the database's side, so whoever owns the database
 * owns the first key, and gets in when nobody else does. A key stands alone on stdout; all else goes to stderr.
 */

import { userInfo } from "node:os";
import { newCorrelationId } from "../../../mixins/context/correlation.ts";
import { operator } from "../../../mixins/context/operator.ts";
import { rootLogger } from "../../../mixins/log/logging.ts";
import type { Database } from "../../../mixins/postgres/database.ts";
import { accessEntities } from "../../access/entities.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "../../access/keys.ts";
import { loadClientConfig } from "../../config/index.ts";
import { newKey } from "../../contracts/access-key.ts";
import { Refusal } from "../../contracts/errors.ts";
import { exitCodes, StartError } from "../../contracts/exits.ts";
import { type AccessKey, KeyDomains, KeyName, KeyReason } from "../../contracts/keys.ts";
import { pageSizeMax } from "../../contracts/paging.ts";
import { keyDays, type Role, roles } from "../../contracts/roles.ts";
import {
  type CommandForm,
  type CommandLine,
  commandLine,
  numberOf,
  usageError,
} from "../../runtime/command-line.ts";
import { runCommand } from "../../runtime/run-command.ts";
import { withUsersDatabase } from "../users-database.ts";

const statementTimeoutMs = 4_000;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const breakGlassMinutes = { default: 60, max: 24 * 60 } as const;
const deeds = ["create", "list", "revoke", "rotate", "generate"] as const;
type Deed = (typeof deeds)[number];

const form: CommandForm = {
  name: "key",
  says: [
    "Access keys, on the users database itself: DATABASE_URL, else the embedded one of the data folder.",
    "create prints a new key, list all of them without their secrets, revoke ends one, rotate prints one in place of another,",
    "generate prints one for AUTH_BOOTSTRAP_KEY_FILE and touches no database. A key is printed this once.",
  ].join(" "),
  words: { form: "<create|list|revoke|rotate|generate> [id]", min: 1, max: 2 },
  options: {
    name: { value: "NAME", says: "what the key is for" },
    role: { value: "ROLE", says: `one of ${roles.join(", ")}` },
    domains: { value: "A,B", says: "outside of these domains it sees and changes nothing" },
    days: { value: "N", says: `how long it is good, at most ${keyDays.max}` },
    test: { says: "mark it as one for tests (mrk_test_…); it is good all the same" },
    "break-glass": { says: "create: an owner's key for an emergency, with a reason" },
    minutes: { value: "N", says: `how long that is good, ${breakGlassMinutes.default} unless said` },
    reason: { value: "TEXT", says: "why, of a revocation or an emergency" },
    "overlap-hours": {
      value: "N",
      says: "rotate: how long the old key is good beside the new one, 24 unless said",
    },
    json: { says: "list: for machines" },
  },
  exits: {
    [exitCodes.failure]: "it was refused, or the schema is not up to date",
    [exitCodes.notFound]: "there is no key of that id",
  },
};

/** Which options go with what; an option without an effect would be a mistake that nobody hears of. */
const takes: Readonly<Record<Deed, readonly string[]>> = {
  create: ["name", "role", "domains", "days", "test", "break-glass", "minutes", "reason"],
  list: ["json"],
  revoke: ["reason"],
  rotate: ["overlap-hours", "test"],
  generate: ["test"],
};

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const change = () => ({
  doer: { principal: operator(userInfo, "cli"), correlationId: newCorrelationId() },
  at: new Date(),
});

type Parser<T> = {
  safeParse(value: unknown): { success: boolean; data?: T; error?: { issues: { message: string }[] } };
};

/** What an option is given, by the schema of the contract. Throws UsageError. */
function parsed<T>(option: string, schema: Parser<T>, value: unknown): T {
  const { success, data, error } = schema.safeParse(value);
  if (!success) throw usageError(form, `--${option} ${error?.issues[0]?.message ?? "is wrong"}`);
  return data as T;
}

function required(line: CommandLine, option: string): string {
  const value = line.valueOf(option);
  if (value === undefined) throw usageError(form, `--${option} is missing`);
  return value;
}

function roleOf(line: CommandLine): Role {
  const named = required(line, "role");
  const role = roles.find((each) => each === named);
  if (role === undefined) throw usageError(form, `there is no role "${named}"`, roles, named);
  return role;
}

function domainsOf(line: CommandLine): readonly string[] | null {
  const text = line.valueOf("domains");
  return text === undefined
    ? null
    : parsed(
        "domains",
        KeyDomains,
        text.split(",").map((name) => name.trim()),
      );
}

const later = (ms: number | undefined, unitMs: number): Date | undefined =>
  ms === undefined ? undefined : new Date(Date.now() + ms * unitMs);

/** Of a key for an emergency, or of one for a machine. Throws UsageError. */
function wishOf(line: CommandLine) {
  const days = numberOf(form, line, "days", { min: 1, max: keyDays.max, whole: true });
  const minutes = numberOf(form, line, "minutes", { min: 1, max: breakGlassMinutes.max, whole: true });
  if (!line.has("break-glass")) {
    for (const option of ["minutes", "reason"])
      if (line.has(option)) throw usageError(form, `--${option} goes with --break-glass`);
    const name = parsed("name", KeyName, required(line, "name"));
    return { name, role: roleOf(line), domains: domainsOf(line), expiresAt: later(days, dayMs) };
  }
  for (const option of ["role", "domains", "days"])
    if (line.has(option)) throw usageError(form, `--${option} does not go with --break-glass`);
  const reason = parsed("reason", KeyReason, required(line, "reason"));
  const name = parsed("name", KeyName, line.valueOf("name") ?? "break-glass");
  const expiresAt = later(minutes ?? breakGlassMinutes.default, minuteMs);
  return { name, role: "owner" as const, domains: null, expiresAt, breakGlass: true, reason };
}

const told = ({ id, name, role, domains, expiresAt }: AccessKey): string =>
  `Key ${id} "${name}": ${role}${domains === null ? "" : ` of ${domains.join(", ")}`}, good until ${expiresAt}`;

const columns = (rows: readonly (readonly string[])[]): string => {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, at) => cell.padEnd(widths[at] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};

async function allKeys(db: Database): Promise<AccessKey[]> {
  const keys: AccessKey[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: pageSizeMax, ...(cursor === undefined ? {} : { cursor }) };
    const { items, nextCursor } = await listKeys(db, query, new Date());
    keys.push(...items);
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  return keys;
}

async function list(db: Database, line: CommandLine): Promise<string> {
  const keys = await allKeys(db);
  if (line.has("json")) return JSON.stringify({ keys });
  const head = ["id", "status", "role", "domains", "expires", "last used", "name"];
  const rows = keys.map(({ id, status, role, domains, expiresAt, lastUsedAt, name }) => [
    ...[id, status, role, domains?.join(",") ?? "all", expiresAt, lastUsedAt ?? "never", name],
  ]);
  return columns([head, ...rows]);
}

/** Resolves with what goes to stdout. */
async function work(db: Database, deed: Deed, id: string, line: CommandLine): Promise<string> {
  const made = newKey(line.has("test") ? "test" : "live");
  if (deed === "list") return list(db, line);
  if (deed === "revoke") {
    await revokeKey(db, id, line.valueOf("reason") ?? "none given", change());
    say(`Key ${id} is revoked; every gateway refuses it within 5 s`);
    return "";
  }
  if (deed === "rotate") {
    const overlapHours = numberOf(form, line, "overlap-hours", { min: 0, max: 7 * 24, whole: true }) ?? 24;
    const stored = await rotateKey(db, made, { id, overlapHours }, change());
    say(`${told(stored)}; ${id} is good for ${overlapHours} h more at most`);
    return made.key;
  }
  const wish = wishOf(line);
  const stored = await createKey(db, made, wish, change());
  if (stored.breakGlass)
    say("A key for an emergency may do everything: it is on record, and an alert tells of it until it ends");
  say(told(stored));
  return made.key;
}

/** Throws UsageError. */
function deedOf(line: CommandLine): { readonly deed: Deed; readonly id: string } {
  const [word = "", id = ""] = line.words;
  const deed = deeds.find((each) => each === word);
  if (deed === undefined) throw usageError(form, `there is no "${word}"`, deeds, word);
  const needsId = deed === "revoke" || deed === "rotate";
  if (needsId && id === "") throw usageError(form, "the id of the key is missing");
  if (!needsId && id !== "") throw usageError(form, `"${id}" is one word too many`);
  for (const option of Object.keys(form.options ?? {}))
    if (line.has(option) && !takes[deed].includes(option))
      throw usageError(form, `--${option} does not go with ${deed}`);
  if (deed === "create") wishOf(line);
  return { deed, id };
}

async function run(line: CommandLine): Promise<number> {
  const { deed, id } = deedOf(line);
  if (deed === "generate") {
    process.stdout.write(`${newKey(line.has("test") ? "test" : "live").key}\n`);
    return exitCodes.ok;
  }
  const config = loadClientConfig(process.env, "key");
  const use = {
    doing: "work on keys",
    kept: "keys are kept",
    applicationName: "mailroster-key",
    entities: accessEntities,
    statementTimeoutMs,
    log: rootLogger({ ...config, logLevel: "silent" }),
  };
  try {
    const output = await withUsersDatabase(config, use, (db) => work(db, deed, id, line));
    if (output !== "") process.stdout.write(`${output}\n`);
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.type !== "not-found") throw new StartError(error.message, { cause: error });
    say(error.message);
    return exitCodes.notFound;
  }
}

const line = commandLine(form);
await runCommand(() => run(line));
