/**
 * The console as a client of an identity provider: the code flow of OpenID Connect with PKCE (RFC 6749 §4.1, RFC 7636).
 *
 * Promise: nobody has signed in but who comes back, within ten minutes, in the browser that was sent, with a code that the
 * provider gave for that, and an ID token that it has signed for us. No token leaves the gateway, and none is kept.
 */
import type { JWTPayload } from "jose";
import type * as OpenIdClient from "openid-client";
import * as z from "zod";
import { errorMessage } from "../../../mixins/log/error-text.ts";
import type { Logger } from "../../../mixins/log/logging.ts";
import type { ConsoleClient } from "../../config/console.ts";
import type { Oidc } from "../../config/oidc.ts";
import { Unavailable } from "../../contracts/errors.ts";
import { claimOf } from "../access/token-claims.ts";

/** What the browser brings back, sealed. */
export const SignInUnderWay = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  endsAt: z.number(),
});
export type SignInUnderWay = z.infer<typeof SignInUnderWay>;

export interface ConsoleProvider {
  /** Where the browser is to go, and what it must bring back. Rejects with Unavailable. */
  begin(
    redirectUri: string,
  ): Promise<{ readonly url: string } & Pick<SignInUnderWay, "state" | "nonce" | "verifier">>;
  /** Who has come back to this address. Rejects with Unavailable; undefined: nobody who was sent there. */
  finish(came: URL, sent: SignInUnderWay): Promise<JWTPayload | undefined>;
  /** Where its own session is ended; undefined: nowhere that it tells. Never rejects. */
  endUrl(backTo: string): Promise<string | undefined>;
}

interface ProviderOptions {
  readonly oidc: Oidc;
  readonly log: Logger;
  readonly now: () => Date;
}

const timeoutS = 3;
const keptMs = 10 * 60_000;

/** Of the library: it was not the provider that said no. */
const isOutage = (error: unknown): boolean => {
  const { code, status } = error as { code?: unknown; status?: unknown };
  return error instanceof TypeError || code === "OAUTH_TIMEOUT" || Number(status) >= 500;
};

export function consoleProvider(
  { issuer, id, secret, scope }: ConsoleClient,
  { oidc, log, now }: ProviderOptions,
): ConsoleProvider {
  let known: Promise<OpenIdClient.Configuration> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;

  const away = (error: unknown): Unavailable => {
    log.warn({ issuer: issuer.url, reason: errorMessage(error) }, "an identity provider can't be asked");
    return new Unavailable("identity", `Cannot sign in: ${issuer.alias} does not answer`);
  };

  async function discover(): Promise<OpenIdClient.Configuration> {
    const client = await import("openid-client");
    const url = new URL(issuer.url);
    const authentication = secret === undefined ? client.None() : client.ClientSecretBasic(secret);
    const metadata = { [client.clockTolerance]: oidc.clockSkewS };
    const config = await client.discovery(url, id, metadata, authentication, {
      timeout: timeoutS,
      execute: [
        // Without it the token would be believed for the connection that it came by alone.
        client.enableNonRepudiationChecks,
        // To this machine alone, as the configuration has it.
        ...(url.protocol === "http:" ? [client.allowInsecureRequests] : []),
      ],
    });
    if (config.serverMetadata().issuer !== issuer.url) throw new Error("it calls itself otherwise");
    return config;
  }

  /** A failure is not kept. */
  async function configuration(): Promise<OpenIdClient.Configuration> {
    const nowMs = now().getTime();
    if (known === undefined || nowMs - askedAt > keptMs) {
      known = discover();
      askedAt = nowMs;
    }
    try {
      return await known;
    } catch (error) {
      known = undefined;
      throw away(error);
    }
  }

  /** Some tell groups to whoever asks for them alone. */
  async function withUserInfo(
    config: OpenIdClient.Configuration,
    tokens: { readonly access_token: string },
    claims: JWTPayload,
  ): Promise<JWTPayload> {
    const isTold = claimOf(claims, oidc.roleClaim) !== undefined;
    if (isTold || config.serverMetadata().userinfo_endpoint === undefined) return claims;
    const { fetchUserInfo } = await import("openid-client");
    const told = await fetchUserInfo(config, tokens.access_token, String(claims.sub));
    return { ...told, ...claims };
  }

  return {
    async begin(redirectUri) {
      const config = await configuration();
      const client = await import("openid-client");
      const [state, nonce, verifier] = [
        client.randomState(),
        client.randomNonce(),
        client.randomPKCECodeVerifier(),
      ];
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
      });
      return { url: url.href, state, nonce, verifier };
    },
    async finish(came, { state, nonce, verifier }) {
      const config = await configuration();
      const client = await import("openid-client");
      try {
        const tokens = await client.authorizationCodeGrant(config, came, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        return claims && (await withUserInfo(config, tokens, claims as JWTPayload));
      } catch (error) {
        if (isOutage(error)) throw away(error);
        log.warn(
          { issuer: issuer.url, reason: errorMessage(error) },
          "somebody came back who has not signed in",
        );
        return undefined;
      }
    },
    async endUrl(backTo) {
      try {
        const config = await configuration();
        if (config.serverMetadata().end_session_endpoint === undefined) return undefined;
        const { buildEndSessionUrl } = await import("openid-client");
        return buildEndSessionUrl(config, { post_logout_redirect_uri: backTo }).href;
      } catch {
        return undefined;
      }
    },
  };
}
