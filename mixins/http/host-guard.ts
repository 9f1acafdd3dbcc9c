/**
 * What both HTTP servers of a process refuse before they look at anything else.
 *
 * Promise: a request that is let through has one valid Host, which is this installation's own, so that a web page whose
 * name was rebound to our address is told nothing (421); a page of another site changes nothing, with a body or without
 * (403); and no header of it was dropped by the runtime (431).
 */
import type { IncomingHttpHeaders } from "node:http";
import { networkInterfaces } from "node:os";
import { canonicalHost, isLoopbackHost, isWildcardHost } from "../../services/contracts/host.ts";

/** What a request line names (RFC 9112 §3.2). */
export interface Target {
  /** Of the absolute form. */
  readonly authority: string | undefined;
  /** Still percent-encoded. */
  readonly path: string;
  readonly query: string;
}

/** A path alone, as nearly all are. */
const plainTarget = /^\/[^?#]*$/;

/** Splits origin-form and absolute-form (RFC 9112 §3.2); `OPTIONS *` has the path `*`. */
export function targetOf(url: string): Target {
  if (plainTarget.test(url)) return { authority: undefined, path: url, query: "" };
  const authority = /^https?:\/\/([^/?#]*)/i.exec(url);
  const local = authority === null ? url : url.slice(authority[0].length);
  const [path = "", ...rest] = (local.split("#", 1)[0] ?? "").split("?");
  return { authority: authority?.[1], path: path === "" ? "/" : path, query: rest.join("?") };
}

const encodedByte = /%[\da-f]{2}/gi;
const unreserved = /[A-Za-z0-9._~-]/;

/** `%75` and `u` are the same (RFC 3986 §6.2.2.2); what is reserved stays encoded, so `%2F` never becomes a slash. */
export const unreservedDecoded = (path: string): string =>
  path.includes("%")
    ? path.replace(encodedByte, (encoded) => {
        const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16));
        return unreserved.test(character) ? character : encoded;
      })
    : path;

const portMax = 65_535;

/**
 * The host of `uri-host [":" port]` (RFC 9112 §3.2) in canonical form; undefined when the text is not that. Empty is
 * not, though the grammar takes it: an http URI without a host is invalid (RFC 9110 §4.2.1).
 */
export function hostOf(text: string): string | undefined {
  const [, host = "", port = ""] = /^(\[[\da-f:.]+\]|[\w.~!$&'()*+,;=-]+)(?::(\d*))?$/i.exec(text) ?? [];
  return Number(port) > portMax ? undefined : canonicalHost(host);
}

/** Deno drops the lines beyond some thousand, and with them what a proxy adds at the end; Node stops at 16 KB. */
const headerLinesMax = 200;

export interface GuardedRequest {
  readonly httpVersion: string;
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value … as they came. */
  readonly rawHeaders: readonly string[];
}

export interface GuardRefusal {
  readonly slug: keyof typeof statuses;
  readonly status: number;
  readonly detail: string;
}

const statuses = {
  "headers-too-large": 431,
  "malformed-request": 400,
  misdirected: 421,
  "foreign-site": 403,
  "request-timeout": 408,
} as const;

const refusal = (slug: GuardRefusal["slug"], detail: string): GuardRefusal => ({
  slug,
  status: statuses[slug],
  detail,
});

/** Why Node's parser gave a request up, by the code of its error. */
export function parserRefusal(code: string | undefined): GuardRefusal {
  if (code === "HPE_HEADER_OVERFLOW")
    return refusal("headers-too-large", "The request line and headers are too large");
  if (code === "ERR_HTTP_REQUEST_TIMEOUT")
    return refusal("request-timeout", "The request did not arrive completely in time");
  return refusal("malformed-request", "The request is not valid HTTP");
}

/** Headers that mean one thing, of which Node keeps the first line in silence. */
const singletons: readonly string[] = ["host", "content-type", "authorization"];

/** What is wrong with the request line and the headers as such; undefined when nothing is. */
export function malformation({ httpVersion, rawHeaders, headers }: GuardedRequest): GuardRefusal | undefined {
  if (rawHeaders.length / 2 > headerLinesMax)
    return refusal("headers-too-large", `A request may have at most ${headerLinesMax} header lines`);
  if (httpVersion !== "1.1" && httpVersion !== "1.0")
    return refusal("malformed-request", "The request line must end with HTTP/1.1 or HTTP/1.0");
  const lines = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] as string).toLowerCase();
    if (!singletons.includes(name)) continue;
    if (lines.has(name)) return refusal("malformed-request", `The header ${name} must be given once`);
    lines.add(name);
  }
  if (httpVersion === "1.1" && headers.host === undefined)
    return refusal("malformed-request", "A request of HTTP/1.1 must name its Host");
  return undefined;
}

/** Methods that change nothing (RFC 9110 §9.2.1); TRACE is one too and nowhere taken. */
const safeMethods: readonly (string | undefined)[] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/** Of an origin as browsers send it; `null`, and anything that is no http origin, is nobody's. */
function isOwnOrigin(origin: string, host: string | undefined, allowed: readonly string[]): boolean {
  const scheme = /^https?:\/\/(?=[^/?#@\\\s]+$)/i.exec(origin)?.[0];
  if (scheme === undefined || !URL.canParse(origin)) return false;
  const { host: authority, hostname } = new URL(origin);
  if (allowed.includes(hostname)) return true;
  return host !== undefined && URL.canParse(scheme + host) && new URL(scheme + host).host === authority;
}

/**
 * Whether a page of another site made the browser send this. Browsers say so in Sec-Fetch-Site, older ones in Origin;
 * whoever is no browser sends neither. `same-site` is foreign: another port of this machine may be anybody's.
 */
export function isFromForeignSite(
  { method, headers }: Pick<GuardedRequest, "method" | "headers">,
  allowed: readonly string[],
): boolean {
  if (safeMethods.includes(method)) return false;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin" && site !== "none") return true;
  const { origin } = headers;
  return origin !== undefined && !isOwnOrigin(origin, headers.host, allowed);
}

export interface GuardOptions {
  /** What the server was told to listen on. */
  readonly bound: string;
  /** Names of the installation beside that, in canonical form (HTTP_ALLOWED_HOSTS). */
  readonly allowed: readonly string[];
}

const ownAddresses = (): string[] =>
  Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ address }) => canonicalHost(address.split("%", 1)[0] ?? "") ?? []);

const isAddress = (host: string): boolean => host.startsWith("[") || /^[\d.]+$/.test(host);

/** Whether a host in canonical form is one of ours; `addresses` are asked for late, as a machine's come and go. */
export function isOwnHost(
  host: string,
  { bound, allowed }: GuardOptions,
  addresses: () => readonly string[] = ownAddresses,
): boolean {
  if (isLoopbackHost(host) || allowed.includes(host)) return true;
  const own = canonicalHost(bound);
  if (host === own) return true;
  // A name, and a wildcard, stand for addresses of the machine.
  const isOneAddress = own !== undefined && isAddress(own) && !isWildcardHost(own);
  return !isOneAddress && isAddress(host) && addresses().includes(host);
}

const misdirected = refusal(
  "misdirected",
  "The Host is neither a loopback name nor the address that is listened on, and HTTP_ALLOWED_HOSTS does not name it",
);
const foreign = refusal("foreign-site", "A page of another site can't change anything here");
const invalid = refusal("malformed-request", "The Host must be a name or an address, with a port or without");

/** As many spellings of Host as an installation has are remembered as its own. */
const hostsMax = 100;

/** The guard of one server: undefined lets the request through. */
export function httpGuard(options: GuardOptions): (request: GuardedRequest) => GuardRefusal | undefined {
  const own = new Set<string>();
  const judge = (text: string): GuardRefusal | undefined => {
    if (own.has(text)) return undefined;
    const host = hostOf(text);
    if (host === undefined) return invalid;
    if (!isOwnHost(host, options)) return misdirected;
    if (own.size < hostsMax) own.add(text);
    return undefined;
  };
  return (request) => {
    const malformed = malformation(request);
    if (malformed !== undefined) return malformed;
    const { host } = request.headers;
    // RFC 9112 §3.2.2 lets the absolute form win over Host; who sends both must mean us by both.
    const { authority } = targetOf(request.url ?? "/");
    const refused =
      (host === undefined ? undefined : judge(host)) ??
      (authority === undefined ? undefined : judge(authority));
    if (refused !== undefined) return refused;
    return isFromForeignSite(request, options.allowed) ? foreign : undefined;
  };
}
