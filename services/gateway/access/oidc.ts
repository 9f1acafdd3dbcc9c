/**
 * The access tokens of people (RFC 9068), from the identity providers of OIDC_ISSUERS.
 *
 * Promise: nobody is let in but by a token that one of them has signed, with a key that it publishes, for this service, as
 * an access token, for now. While its keys can't be had at all nobody is refused for that: it is Unavailable. A token is
 * verified once and then known for 30 seconds at most.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from "jose";
import type { HealthCheck } from "../../../mixins/basics/mixin.ts";
import { errorMessage } from "../../../mixins/log/error-text.ts";
import type { Logger } from "../../../mixins/log/logging.ts";
import type { Issuer, Oidc } from "../../config/oidc.ts";
import { type Grants, readRolesFile } from "../../config/roles-file.ts";
import type { Principal } from "../../contracts/access.ts";
import { type AuthFailure, type HttpProblem, unauthenticated } from "../problems/problems.ts";
import type { TokenVerifier } from "./bearer.ts";
import { type IssuerKeys, issuerKeys } from "./issuer-keys.ts";
import { type ClaimFault, claimFault, claimsToKeep, principalOf } from "./token-claims.ts";

const rememberedMs = 30_000;
const rememberedMax = 10_000;
/** Between two looks at OIDC_ROLES_FILE. */
const rolesLookMs = 5_000;

type Fault =
  | ClaimFault
  | "malformed"
  | "header"
  | "algorithm"
  | "type"
  | "issuer"
  | "audience"
  | "expired"
  | "early"
  | "signature"
  | "key";

/** What completes "The token …", and what is counted. */
const faults: Readonly<Record<Fault, readonly [string, AuthFailure]>> = {
  malformed: ["is no well-formed JWT", "malformed"],
  header: [
    "names keys or extensions in its header (jku, x5u, jwk, crit), and none are taken from there",
    "invalid",
  ],
  algorithm: ["is signed by an algorithm (alg) that is not taken here", "algorithm"],
  type: ["is no access token: its typ is not the one that is taken here", "type"],
  idToken: ["is an ID token, which is for the client that asked for it; send the access token", "type"],
  issuer: ["comes from an issuer (iss) that is not trusted here", "issuer"],
  audience: ["is meant for another service (aud)", "audience"],
  expired: ["has expired", "expired"],
  early: ["is not valid yet, or not to be dated (iat, nbf): compare the clocks", "invalid"],
  lifetime: ["is valid for longer than 24 hours, which is not taken here", "invalid"],
  signature: ["has a signature that does not fit it", "signature"],
  key: ["is signed with a key (kid) that its issuer does not publish", "signature"],
  claims: ["lacks a claim that is needed: exp, iat, sub, and client_id or azp", "invalid"],
};

const refusal = (fault: Fault): HttpProblem => unauthenticated(...faults[fault]);

/** A token that brings its own key, or demands what we do not know (RFC 7515 §4.1.11), is none of an issuer's. */
const refusedParameters = ["jku", "x5u", "jwk", "crit"];

/**
 * A media type may leave out `application/` (RFC 7515 §4.1.9). Of an issuer that knows no `at+jwt`, none at all is as good
 * as `JWT`.
 */
function isTyped({ typ }: ProtectedHeaderParameters, { typ: taken }: Oidc): boolean {
  const type = String(typ ?? "")
    .toLowerCase()
    .replace(/^application\//, "");
  return type === "at+jwt" || (taken === "JWT" && (type === "jwt" || type === ""));
}

function headerFault(header: ProtectedHeaderParameters, oidc: Oidc): Fault | undefined {
  if (refusedParameters.some((name) => Object.hasOwn(header, name))) return "header";
  if (!oidc.algorithms.includes(String(header.alg))) return "algorithm";
  return isTyped(header, oidc) ? undefined : "type";
}

/** What it says of itself, which nobody has verified. Throws a problem. */
function decoded(token: string) {
  try {
    return { header: decodeProtectedHeader(token), iss: decodeJwt(token).iss };
  } catch {
    throw refusal("malformed");
  }
}

const claimFaults: Readonly<Record<string, Fault>> = {
  aud: "audience",
  iss: "issuer",
  nbf: "early",
  iat: "early",
};

/** Of an error of jose's; undefined: it is none about the token. */
function faultOf(error: unknown): Fault | undefined {
  if (error instanceof errors.JWTExpired) return "expired";
  if (error instanceof errors.JWTClaimValidationFailed) return claimFaults[error.claim] ?? "claims";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "signature";
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return "key";
  if (error instanceof errors.JOSEAlgNotAllowed) return "algorithm";
  return error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid ? "malformed" : undefined;
}

interface Party {
  readonly issuer: Issuer;
  readonly keys: IssuerKeys;
}

/** The claims of a good token, with whose it is. Rejects with a problem, or with Unavailable. */
async function verified(token: string, parties: readonly Party[], oidc: Oidc, nowMs: number) {
  const { header, iss } = decoded(token);
  const wrong = headerFault(header, oidc);
  if (wrong !== undefined) throw refusal(wrong);
  const party = parties.find(({ issuer }) => issuer.url === iss);
  if (party === undefined) throw refusal("issuer");
  const claims = await signedClaims(token, party, oidc, nowMs);
  const fault = claimFault(claims, oidc);
  if (fault !== undefined) throw refusal(fault);
  return { claims, issuer: party.issuer };
}

async function signedClaims(token: string, { issuer, keys }: Party, oidc: Oidc, nowMs: number) {
  try {
    const { payload } = await jwtVerify(token, keys.keyOf, {
      issuer: issuer.url,
      audience: oidc.audience,
      algorithms: [...oidc.algorithms],
      requiredClaims: ["exp", "iat", "sub"],
      clockTolerance: oidc.clockSkewS,
      maxTokenAge: "24h",
      currentDate: new Date(nowMs),
    });
    return payload;
  } catch (error) {
    const fault = faultOf(error);
    throw fault === undefined ? error : refusal(fault);
  }
}

export interface OidcOptions {
  readonly now: () => number;
  readonly log: Logger;
}

/** What OIDC_ROLES_FILE says now; one that is faulty or gone changes nothing, and is logged. */
function grantsOf({ issuers, rolesFile, grants: first }: Oidc, { now, log }: OidcOptions): () => Grants {
  const stateOf = (): string => {
    const { mtimeMs, size, ino } = statSync(rolesFile);
    return `${mtimeMs} ${size} ${ino}`;
  };
  let grants = first;
  let state: string | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() - lookedAt < rolesLookMs) return grants;
    lookedAt = now();
    try {
      const current = stateOf();
      if (current === state) return grants;
      state = current;
      grants = readRolesFile(rolesFile, issuers);
    } catch (error) {
      log.error({ reason: errorMessage(error) }, "the roles of before stay, OIDC_ROLES_FILE can't be taken");
    }
    return grants;
  };
}

interface Known {
  readonly principal: Principal;
  /** By which it was given its roles. */
  readonly grants: Grants;
  readonly untilMs: number;
}

/** Whose tokens they were, by their hashes, for a moment; the oldest goes when there are too many. */
function memory() {
  const known = new Map<string, Known>();
  return {
    get(hash: string, grants: Grants, nowMs: number): Principal | undefined {
      const entry = known.get(hash);
      if (entry !== undefined && nowMs < entry.untilMs && entry.grants === grants) return entry.principal;
      known.delete(hash);
      return undefined;
    },
    set(hash: string, entry: Known): void {
      const [oldest] = known.size >= rememberedMax ? known.keys() : [];
      if (oldest !== undefined) known.delete(oldest);
      known.set(hash, entry);
    },
  };
}

export interface OidcVerifier {
  /** What a session is to hold of verified claims (token-claims.ts). */
  readonly claimsToKeep: (claims: JWTPayload) => JWTPayload | undefined;
  /** Of somebody whose claims were verified before, by the roles as they are given now; undefined: of no issuer any more. */
  readonly principalFor: (alias: string, claims: JWTPayload) => Principal | undefined;
  readonly verify: TokenVerifier;
  /** Rejects while no token of some issuer can be judged. */
  readonly check: HealthCheck;
  /** Asks the issuers for their keys when that is due; never rejects. */
  refresh(): Promise<void>;
}

export function oidcVerifier(oidc: Oidc, options: OidcOptions): OidcVerifier {
  const { now } = options;
  const parties = oidc.issuers.map((issuer) => ({ issuer, keys: issuerKeys(issuer.url, options) }));
  const remembered = memory();
  const refresh = async (): Promise<void> => {
    await Promise.all(parties.map(({ keys }) => keys.refresh()));
  };
  const currentGrants = grantsOf(oidc, options);
  return {
    claimsToKeep: (claims) => claimsToKeep(claims, oidc, currentGrants()),
    principalFor(alias, claims) {
      const issuer = oidc.issuers.find((each) => each.alias === alias);
      return issuer && principalOf(claims, issuer, oidc, currentGrants(), now() / 1_000);
    },
    async verify(token) {
      const nowMs = now();
      const grants = currentGrants();
      const hash = createHash("sha256").update(token).digest("base64");
      const known = remembered.get(hash, grants, nowMs);
      if (known !== undefined) return known;
      const { claims, issuer } = await verified(token, parties, oidc, nowMs);
      const principal = principalOf(claims, issuer, oidc, grants, nowMs / 1_000);
      const untilMs = Math.min(Number(claims.exp) * 1_000, nowMs + rememberedMs);
      remembered.set(hash, { principal, grants, untilMs });
      return principal;
    },
    async check() {
      await refresh();
      const down = parties.filter(({ keys }) => !keys.isUp()).map(({ issuer }) => issuer.alias);
      if (down.length > 0) throw new Error(`no keys of ${down.join(", ")} can be had`);
    },
    refresh,
  };
}
