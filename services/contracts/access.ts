/**
 * Who may do what: one table, roles × scopes. Everything that asks about rights is a view of it: the rows of the HTTP
 * surface, the OpenAPI document, the objects' rules in the services, docs/security.md. No logic but those views.
 */
import * as z from "zod";
import { type Role, roles } from "./roles.ts";

const directory = ["viewer", "helpdesk", "mail-admin", "auditor", "owner"] as const;

/** What may be done, and who may. */
const table = {
  "addresses:read": ["lookup", "provisioner", ...directory],
  "addresses:history": directory,
  "addresses:release": ["mail-admin", "owner"],
  "users:read": ["provisioner", ...directory],
  "users:search": directory,
  "users:write": ["provisioner", "helpdesk", "mail-admin", "owner"],
  "users:delete": ["provisioner", "mail-admin", "owner"],
  "users:restore": ["provisioner", "mail-admin", "owner"],
  "users:erase": ["owner"],
  "users:export": ["auditor", "owner"],
  "domains:read": ["provisioner", ...directory],
  "domains:write": ["mail-admin", "owner"],
  "audit:read": ["auditor", "owner"],
  "activity:read": ["auditor", "owner"],
  "trace:read": ["mail-admin", "auditor", "operator", "owner"],
  "letters:read": ["operator", "owner"],
  "letters:payload": ["operator", "owner"],
  "letters:write": ["operator", "owner"],
  "status:read": ["operator", "owner"],
  "reconciliation:read": ["operator", "owner"],
  "reconciliation:write": ["operator", "owner"],
  "operations:write": ["operator", "owner"],
  "keys:manage": ["owner"],
  /** To say in X-Actor for whom a change is made. */
  "actor:assert": ["provisioner", "owner"],
} as const satisfies Record<string, readonly Role[]>;
export type Scope = keyof typeof table;
export const scopes = Object.keys(table) as readonly Scope[];
export const rolesWith: Readonly<Record<Scope, readonly Role[]>> = table;

export const RoleName = z.enum(roles);
export const Scope = z.enum(Object.keys(table) as [Scope, ...Scope[]]);

/** How somebody has shown who they are. */
export const ways = ["none", "key", "token", "session", "proxy", "repl"] as const;

/** Whoever asks, as it travels with every call (`ctx.meta.user`, as moleculer-web's examples have it). */
export interface Principal {
  /**
   * `key:<id>`, `oidc:<alias>:<subject>`, `proxy:<name>`, `local`: what stands in the audit log. At most 128 visible ASCII
   * characters.
   */
  readonly id: string;
  readonly via: (typeof ways)[number];
  readonly roles: readonly Role[];
  /** Absent: all that the roles have. A token's own scopes narrow them and never widen them. */
  readonly scopes?: readonly Scope[];
  /** Absent: every domain. Else the domains, in A-labels, outside of which this one sees and changes nothing. */
  readonly domains?: readonly string[];
  /** Why it may do less than somebody may expect, for the detail of a 403; completes ", because …". */
  readonly because?: string;
  /** The key's id or the token's `jti`, by which it can be revoked. */
  readonly credential?: string;
  /** Of somebody who has signed in: what they take is counted by session. */
  readonly session?: string;
  /**
   * Of a key its name: keys of one name are one client, so that a key can be changed without a gap. What a client of SCIM
   * says of somebody by an id of its own is kept under it; absent: under `id`.
   */
  readonly client?: string;
}

/** Whoever sees and changes only what lies in some domains. */
export interface Limited extends Principal {
  readonly domains: readonly string[];
}

export const isLimited = (user: Principal | null | undefined): user is Limited => user?.domains !== undefined;

/** Whether a domain, in A-labels, is one of theirs. Who asks by no name is the system itself. */
export const reaches = (user: Principal | null | undefined, asciiDomain: string): boolean =>
  user?.domains === undefined || user.domains.includes(asciiDomain);

/** Whoever reaches the port of an installation without access control (`AUTH=none`). */
export const localPrincipal: Principal = { id: "local", via: "none", roles: ["owner"], client: "local" };

/**
 * What concerns the installation as a whole, or people of whom no domain can be told beforehand: nothing for whoever is
 * limited to domains.
 */
const everyDomains: readonly Scope[] = [
  "activity:read",
  "domains:write",
  "keys:manage",
  "letters:payload",
  "letters:read",
  "letters:write",
  "operations:write",
  "reconciliation:read",
  "reconciliation:write",
  "status:read",
  "trace:read",
  "users:erase",
];

/** Whether this one may do that; of which objects, its domains say besides. */
export const permits = ({ roles: own, scopes: narrowed, domains }: Principal, scope: Scope): boolean =>
  (narrowed === undefined || narrowed.includes(scope)) &&
  (domains === undefined || !everyDomains.includes(scope)) &&
  own.some((role) => rolesWith[scope].includes(role));

/** Whether this one may see whose data it is. Who asks by no name is the system itself, or somebody at its console. */
export const seesPeople = (user: Principal | null | undefined): boolean =>
  user === undefined || user === null || permits(user, "users:read");
