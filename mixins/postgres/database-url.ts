/**
 * Promise: all that a URL of PostgreSQL says holds for every connection that is opened by it, TLS above all, or the URL
 * is refused; nothing is dropped in silence.
 *
 * MikroORM takes user, password, host, port and database from a URL and leaves its parameters out, and pg takes no
 * notice of those that it does not know. What is here is libpq's (PostgreSQL, "Parameter Key Words") as pg reads it. Of
 * its modes of TLS there are two: the others encrypt for whoever answers, and mean one thing to libpq, another to pg 8 and
 * a third to pg 9 (ADR 0042).
 */
import { isIP } from "node:net";
import type pg from "pg";
import { parse, toClientConfig } from "pg-connection-string";
import { canonicalHost, isLoopbackHost } from "../../services/contracts/host.ts";

const checkedMode = "verify-full";
const sslModes: readonly (string | null)[] = [null, "disable", checkedMode];
const sslFiles = ["sslrootcert", "sslcert", "sslkey"] as const;

/** What has an effect here: pg knows no others of libpq (`channel_binding`), and the names of our sessions are ours. */
const parameters: readonly string[] = [
  ...["host", "port", "user", "password", "options", "client_encoding"],
  ...["sslmode", ...sslFiles, "sslnegotiation"],
  ...["lock_timeout", "idle_in_transaction_session_timeout", "target_session_attrs"],
];

/** Every process writes, so there is no use for a server that takes no writes. */
const sessionAttributes = ["primary", "read-write"] as const;

const query = (url: string): URLSearchParams => new URLSearchParams(/\?([^#]*)/.exec(url)?.[1] ?? "");

/** A URL for each server of a URL that may name several, in its order; libpq separates them by commas. */
export function serversOf(url: string): readonly string[] {
  const [scheme = ""] = /^\w+:\/\//.exec(url) ?? [];
  const [authority = ""] = /^[^/?#]*/.exec(url.slice(scheme.length)) ?? [];
  const rest = url.slice(scheme.length + authority.length);
  const login = authority.slice(0, authority.lastIndexOf("@") + 1);
  const servers = authority.slice(login.length).split(",");
  return servers.length === 1 ? [url] : servers.map((server) => `${scheme}${login}${server}${rest}`);
}

/** As pg's client and pool take it, for each server. Throws what reading the named certificates throws. */
export const connectionsOf = (url: string): readonly pg.ClientConfig[] =>
  serversOf(url).map((server) => {
    const config: pg.ClientConfig = { ...toClientConfig(parse(server)) };
    const { host = "", ssl } = config;
    if (ssl === undefined || ssl === false || isIP(host) === 0) return config;
    // pg names the server only when it has a name; Node then compares the certificate with "localhost".
    return { ...config, ssl: { ...(ssl === true ? {} : ssl), host } };
  });

/** As whom a URL connects; undefined: as the account that the process runs as. */
export const roleOf = (url: string): string | undefined => connectionsOf(url)[0]?.user;

const isOnThisMachine = (host: string): boolean =>
  host === "" || host.startsWith("/") || isLoopbackHost(canonicalHost(host) ?? host);

/** The first server of a URL to which clear text would go over a network. Throws as `connectionsOf`. */
export const plainTextServerOf = (url: string): string | undefined =>
  connectionsOf(url).find(({ host = "", ssl }) => !ssl && !isOnThisMachine(host))?.host;

/** Whether a server that is set read-only is as little use as a standby: libpq's `read-write`, where ours is `primary`. */
export const wantsReadWrite = (url: string): boolean =>
  query(url).get("target_session_attrs") === "read-write";

/** As RabbitMQ's are separated in our variables. */
const namesSeveralUrls = (url: string): boolean => /;\s*\w+:\/\//.test(url);

/** Why the servers of a URL can't be told apart; before it is read as a URL, which a list of hosts with ports is not. */
export function databaseServersFault(url: string): string | undefined {
  if (namesSeveralUrls(url))
    return "must be one URL: several servers stand in it, as in postgresql://user@one:5432,two:5432/database";
  const servers = serversOf(url);
  if (servers.length === 1) return undefined;
  if (servers.some((server) => /^\w+:\/\/(?:[^/?#]*@)?(?:[/?#:]|$)/.test(server)))
    return "must name a server on both sides of each comma";
  const parts = query(url);
  return parts.has("host") || parts.has("port")
    ? "must have no parameter host or port when it names several servers"
    : undefined;
}

/** What one parameter says and another, or the same once more, takes back; pg would follow one of them in silence. */
function contradiction(given: URLSearchParams): string | undefined {
  const repeated = [...given.keys()].find((name, place, all) => all.indexOf(name) !== place);
  if (repeated !== undefined) return `must have the parameter ${repeated} once`;
  const unchecked = [...sslFiles, "sslnegotiation"].find((name) => given.has(name));
  if (unchecked !== undefined && given.get("sslmode") !== checkedMode)
    return `must have sslmode=${checkedMode} beside ${unchecked}`;
  return given.has("sslcert") === given.has("sslkey")
    ? undefined
    : "must have sslcert and sslkey, or neither of them";
}

/** Why a URL can't be used, as the end of a sentence that begins with its variable; undefined: it can. */
export function databaseUrlFault(url: string): string | undefined {
  const severalFault = databaseServersFault(url);
  if (severalFault !== undefined) return severalFault;
  if (url.includes("#"))
    return "must have no part behind a #, which belongs to nobody (in a password it is %23)";
  if (query(url).has("ssl"))
    return `must have sslmode=${checkedMode} or sslmode=disable instead of the parameter ssl`;
  const unknown = [...query(url).keys()].find((name) => !parameters.includes(name));
  if (unknown !== undefined)
    return `has the parameter ${unknown}, which would have no effect (those that have: ${parameters.join(", ")})`;
  if (!sslModes.includes(query(url).get("sslmode")))
    return `must have ${checkedMode} or disable as sslmode: any other mode checks less than it seems to`;
  const attributes = query(url).get("target_session_attrs");
  if (attributes !== null && !sessionAttributes.some((known) => known === attributes))
    return `must have ${sessionAttributes.join(" or ")} as target_session_attrs: every process writes`;
  const contradicted = contradiction(query(url));
  if (contradicted !== undefined) return contradicted;
  try {
    connectionsOf(url);
  } catch (error) {
    const { path } = error as NodeJS.ErrnoException;
    return path === undefined
      ? "can't be read as a URL of PostgreSQL"
      : `names the file ${path}, which can't be read`;
  }
  return undefined;
}
