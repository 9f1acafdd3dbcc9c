/**
 * Whether a secret may go over the connection that a request came by: over TLS, which a trusted proxy tells of, or within
 * the browser's own machine.
 */
import type { IncomingMessage } from "node:http";
import { hostOf } from "../../../mixins/http/host-guard.ts";
import type { Config } from "../../config/index.ts";
import { isLoopbackHost } from "../../contracts/host.ts";
import { inNetworks } from "../../contracts/networks.ts";
import type { Channel } from "./cookies.ts";

/** By the name that the browser used, which no page of another site can choose. */
const isForLoopback = ({ headers }: IncomingMessage): boolean => {
  const host = hostOf(headers.host ?? "");
  return host !== undefined && isLoopbackHost(host);
};

export function channels({ trustedProxies }: Config): (req: IncomingMessage) => Channel {
  const isTrusted = inNetworks(trustedProxies);
  return (req) => {
    if (req.headers["x-forwarded-proto"] === "https" && isTrusted(req.socket.remoteAddress)) return "tls";
    return isForLoopback(req) ? "loopback" : "plain";
  };
}
