/** What SCIM is told of the installation. */
import { parseAddress } from "../contracts/address.ts";
import { baseUrl } from "./readers.ts";
import { fault, type Variables } from "./variables.ts";

function domain(env: Variables, name: string): string | undefined {
  const text = env.text(name);
  if (text !== undefined && !parseAddress(`a@${text}`).ok)
    throw fault(name, "must be a domain name such as example.com");
  return text;
}

/** Of an origin alone the path is ours; with a path it is what a proxy in front has made of it. */
function scimBaseUrl(env: Variables): string | undefined {
  const url = baseUrl(env, "SCIM_BASE_URL");
  return url !== undefined && new URL(url).pathname === "/" ? `${url}/scim/v2` : url;
}

/** Throws ConfigError. */
export const scimValues = (env: Variables) => ({
  scimDefaultDomain: domain(env, "SCIM_DEFAULT_DOMAIN"),
  scimBaseUrl: scimBaseUrl(env),
});
