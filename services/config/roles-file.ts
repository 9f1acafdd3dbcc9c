/**
 * OIDC_ROLES_FILE: which group of an identity provider is given which role here, and in which domains.
 *
 * `{"<group>": {"role": "mail-admin", "domains": ["example.com"], "issuer": "entra"}}`; without `domains` everywhere,
 * without `issuer` whichever issuer says it.
 */
import { readFileSync } from "node:fs";
import * as z from "zod";
import { RoleName } from "../contracts/access.ts";
import { parseAddress } from "../contracts/address.ts";
import { type Role, roles } from "../contracts/roles.ts";
import { fault } from "./variables.ts";

export interface Grant {
  readonly role: Role;
  /** In canonical form; absent: everywhere. */
  readonly domains?: readonly string[];
  /** Its alias; absent: of every issuer that is trusted. */
  readonly issuer?: string;
}

/** By group. */
export type Grants = ReadonlyMap<string, Grant>;

const name = "OIDC_ROLES_FILE";
const form = `{"<group>": {"role": "mail-admin", "domains": ["example.com"], "issuer": "<alias>"}}`;
const Entry = z.strictObject({
  role: z.string(),
  domains: z.array(z.string()).min(1).optional(),
  issuer: z.string().optional(),
});

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw fault(name, `must name a readable file (${(cause as NodeJS.ErrnoException).code})`, cause);
  }
}

function groupsOf(text: string): Record<string, unknown> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
  } catch (cause) {
    throw fault(name, `must hold one JSON object, such as ${form}`, cause);
  }
}

function domainOf(group: string, text: string): string {
  const parsed = parseAddress(`x@${text}`);
  if (!parsed.ok) throw fault(name, `gives "${group}" the domain "${text}", which is none`);
  return parsed.key.slice(parsed.key.indexOf("@") + 1);
}

function grantOf(group: string, entry: unknown, aliases: readonly string[]): Grant {
  const parsed = Entry.safeParse(entry);
  if (!parsed.success || group === "")
    throw fault(name, `must give "${group}" a role, and at most domains and an issuer beside it: ${form}`);
  const { role, domains, issuer } = parsed.data;
  const known = RoleName.safeParse(role);
  if (!known.success)
    throw fault(name, `gives "${group}" the role "${role}", which is none of ${roles.join(", ")}`);
  if (issuer !== undefined && !aliases.includes(issuer))
    throw fault(name, `names the issuer "${issuer}" for "${group}", which is none of OIDC_ISSUERS`);
  return {
    role: known.data,
    ...(domains === undefined ? {} : { domains: domains.map((text) => domainOf(group, text)) }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}

/** Throws ConfigError, for the first fault. */
export function readRolesFile(path: string, issuers: readonly { readonly alias: string }[]): Grants {
  const aliases = issuers.map(({ alias }) => alias);
  const entries = Object.entries(groupsOf(textOf(path)));
  return new Map(entries.map(([group, entry]) => [group, grantOf(group, entry, aliases)]));
}
