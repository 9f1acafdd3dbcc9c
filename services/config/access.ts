/** Who is let in, and whose word is taken for who they are. */
import { consoleValues } from "./console.ts";
import { oidc } from "./oidc.ts";
import { accessKey, hosts, networks, oneOf } from "./readers.ts";
import type { Variables } from "./variables.ts";

/** Throws ConfigError. */
export function accessValues(env: Variables) {
  const trusted = oidc(env);
  return {
    auth: oneOf(env, "AUTH", ["none", "required", "proxy"], "none"),
    isAuthGiven: env.text("AUTH") !== undefined,
    insecureBind: oneOf(env, "INSECURE_BIND", ["true", "false"], "false") === "true",
    trustedProxies: networks(env, "TRUSTED_PROXIES"),
    proxySecret: env.secret("PROXY_SECRET"),
    oidc: trusted,
    ...consoleValues(env, trusted),
    gatewayToken: env.secret("MAILROSTER_TOKEN"),
    bootstrapKey: accessKey(env, "AUTH_BOOTSTRAP_KEY"),
    allowedHosts: hosts(env, "HTTP_ALLOWED_HOSTS"),
  };
}
