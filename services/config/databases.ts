/** Where both databases are, as whom their services work there, and as whom they are migrated. */
import { databaseUrl, oneOf } from "./readers.ts";
import { isSameDatabase } from "./same-database.ts";
import { fault, type Variables } from "./variables.ts";

export interface DatabaseUrls {
  /** undefined: the embedded PostgreSQL serves both databases. */
  readonly usersDatabaseUrl: string | undefined;
  readonly registryDatabaseUrl: string | undefined;
  /** A standby of the registry's database, which mail-lookup asks first; undefined: none. */
  readonly registryReplicaUrl: string | undefined;
  /** Of the role that owns the tables; undefined: the one that serves does. */
  readonly usersOwnerUrl: string | undefined;
  readonly registryOwnerUrl: string | undefined;
}

/** Throws ConfigError. */
export function readDatabaseUrls(env: Variables): DatabaseUrls {
  const mayBePlain = oneOf(env, "DATABASE_PLAINTEXT", ["true", "false"], "false") === "true";
  const read = (name: string) => databaseUrl(env, name, mayBePlain);
  const urls = {
    usersDatabaseUrl: read("DATABASE_URL"),
    registryDatabaseUrl: read("REGISTRY_DATABASE_URL"),
    registryReplicaUrl: read("REGISTRY_REPLICA_URL"),
    usersOwnerUrl: read("MIGRATE_DATABASE_URL"),
    registryOwnerUrl: read("MIGRATE_REGISTRY_DATABASE_URL"),
  };
  if (isSameDatabase(urls.usersDatabaseUrl, urls.registryDatabaseUrl))
    throw fault("REGISTRY_DATABASE_URL", "must name another database than DATABASE_URL");
  if (urls.usersOwnerUrl !== undefined && urls.usersDatabaseUrl === undefined)
    throw fault("MIGRATE_DATABASE_URL", "is of use beside DATABASE_URL alone");
  if (urls.registryOwnerUrl !== undefined && urls.registryDatabaseUrl === undefined)
    throw fault("MIGRATE_REGISTRY_DATABASE_URL", "is of use beside REGISTRY_DATABASE_URL alone");
  if (urls.registryReplicaUrl !== undefined && urls.registryDatabaseUrl === undefined)
    throw fault("REGISTRY_REPLICA_URL", "is of use beside REGISTRY_DATABASE_URL alone");
  return urls;
}
