/** Where a client finds out whose tokens open this service: OAuth 2.0 Protected Resource Metadata (RFC 9728). */
import type { Config } from "../../config/index.ts";
import { scopes } from "../../contracts/access.ts";
import { protectedResourcePath } from "../../contracts/headers.ts";
import { originsBy } from "../http/addresses.ts";
import type { WebRequest } from "../http/exchange.ts";

export interface ProtectedResource {
  /** For `resource_metadata` of a challenge (§5.1). */
  urlFor(req: WebRequest): string;
  documentFor(req: WebRequest): object;
}

/** undefined: no tokens are taken here. */
export function protectedResource(config: Config): ProtectedResource | undefined {
  if (config.auth !== "required") return undefined;
  const originOf = originsBy(config);
  const { audience = "", issuers = [] } = config.oidc ?? {};
  return {
    urlFor: (req) => `${originOf(req)}${protectedResourcePath}`,
    documentFor: (req) => ({
      resource: /^https?:/.test(audience) ? audience : originOf(req),
      resource_name: "mailroster",
      resource_documentation: `${originOf(req)}/docs`,
      ...(issuers.length === 0 ? {} : { authorization_servers: issuers.map(({ url }) => url) }),
      scopes_supported: scopes,
      bearer_methods_supported: ["header"],
    }),
  };
}
