/** The console: whether it is there, what seals its sessions, and as which client of an identity provider it signs people in. */
import type { Issuer, Oidc } from "./oidc.ts";
import { items, oneOf } from "./readers.ts";
import { fault, type Variables } from "./variables.ts";

export interface ConsoleClient {
  readonly issuer: Issuer;
  readonly id: string;
  /** undefined: a public client, which PKCE alone speaks for. */
  readonly secret: string | undefined;
  readonly scope: string;
}

export interface ConsoleSettings {
  /** Whether the gateway serves the console. */
  readonly hasConsole: boolean;
  /** The first one seals, each of them opens; none: one of the process's own. */
  readonly sessionKeys: readonly Uint8Array[];
  /** undefined: nobody signs in by an identity provider. */
  readonly consoleClient: ConsoleClient | undefined;
}

const sessionKey = /^[\w-]{43}=?$/;

function sessionKeys(env: Variables): readonly Uint8Array[] {
  const texts = items(env.secret("SESSION_KEY") ?? "").filter((item) => item !== "");
  if (!texts.every((text) => sessionKey.test(text)))
    throw fault(
      "SESSION_KEY",
      "must hold keys of 32 random bytes in base64url, the newest first, separated by commas",
    );
  return texts.map((text) => Buffer.from(text, "base64url"));
}

function consoleClient(env: Variables, oidc: Oidc | undefined): ConsoleClient | undefined {
  const id = env.text("OIDC_CLIENT_ID");
  const secret = env.secret("OIDC_CLIENT_SECRET");
  const scope = env.text("OIDC_CLIENT_SCOPE") ?? "openid profile";
  if (!scope.split(" ").includes("openid")) throw fault("OIDC_CLIENT_SCOPE", "must hold openid");
  if (id === undefined) return undefined;
  const [issuer] = oidc?.issuers ?? [];
  if (issuer === undefined)
    throw fault("OIDC_CLIENT_ID", "takes OIDC_ISSUERS: people sign in at the first of them");
  return { issuer, id, secret, scope };
}

/** Throws ConfigError. */
export const consoleValues = (env: Variables, oidc: Oidc | undefined): ConsoleSettings => ({
  hasConsole: oneOf(env, "CONSOLE", ["on", "off"], "on") === "on",
  sessionKeys: sessionKeys(env),
  consoleClient: consoleClient(env, oidc),
});
