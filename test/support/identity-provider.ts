/**
 * A real identity provider (oidc-provider, certified by the OpenID Foundation) on this machine, with people who need no
 * password; also for a newcomer to try (`npm run identity`). Gives access tokens after RFC 9068 to whoever asks with the
 * resource that it knows.
 */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from "jose";
import Provider from "oidc-provider";
import { scopes } from "../../services/contracts/access.ts";
import { fixedPort } from "./fixed-port.ts";

export interface Person {
  readonly groups?: readonly string[];
  /** How they sign in; undefined: the provider says nothing about it. */
  readonly acr?: string;
  readonly name?: string;
}

export interface IdentityProviderOptions {
  readonly people: Readonly<Record<string, Person>>;
  /** What its access tokens are meant for. */
  readonly audience: string;
  /** Any free one when absent. */
  readonly port?: number;
  /** Groups and names stand in the ID token; else whoever has one must ask for them. */
  readonly tellsInIdToken?: boolean;
}

interface SigningKey {
  readonly jwk: JWK & { kid: string };
  readonly privateKey: CryptoKey;
}

export interface IdentityProvider {
  readonly issuer: string;
  /** What it publishes of the key that it signs with. */
  publicKey(): JWK;
  /** Tokens that it would never give, signed with its key. */
  sign(claims: Record<string, unknown>, header?: Partial<JWTHeaderParameters>): Promise<string>;
  /** Signs with a new key from now on, and withdraws the old one. */
  rotate(): Promise<void>;
  /** How often its keys were asked for. */
  keysAsked(): number;
  stop(): Promise<void>;
  /** On the same port. */
  startAgain(): Promise<void>;
}

/** A program on the machine of whoever signs in, without a secret (RFC 8252). */
const client = { id: "mailroster-cli", redirectUri: "http://127.0.0.1/callback" };
/** mailroster itself, for people at its console on this machine. */
export const consoleClient = {
  id: "mailroster-console",
  secret: "a secret of nobody but this machine",
  redirectUri: "http://127.0.0.1/session/callback",
};
const algorithm = "ES256";
const tokenSeconds = 600;

async function newKey(): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: randomUUID(), use: "sig", alg: algorithm };
  return { jwk, privateKey };
}

function provider(
  issuer: string,
  { people, audience, tellsInIdToken = false }: IdentityProviderOptions,
  { jwk }: SigningKey,
): Provider {
  return new Provider(issuer, {
    jwks: { keys: [jwk as never] },
    cookies: { keys: [randomUUID()] },
    clients: [
      {
        client_id: client.id,
        redirect_uris: [client.redirectUri],
        application_type: "native",
        token_endpoint_auth_method: "none",
        id_token_signed_response_alg: algorithm,
      },
      {
        client_id: consoleClient.id,
        client_secret: consoleClient.secret,
        redirect_uris: [consoleClient.redirectUri],
        application_type: "native",
        token_endpoint_auth_method: "client_secret_basic",
        id_token_signed_response_alg: algorithm,
      },
    ],
    claims: { openid: ["sub"], profile: ["name", "groups"] },
    conformIdTokenClaims: !tellsInIdToken,
    findAccount: (_ctx, sub) =>
      Object.hasOwn(people, sub)
        ? {
            accountId: sub,
            claims: () => ({ sub, groups: people[sub]?.groups, name: people[sub]?.name }),
          }
        : undefined,
    extraTokenClaims(_ctx, token) {
      const { groups, acr } = people[(token as { accountId?: string }).accountId ?? ""] ?? {};
      return { groups, acr, auth_time: acr === undefined ? undefined : Math.floor(Date.now() / 1_000) };
    },
    ttl: {
      AccessToken: tokenSeconds,
      Grant: tokenSeconds,
      IdToken: tokenSeconds,
      Interaction: 60,
      Session: 60,
    },
    features: {
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: scopes.join(" "),
          audience,
          accessTokenTTL: tokenSeconds,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: algorithm } },
        }),
      },
    },
  });
}

const listening = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });

export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const port = options.port ?? (await fixedPort());
  const issuer = `http://127.0.0.1:${port}`;
  let key = await newKey();
  let answer = provider(issuer, options, key).callback();
  let keysAsked = 0;
  let server: Server;
  const start = async () => {
    server = createServer((req: IncomingMessage, res: ServerResponse) => {
      if (req.url === "/jwks") keysAsked += 1;
      void answer(req, res);
    });
    await listening(server, port);
  };
  await start();
  return {
    issuer,
    publicKey() {
      const { d: _, ...jwk } = key.jwk;
      return jwk;
    },
    sign: (claims, header = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: algorithm, typ: "at+jwt", kid: key.jwk.kid, ...header })
        .sign(key.privateKey),
    async rotate() {
      key = await newKey();
      answer = provider(issuer, options, key).callback();
    },
    keysAsked: () => keysAsked,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    startAgain: start,
  };
}

/** One step of a browser: cookies are kept, redirects are followed by whoever asks. */
function browser() {
  const cookies = new Map<string, string>();
  return async (url: URL, form?: Record<string, string>): Promise<URL> => {
    const answer = await fetch(url, {
      redirect: "manual",
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
      ...(form === undefined ? {} : { method: "POST", body: new URLSearchParams(form) }),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    if (location === null) throw new Error(`Cannot sign in: ${answer.status} ${await answer.text()}`);
    return new URL(location, url);
  };
}

const stepsMax = 12;

/** What a browser does from the address that somebody is sent to until they are sent back to where `back` begins. */
export async function walkThrough(ask: URL, name: string, back: string): Promise<URL> {
  const go = browser();
  const forms: Record<string, string>[] = [
    { prompt: "login", login: name, password: "any" },
    { prompt: "consent" },
  ];
  let place = await go(ask);
  for (let step = 0; !place.href.startsWith(back); step += 1) {
    if (step === stepsMax) throw new Error("Cannot sign in: the provider leads nowhere");
    place = await go(place, place.pathname.startsWith("/interaction/") ? forms.shift() : undefined);
  }
  return place;
}

export interface Tokens {
  readonly access_token: string;
  readonly id_token: string;
}

/** The authorization code flow with PKCE (RFC 6749 §4.1, RFC 7636), as a browser and a program go through it. */
export async function signIn(
  issuer: string,
  name: string,
  { audience, scope = "" }: { readonly audience: string; readonly scope?: string },
): Promise<Tokens> {
  const verifier = randomBytes(32).toString("base64url");
  const ask = new URL("/auth", issuer);
  ask.search = new URLSearchParams({
    client_id: client.id,
    response_type: "code",
    redirect_uri: client.redirectUri,
    scope: `openid ${scope}`.trim(),
    resource: audience,
    state: randomUUID(),
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
  }).toString();
  const place = await walkThrough(ask, name, client.redirectUri);
  const answer = await fetch(new URL("/token", issuer), {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: client.id,
      redirect_uri: client.redirectUri,
      code: place.searchParams.get("code") ?? "",
      code_verifier: verifier,
      resource: audience,
    }),
  });
  if (!answer.ok) throw new Error(`Cannot sign in: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as Tokens;
}
