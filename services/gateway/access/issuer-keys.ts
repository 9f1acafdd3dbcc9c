/**
 * The keys that an identity provider signs with, as it publishes them (OpenID Connect Discovery 1.0 §4, RFC 7517).
 *
 * Promise: a new key is known once somebody shows a token of it, a withdrawn one is forgotten within ten minutes, and the
 * provider is asked at most every 30 seconds, whatever is sent to us; every five while we have no key at all. While it is
 * away, what it last published holds for 24 hours; then, and when it was never reached, nobody can say whether a token is
 * good (Unavailable).
 */
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from "jose";
import * as z from "zod";
import { errorMessage } from "../../../mixins/log/error-text.ts";
import type { Logger } from "../../../mixins/log/logging.ts";
import { isTrustworthyUrl } from "../../config/oidc.ts";
import { Unavailable } from "../../contracts/errors.ts";

const freshMs = 10 * 60_000;
const keptMs = 24 * 60 * 60_000;
/** Between two questions; shorter while there is no key to go on with. */
const pauseMs = 30_000;
const firstPauseMs = 5_000;
const timeoutMs = 2_000;

export interface IssuerKeys {
  /** As `jwtVerify` takes it. Rejects with Unavailable, or as jose does when there is no such key. */
  readonly keyOf: JWTVerifyGetKey;
  /** Asks for the keys when that is due; never rejects. */
  refresh(): Promise<void>;
  /** Whether there are keys to go on with. */
  isUp(): boolean;
}

export interface IssuerKeysOptions {
  readonly now: () => number;
  readonly log: Logger;
}

const Metadata = z.object({ issuer: z.string(), jwks_uri: z.string() });

/** Where the keys are; the issuer must call itself what we call it (Discovery §4.3). */
async function keysUrlOf(issuer: string): Promise<URL> {
  const url = `${issuer.replace(/(?<!\/)\/+$/, "")}/.well-known/openid-configuration`;
  const answer = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
  if (answer.status !== 200) throw new Error(`Cannot read ${url}: it answers with ${answer.status}`);
  const metadata = Metadata.parse(await answer.json());
  if (metadata.issuer !== issuer)
    throw new Error(`Cannot trust ${url}: it calls itself ${metadata.issuer}, and OIDC_ISSUERS ${issuer}`);
  if (!isTrustworthyUrl(metadata.jwks_uri)) throw new Error(`Cannot trust ${url}: its jwks_uri is not https`);
  return new URL(metadata.jwks_uri);
}

/** jose fetches and picks; when, is said here. */
async function load(issuer: string) {
  const keys = createRemoteJWKSet(await keysUrlOf(issuer), {
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: Number.POSITIVE_INFINITY,
    timeoutDuration: timeoutMs,
  });
  await keys.reload();
  return keys;
}

export function issuerKeys(issuer: string, { now, log }: IssuerKeysOptions): IssuerKeys {
  let keys: JWTVerifyGetKey | undefined;
  let loadedAt = Number.NEGATIVE_INFINITY;
  let askedAt = Number.NEGATIVE_INFINITY;
  let pending: Promise<void> | undefined;

  const isUp = (): boolean => keys !== undefined && now() - loadedAt < keptMs;

  async function ask(): Promise<void> {
    askedAt = now();
    try {
      keys = await load(issuer);
      loadedAt = now();
    } catch (error) {
      log.warn({ issuer, reason: errorMessage(error) }, "the keys of an identity provider can't be had");
    } finally {
      pending = undefined;
    }
  }

  /** Whoever comes meanwhile waits for the same answer. */
  function askAtMostEvery(ms: number): Promise<void> {
    if (pending === undefined && now() - askedAt >= ms) pending = ask();
    return pending ?? Promise.resolve();
  }

  const refresh = async (): Promise<void> => {
    if (now() - loadedAt >= freshMs) await askAtMostEvery(isUp() ? pauseMs : firstPauseMs);
  };

  return {
    refresh,
    isUp,
    async keyOf(header, token) {
      await refresh();
      if (keys === undefined || !isUp())
        throw new Unavailable("identity", `Cannot verify a token: no keys of ${issuer} are known`, {
          retryAfterMs: firstPauseMs,
        });
      try {
        return await keys(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await askAtMostEvery(pauseMs);
        return keys(header, token);
      }
    },
  };
}
