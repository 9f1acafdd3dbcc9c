/** A host as a setting, a `Host` header or an `Origin` names it, in one spelling. */
import { isIPv6 } from "node:net";

const octet = "(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const loopbackAddress = new RegExp(`^127\\.${octet}\\.${octet}\\.${octet}$`);
/** 127.0.0.0/8 as an IPv6 socket shows it (RFC 4291 §2.5.5.2). */
const mappedLoopback = /^\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\]$/;

/**
 * Lower case, an IDN as A-labels, IPv6 shortened and in brackets, no dot at the end; undefined when it is no host. An
 * IPv6 address may come without its brackets.
 */
export function canonicalHost(text: string): string | undefined {
  if (/[\s/?#@\\%]/.test(text)) return undefined;
  const bare = isIPv6(text);
  const url = `http://${bare ? `[${text}]` : text}`;
  if (!URL.canParse(url)) return undefined;
  const { hostname, host } = new URL(url);
  // A port is no part of a host; `http://a:` and `http://a:80` lose theirs in the parsing.
  if (host !== hostname || (!bare && !text.endsWith("]") && text.includes(":"))) return undefined;
  return hostname.replace(/(?<=[^.])\.$/, "");
}

/** Of a host in canonical form: it can only lead to this machine (RFC 6761 §6.3, RFC 1122 §3.2.1.3). */
export const isLoopbackHost = (host: string): boolean =>
  host === "localhost" ||
  host.endsWith(".localhost") ||
  host === "[::1]" ||
  loopbackAddress.test(host) ||
  mappedLoopback.test(host);

/** Of a host in canonical form: every address of the machine. */
export const isWildcardHost = (host: string): boolean => host === "0.0.0.0" || host === "[::]";

/** A host and a port as they stand in a URL: an IPv6 address in brackets. */
export const authorityOf = (host: string, port: number): string =>
  `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;

/** Where a process of this machine reaches a server that listens on `host`: for a wildcard on the loopback interface. */
export const reachableAuthority = (host: string, port: number): string =>
  authorityOf(isWildcardHost(canonicalHost(host) ?? host) ? "127.0.0.1" : host, port);
