/** Where both databases are, as whom their services work there, and as whom they are migrated. */
import { serversOf } from "../../mixins/postgres/database-url.ts";
import { databaseUrl, oneOf } from "./readers.ts";
import { fault, type Variables } from "./variables.ts";

export interface DatabaseUrls {
  /** undefined: the embedded PostgreSQL serves both databases. */
  readonly usersDatabaseUrl: string | undefined;
  readonly registryDatabaseUrl: string | undefined;
  /** Of the role that owns the tables; undefined: the one that serves does. */
  readonly usersOwnerUrl: string | undefined;
  readonly registryOwnerUrl: string | undefined;
}

/** Two ways of writing one database would have two services at each other's tables. */
function isSameDatabase(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  const socket = (url: URL): string | null => url.searchParams.get("host");
  const place = (server: string): string => {
    const url = new URL(server);
    return [url.hostname.toLowerCase(), url.port || "5432", url.pathname || url.username, socket(url)].join(
      "/",
    );
  };
  const places = new Set(serversOf(one).map(place));
  return serversOf(other).some((server) => places.has(place(server)));
}

/** Throws ConfigError. */
export function readDatabaseUrls(env: Variables): DatabaseUrls {
  const mayBePlain = oneOf(env, "DATABASE_PLAINTEXT", ["true", "false"], "false") === "true";
  const read = (name: string) => databaseUrl(env, name, mayBePlain);
  const urls = {
    usersDatabaseUrl: read("DATABASE_URL"),
    registryDatabaseUrl: read("REGISTRY_DATABASE_URL"),
    usersOwnerUrl: read("MIGRATE_DATABASE_URL"),
    registryOwnerUrl: read("MIGRATE_REGISTRY_DATABASE_URL"),
  };
  if (isSameDatabase(urls.usersDatabaseUrl, urls.registryDatabaseUrl))
    throw fault("REGISTRY_DATABASE_URL", "must name another database than DATABASE_URL");
  if (urls.usersOwnerUrl !== undefined && urls.usersDatabaseUrl === undefined)
    throw fault("MIGRATE_DATABASE_URL", "is of use beside DATABASE_URL alone");
  if (urls.registryOwnerUrl !== undefined && urls.registryDatabaseUrl === undefined)
    throw fault("MIGRATE_REGISTRY_DATABASE_URL", "is of use beside REGISTRY_DATABASE_URL alone");
  return urls;
}
