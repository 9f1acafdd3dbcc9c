/**
 * Promise: all that a URL of PostgreSQL says holds for every connection that is opened by it, TLS above all, or the URL
 * is refused; nothing is dropped in silence.
 *
 * MikroORM takes user, password, host, port and database from a URL and leaves its parameters out, and pg takes no
 * notice of those that it does not know. What is here is libpq's (PostgreSQL, "Parameter Key Words") as pg reads it, with
 * one difference: `require` and `verify-ca` check the certificate and its name, as `verify-full` does.
 */
import { isIP } from "node:net";
import type pg from "pg";
import { parse, toClientConfig } from "pg-connection-string";

const sslModes = ["disable", "no-verify", "prefer", "require", "verify-ca", "verify-full"] as const;

/** Any other text pg takes for none: `ssl=require`, as other drivers have it, would be clear text. */
const sslSwitches: readonly (string | null)[] = [null, "true", "1", "false", "0"];

/** What has an effect here: pg knows no others of libpq (`channel_binding`), and the names of our sessions are ours. */
const parameters: readonly string[] = [
  ...["host", "port", "user", "password", "options", "client_encoding"],
  ...["ssl", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "uselibpqcompat"],
  ...["lock_timeout", "idle_in_transaction_session_timeout"],
];

const query = (url: string): URLSearchParams => new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? "");

/** pg warns of modes that are stricter with it than with libpq; it is said in our documentation. */
const strict = (url: string): string =>
  query(url).get("uselibpqcompat") === "true"
    ? url
    : url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, "$1verify-full");

/** As pg's client and pool take it. Throws what reading the named certificates throws. */
export function connectionOf(url: string): pg.ClientConfig {
  const config: pg.ClientConfig = { ...toClientConfig(parse(strict(url))) };
  const { host = "", ssl } = config;
  if (ssl === undefined || ssl === false || isIP(host) === 0) return config;
  // pg names the server only when it has a name; Node then compares the certificate with "localhost".
  return { ...config, ssl: { ...(ssl === true ? {} : ssl), host } };
}

/** As libpq separates them, or as RabbitMQ's are separated in our variables. */
export const namesSeveralServers = (url: string): boolean =>
  /;\s*\w+:\/\//.test(url) || /^\w+:\/\/([^/?#]*)/.exec(url)?.[1]?.split("@").at(-1)?.includes(",") === true;

/** What one parameter says and another, or the same once more, takes back; pg would follow one of them in silence. */
function contradiction(given: URLSearchParams): string | undefined {
  const repeated = [...given.keys()].find((name, place, all) => all.indexOf(name) !== place);
  if (repeated !== undefined) return `must have the parameter ${repeated} once`;
  const [ssl, mode] = [given.get("ssl"), given.get("sslmode")];
  if (!sslSwitches.includes(ssl))
    return "must have true or false as ssl: what is to be checked is told by sslmode";
  const isOff = ssl === "false" || ssl === "0";
  return ssl !== null && mode !== null && isOff !== (mode === "disable")
    ? "must have an ssl that agrees with its sslmode"
    : undefined;
}

/** Why a URL can't be used, as the end of a sentence that begins with its variable; undefined: it can. */
export function databaseUrlFault(url: string): string | undefined {
  if (namesSeveralServers(url)) return "must name one server: an address that leads to the primary";
  if (url.includes("#"))
    return "must have no part behind a #, which belongs to nobody (in a password it is %23)";
  const unknown = [...query(url).keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined)
    return `has the parameter ${unknown}, which would have no effect (those that have: ${parameters.join(", ")})`;
  const mode = query(url).get("sslmode");
  if (mode !== null && !sslModes.some((known) => known === mode))
    return `must have one of ${sslModes.join(", ")} as sslmode`;
  const contradicted = contradiction(query(url));
  if (contradicted !== undefined) return contradicted;
  try {
    connectionOf(url);
  } catch (error) {
    const { path } = error as NodeJS.ErrnoException;
    return path === undefined
      ? "can't be read as a URL of PostgreSQL"
      : `names the file ${path}, which can't be read`;
  }
  return undefined;
}
