/** The two cookies of the console. Both are for us alone: no script reads them, and no other host gets them. */
import type { IncomingMessage } from "node:http";

/** How the request came, or claims to have come. */
export type Channel = "tls" | "loopback" | "plain";

export type CookieName = "session" | "login";

/** Over TLS under a name that browsers give nobody else a say in (RFC 6265bis §4.1.3.2), which takes `Secure`. */
const nameOf = (name: CookieName, channel: Channel): string =>
  `${channel === "tls" ? "__Host-" : ""}mailroster-${name}`;

/** Browsers keep no larger one. */
const charsMax = 4_096;

/** undefined: there is none, or more than one, of which nobody can tell whose the first is. */
export function cookieOf(
  { headers }: IncomingMessage,
  name: CookieName,
  channel: Channel,
): string | undefined {
  const wanted = `${nameOf(name, channel)}=`;
  const values = (headers.cookie ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(wanted))
    .map((pair) => pair.slice(wanted.length));
  const [value = "", ...others] = values;
  return value === "" || value.length > charsMax || others.length > 0 ? undefined : value;
}

/** A header: name and value. `seconds` 0 takes the cookie away. */
export const setCookie = (name: CookieName, value: string, channel: Channel, seconds: number): string[] => [
  "Set-Cookie",
  [
    `${nameOf(name, channel)}=${value}`,
    "Path=/",
    `Max-Age=${seconds}`,
    "HttpOnly",
    // A link in a ticket leads in, and the identity provider back; requests that change something take more (csrf.ts).
    "SameSite=Lax",
    ...(channel === "tls" ? ["Secure"] : []),
  ].join("; "),
];
