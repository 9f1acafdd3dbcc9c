/** Reads and checks one environment variable each; every fault becomes one sentence that names the variable. */
import { isIP } from "node:net";
import {
  databaseServersFault,
  databaseUrlFault,
  plainTextServerOf,
  serversOf,
} from "../../mixins/postgres/database-url.ts";
import { keyIdOf } from "../contracts/access-key.ts";
import { parseAddress } from "../contracts/address.ts";
import { canonicalHost } from "../contracts/host.ts";
import { isNetwork } from "../contracts/networks.ts";
import { fault, type Variables } from "./variables.ts";

interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

function parseInteger(name: string, text: string, { min, max }: IntegerRange): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw fault(name, `must be a whole number from ${min} to ${max}`);
  return value;
}

/** A whole number within bounds. */
export function integer(env: Variables, name: string, range: IntegerRange & { fallback: number }): number {
  const text = env.text(name);
  return text === undefined ? range.fallback : parseInteger(name, text, range);
}

/** What commas separate, each without the space around it. */
export const items = (text: string): string[] => text.split(",").map((item) => item.trim());

/** Whole numbers separated by commas. */
export function integers(
  env: Variables,
  name: string,
  range: IntegerRange & { fallback: number[]; countMax: number },
): number[] {
  const text = env.text(name);
  if (text === undefined) return range.fallback;
  const numbers = items(text).map((item) => parseInteger(name, item, range));
  if (numbers.length > range.countMax) throw fault(name, `must hold at most ${range.countMax} numbers`);
  return numbers;
}

/** One of a fixed set of words. */
export function oneOf<const T extends string>(
  env: Variables,
  name: string,
  words: readonly T[],
  fallback: T,
): T {
  const text = env.text(name);
  if (text === undefined) return fallback;
  const word = words.find((each) => each === text);
  if (word === undefined) throw fault(name, `must be one of ${words.join(", ")}`);
  return word;
}

/** Words of a fixed set separated by commas, each once; all of them when unset. */
export function list<const T extends string>(
  env: Variables,
  name: string,
  words: readonly T[],
): readonly T[] {
  const text = env.text(name);
  if (text === undefined) return words;
  const names = items(text);
  const isKnown = (item: string) => words.some((word) => word === item);
  if (!names.every(isKnown) || new Set(names).size < names.length)
    throw fault(name, `must hold only ${words.join(", ")}, each at most once, separated by commas`);
  return words.filter((word) => names.includes(word));
}

/** What may stand in front of the @, separated by commas; undefined when unset. */
export function localParts(env: Variables, name: string): readonly string[] | undefined {
  const text = env.text(name);
  if (text === undefined) return undefined;
  const parts = items(text);
  const wrong = parts.find((part) => !parseAddress(`${part}@example.com`).ok);
  if (wrong !== undefined)
    throw fault(
      name,
      `must hold parts of addresses before the @, separated by commas, and "${wrong}" is none`,
    );
  return parts;
}

const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
};

/** A URL of one of the schemes. Never echoed back: it may hold a password. */
function requireUrl(name: string, text: string, schemes: readonly string[]): URL {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  const starts = schemes.some((scheme) => text.toLowerCase().startsWith(`${scheme}//`));
  if (parsed === undefined || !starts) throw fault(name, `must be a URL that starts with ${schemes[0]}//`);
  if (![parsed.username, parsed.password, parsed.pathname].every(isDecodable))
    throw fault(name, "must be a URL in which a % is written as %25");
  return parsed;
}

/**
 * The URL of a PostgreSQL database, with one server or several; the files that it names are there. Clear text goes over
 * no network, unless somebody has said that it may.
 */
export function databaseUrl(env: Variables, name: string, mayBePlain: boolean): string | undefined {
  const text = env.secret(name);
  if (text === undefined) return undefined;
  const severalFault = databaseServersFault(text);
  if (severalFault !== undefined) throw fault(name, severalFault);
  for (const server of serversOf(text)) requireUrl(name, server, ["postgresql:", "postgres:"]);
  const problem = databaseUrlFault(text);
  if (problem !== undefined) throw fault(name, problem);
  const plain = mayBePlain ? undefined : plainTextServerOf(text);
  if (plain !== undefined)
    throw fault(
      name,
      `must have sslmode=verify-full: ${plain} is no loopback address (DATABASE_PLAINTEXT=true lets clear text go there)`,
    );
  return text;
}

/** The URLs of the nodes of one RabbitMQ, separated by `;`. */
export function brokerUrl(env: Variables, name: string): string | undefined {
  const text = env.secret(name);
  for (const node of text?.split(";") ?? [])
    if (requireUrl(name, node, ["amqp:", "amqps:"]).hostname === "") throw fault(name, "must name a host");
  return text;
}

/** An access key, of which nothing is ever echoed. */
export function accessKey(env: Variables, name: string): string | undefined {
  const key = env.secret(name);
  if (key !== undefined && keyIdOf(key) === undefined)
    throw fault(name, "must be a key as `npm run key -- generate` prints it");
  return key;
}

/** A URL of an HTTP API, its login included; never echoed back. */
export function secretUrl(env: Variables, name: string): string | undefined {
  const text = env.secret(name);
  return text === undefined ? undefined : requireUrl(name, text, ["http:", "https:"]).href;
}

/** A URL to which paths are appended; without a slash at the end. */
export function baseUrl(env: Variables, name: string): string | undefined {
  const text = env.text(name);
  if (text === undefined) return undefined;
  const { search, hash } = requireUrl(name, text, ["http:", "https:"]);
  if (search !== "" || hash !== "") throw fault(name, "must be a URL without a query and a fragment");
  return text.replace(/(?<!\/)\/+$/, "");
}

const hostName = /^[a-z0-9_]([a-z0-9._-]*[a-z0-9])?$/i;

/** An address to listen on: an IP address or the name of one. */
export function host(env: Variables, name: string, fallback: string): string {
  const text = env.text(name);
  if (text === undefined) return fallback;
  if (isIP(text) === 0 && !hostName.test(text))
    throw fault(name, "must be an IP address or a host name, without scheme, port and brackets");
  return text;
}

/** It becomes part of the names of queues, and of what people type in the REPL. */
const nodeIdCharsMax = 100;

/** The name of a process. One that nobody has given begins with the prefix. */
export function nodeId(env: Variables, name: string, fallback: string, prefix = ""): string {
  const text = env.text(name);
  if (text === undefined) {
    const own = fallback.replaceAll(/[^\w.-]/g, "-");
    return own.startsWith(prefix) && own.length <= nodeIdCharsMax
      ? own
      : prefix + own.slice(-(nodeIdCharsMax - prefix.length));
  }
  if (!/^[\w.-]+$/.test(text) || text.length > nodeIdCharsMax)
    throw fault(name, `must be at most ${nodeIdCharsMax} letters, digits, dots, hyphens and underscores`);
  return text;
}

const tokenCharsMin = 20;

/** A secret that is sent as a bearer token (RFC 6750 §2.1). */
export function bearerToken(env: Variables, name: string): string | undefined {
  const text = env.secret(name);
  if (text !== undefined && (!/^[\w.~+/-]+=*$/.test(text) || text.length < tokenCharsMin))
    throw fault(name, `must be at least ${tokenCharsMin} letters, digits and -._~+/`);
  return text;
}

const canonicalName = /^(?:[\w-]+(?:\.[\w-]+)*|\[[\da-f:]+\])$/;

/** Names and addresses of hosts separated by commas, each in canonical form; none when unset. */
export function hosts(env: Variables, name: string): readonly string[] {
  // An empty one is as good as none: it is what Compose makes of `gateway,${MORE:-}`.
  const named = items(env.text(name) ?? "").filter((item) => item !== "");
  return named.map((item) => {
    const canonical = canonicalHost(item);
    if (canonical === undefined || !canonicalName.test(canonical))
      throw fault(name, "must hold names or addresses without a port, separated by commas");
    return canonical;
  });
}

/** Addresses and networks in CIDR notation separated by commas; none when unset. */
export function networks(env: Variables, name: string): readonly string[] {
  const named = items(env.text(name) ?? "").filter((item) => item !== "");
  const wrong = named.find((item) => !isNetwork(item));
  if (wrong !== undefined)
    throw fault(name, `must hold addresses or networks such as 10.0.0.0/8, and "${wrong}" is none`);
  return named;
}
