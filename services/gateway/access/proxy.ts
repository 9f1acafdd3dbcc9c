/**
 * `AUTH=proxy`: who asks was found out by the proxy in front, which says so in X-Actor and X-Roles. It is believed for its
 * address (TRUSTED_PROXIES) and, where PROXY_SECRET is set, for that in X-Proxy-Secret; it must drop what clients send
 * under these names.
 */
import { timingSafeEqual } from "node:crypto";
import { isActor } from "../../../mixins/context/correlation.ts";
import type { Config } from "../../config/index.ts";
import type { Principal } from "../../contracts/access.ts";
import { httpHeader } from "../../contracts/headers.ts";
import { inNetworks } from "../../contracts/networks.ts";
import { type Role, roles } from "../../contracts/roles.ts";
import type { WebRequest } from "../http/exchange.ts";
import { unauthenticated } from "../problems/problems.ts";

/** With the prefix no more than an actor may have. */
const nameCharsMax = 122;

/** In a time that tells nothing of how much of it was right. */
function isSecret(given: string | string[] | undefined, secret: string): boolean {
  const [one, other] = [Buffer.from(String(given ?? "")), Buffer.from(secret)];
  return (
    timingSafeEqual(other.length === one.length ? one : Buffer.alloc(other.length), other) && one.length > 0
  );
}

const rolesOf = (text: string): Role[] =>
  text
    .split(",")
    .map((name) => name.trim())
    .flatMap((name) => roles.find((role) => role === name) ?? []);

export function byProxy(config: Config): (req: WebRequest) => Principal {
  const isTrusted = inNetworks(config.trustedProxies);
  return ({ socket, headers }) => {
    const hasSecret =
      config.proxySecret === undefined || isSecret(headers[httpHeader.proxySecret], config.proxySecret);
    if (!isTrusted(socket.remoteAddress) || !hasSecret)
      throw unauthenticated("is not asked for here: only the trusted proxy is believed");
    const name = headers[httpHeader.actor];
    if (!isActor(name) || name.length > nameCharsMax)
      throw unauthenticated("is not asked for here: the proxy must name the caller in X-Actor");
    return { id: `proxy:${name}`, via: "proxy", roles: rolesOf(String(headers[httpHeader.roles] ?? "")) };
  };
}
