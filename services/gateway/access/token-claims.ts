/**
 * What an access token that was verified says of somebody: who they are, and what they may do. Pure.
 *
 * Names of claims are those of RFC 9068, and those of Entra ID, Keycloak and Okta where they differ.
 */
import { createHash } from "node:crypto";
import type { JWTPayload } from "jose";
import type { Issuer, Oidc } from "../../config/oidc.ts";
import type { Grants } from "../../config/roles-file.ts";
import { type Principal, type Scope, scopes } from "../../contracts/access.ts";
import { rightsFrom } from "./rights.ts";

/** What of a token is not as it must be. */
export type ClaimFault = "idToken" | "lifetime" | "claims";

const lifetimeMaxS = 24 * 60 * 60;
/** Owner and operator have signed in no longer ago than a working day. */
const strongSignInMaxS = 8 * 60 * 60;

/** Only ID tokens have these (OpenID Connect Core 1.0 §2, §3.3.2.11); Keycloak says it besides. */
const isIdToken = ({ nonce, at_hash, c_hash, typ }: JWTPayload): boolean =>
  [nonce, at_hash, c_hash].some((claim) => claim !== undefined) || typ === "ID";

/** Who asked for the token: RFC 9068 §2.2, Keycloak and Entra ID (also its v1.0), Okta. */
const clientClaims = ["client_id", "azp", "appid", "cid"];

const isText = (claim: unknown): claim is string => typeof claim === "string" && claim !== "";

const isSomebody = (claims: JWTPayload, subjectClaims: readonly string[]): boolean =>
  subjectClaims.every((name) => isText(claims[name]) && claims[name].isWellFormed());

/** undefined: nothing. `exp`, `iat` and `sub` are there already. */
export function claimFault(claims: JWTPayload, { subjectClaims }: Oidc): ClaimFault | undefined {
  if (isIdToken(claims)) return "idToken";
  if (Number(claims.exp) - Number(claims.iat) > lifetimeMaxS) return "lifetime";
  const named = clientClaims.some((name) => isText(claims[name]));
  return named && isSomebody(claims, subjectClaims) ? undefined : "claims";
}

/** By its own name, which may have dots (`https://example.com/roles`), or by a path (`realm_access.roles`). */
export function claimOf(claims: JWTPayload, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name
    .split(".")
    .reduce<unknown>(
      (value, member) =>
        typeof value === "object" && value !== null && Object.hasOwn(value, member)
          ? (value as Record<string, unknown>)[member]
          : undefined,
      claims,
    );
}

/** One value or a list of them, as issuers have it. */
const textsOf = (claim: unknown): string[] => (Array.isArray(claim) ? claim : [claim]).filter(isText);

/** All but what a log line, a header and a URL take as it is; with `/` and `%`, so that no two become one. */
const escaped = /[^\x21-\x24\x26-\x2e\x30-\x7e]/gu;
const idCharsMax = 128;

/** `oidc:<alias>:<subject>`; one that is too long is told by its hash, which no subject can have for its own. */
export function idOf(claims: JWTPayload, { alias }: Issuer, { subjectClaims }: Oidc): string {
  const parts = subjectClaims.map((name) => String(claims[name]).replace(escaped, encodeURIComponent));
  const id = `oidc:${alias}:${parts.join("/")}`;
  return id.length <= idCharsMax
    ? id
    : `oidc:${alias}:/${createHash("sha256").update(id).digest("base64url")}`;
}

/** Of one sign-in: how it was done (`acr`, `amr`), and not long ago. */
function isStrong(claims: JWTPayload, strongSignIns: readonly string[], nowS: number): boolean {
  const ways = [...textsOf(claims.acr), ...textsOf(claims.amr)];
  const { auth_time: signedInAt } = claims;
  const isRecent = typeof signedInAt === "number" && nowS - signedInAt <= strongSignInMaxS;
  return isRecent && ways.some((way) => strongSignIns.includes(way));
}

/**
 * The scopes that the token is narrowed to; undefined: to none. What issuers write there besides (`openid`,
 * `access_as_user`) are no scopes of ours, and say nothing about them.
 */
function narrowedTo({ scope, scp }: JWTPayload): readonly Scope[] | undefined {
  const given = [...textsOf(scope), ...textsOf(scp)].flatMap((text) => text.split(" "));
  const own = scopes.filter((name) => given.includes(name));
  return own.length === 0 ? undefined : own;
}

/**
 * What of the claims says who this is and what it may, for a session: of the groups those that are given something now.
 * undefined: it does not say who.
 */
export function claimsToKeep(
  claims: JWTPayload,
  { subjectClaims, roleClaim }: Oidc,
  grants: Grants,
): JWTPayload | undefined {
  if (!isSomebody(claims, subjectClaims)) return undefined;
  const names = [...subjectClaims, "acr", "amr", "auth_time"].filter((name) => claims[name] !== undefined);
  const groups = textsOf(claimOf(claims, roleClaim)).filter((group) => grants.has(group));
  return { ...Object.fromEntries(names.map((name) => [name, claims[name]])), [roleClaim]: groups };
}

/** Both give others rights, or see through everything. */
const needStrength: readonly string[] = ["owner", "operator"];

function rightsIn(claims: JWTPayload, issuer: Issuer, oidc: Oidc, grants: Grants, nowS: number) {
  const { roleClaim, strongSignIns } = oidc;
  const given = textsOf(claimOf(claims, roleClaim))
    .flatMap((group) => grants.get(group) ?? [])
    .filter((grant) => grant.issuer === undefined || grant.issuer === issuer.alias);
  if (given.length === 0)
    return { roles: [], because: `nothing in the claim ${roleClaim} of the token is given a role here` };
  const isWeak = strongSignIns.length > 0 && !isStrong(claims, strongSignIns, nowS);
  const held = isWeak ? given.filter(({ role }) => !needStrength.includes(role)) : given;
  const rights = rightsFrom(held);
  if (held.length < given.length)
    return {
      ...rights,
      because: `owner and operator take a sign-in by ${strongSignIns.join(" or ")} (acr, amr) in the last 8 hours (auth_time)`,
    };
  return rights.domains?.length === 0
    ? { roles: [], because: "the roles of the token are given in domains that have nothing in common" }
    : rights;
}

/** Of a token without a fault. */
export function principalOf(
  claims: JWTPayload,
  issuer: Issuer,
  oidc: Oidc,
  grants: Grants,
  nowS: number,
): Principal {
  const narrowed = narrowedTo(claims);
  // Entra ID has `uti` for it.
  const credential = [claims.jti, claims.uti].find(isText);
  return {
    id: idOf(claims, issuer, oidc),
    via: "token",
    ...rightsIn(claims, issuer, oidc, grants, nowS),
    ...(narrowed === undefined ? {} : { scopes: narrowed }),
    ...(credential === undefined ? {} : { credential }),
  };
}
