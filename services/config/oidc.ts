/** Whose access tokens of people are taken, and what they give (OIDC_*; docs/guides/access.md). */
import { canonicalHost, isLoopbackHost } from "../contracts/host.ts";
import { integer, items, list, oneOf } from "./readers.ts";
import { type Grants, readRolesFile } from "./roles-file.ts";
import { fault, type Variables } from "./variables.ts";

export interface Issuer {
  /** In the ids of its people: `oidc:<alias>:<subject>`. */
  readonly alias: string;
  /** Character by character what its tokens have in `iss`. */
  readonly url: string;
}

export interface Oidc {
  readonly issuers: readonly Issuer[];
  /** What `aud` must hold. */
  readonly audience: string;
  /** Of RFC 7518 §3.1 and RFC 8037; each signs with a key that only the issuer has. */
  readonly algorithms: readonly string[];
  /** `at+jwt` (RFC 9068 §2.1); `JWT` for issuers that know no better. */
  readonly typ: "at+jwt" | "JWT";
  readonly clockSkewS: number;
  /** Together they name a person, for as long as the issuer lives. */
  readonly subjectClaims: readonly string[];
  readonly roleClaim: string;
  /** Read anew when it changes. */
  readonly rolesFile: string;
  /** What it held at the start. */
  readonly grants: Grants;
  /** Values of `acr` or `amr` of which owner and operator need one; empty: they need none. */
  readonly strongSignIns: readonly string[];
}

/** No `none` and no HMAC, whose key would be known to whoever checks. */
const asymmetric = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;
const algorithmsByDefault = ["RS256", "PS256", "ES256", "EdDSA"];

/** Short, because an id in the audit log has 128 characters. */
const aliasPattern = /^[a-z\d][a-z\d-]{0,19}$/;

/** Over a network the keys of an issuer come by TLS alone. */
export const isTrustworthyUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return (
    protocol === "https:" || (protocol === "http:" && isLoopbackHost(canonicalHost(hostname) ?? hostname))
  );
};

function issuerOf(item: string): Issuer {
  const [, alias = "", url = ""] = /^([^=]*)=(.*)$/.exec(item) ?? [];
  if (!aliasPattern.test(alias))
    throw fault(
      "OIDC_ISSUERS",
      `must hold pairs such as entra=https://login.example, separated by commas, each with a name of at most 20 lower-case letters, digits and hyphens, and "${alias}" is none`,
    );
  if (!isTrustworthyUrl(url))
    throw fault("OIDC_ISSUERS", `must name ${alias} by an https URL (http goes to this machine alone)`);
  const { search, hash, username, password } = new URL(url);
  if ([search, hash, username, password].some((part) => part !== ""))
    throw fault("OIDC_ISSUERS", `must name ${alias} by a URL without a query, a fragment and credentials`);
  return { alias, url };
}

function issuersOf(text: string): readonly Issuer[] {
  const issuers = items(text).map(issuerOf);
  for (const member of ["alias", "url"] as const)
    if (new Set(issuers.map((issuer) => issuer[member])).size < issuers.length)
      throw fault("OIDC_ISSUERS", "must name each issuer once");
  return issuers;
}

const claimsOf = (env: Variables, name: string, fallback: string): readonly string[] => {
  const claims = items(env.text(name) ?? fallback);
  if (claims.includes("")) throw fault(name, "must hold names of claims, separated by commas");
  return claims;
};

/** undefined: no identity provider is trusted. Throws ConfigError. */
export function oidc(env: Variables): Oidc | undefined {
  const issuers = env.text("OIDC_ISSUERS");
  const audience = env.text("OIDC_AUDIENCE");
  const rolesFile = env.text("OIDC_ROLES_FILE");
  const isGiven = env.text("OIDC_ALGORITHMS") !== undefined;
  const settings = {
    algorithms: isGiven ? list(env, "OIDC_ALGORITHMS", asymmetric) : algorithmsByDefault,
    typ: oneOf(env, "OIDC_TYP", ["at+jwt", "JWT"], "at+jwt"),
    clockSkewS: integer(env, "OIDC_CLOCK_SKEW_S", { fallback: 30, min: 0, max: 60 }),
    subjectClaims: claimsOf(env, "OIDC_SUBJECT_CLAIM", "sub"),
    roleClaim: env.text("OIDC_ROLE_CLAIM") ?? "roles",
    strongSignIns: items(env.text("OIDC_ACR") ?? "").filter((item) => item !== ""),
  };
  if (issuers === undefined) return undefined;
  const trusted = issuersOf(issuers);
  if (audience === undefined)
    throw fault(
      "OIDC_AUDIENCE",
      "is missing: tokens that are meant for another service must not open this one",
    );
  if (rolesFile === undefined) throw fault("OIDC_ROLES_FILE", "is missing: without it no token gives a role");
  const grants = readRolesFile(rolesFile, trusted);
  return { issuers: trusted, audience, rolesFile, grants, ...settings };
}
