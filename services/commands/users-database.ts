/**
 * The users database, where whoever owns it can reach it: DATABASE_URL, else the embedded PostgreSQL of the data folder,
 * which is started for as long as the work takes when no system runs there.
 */
import { resolve } from "node:path";
import type { Logger } from "../../mixins/log/logging.ts";
import { type Database, database, type Entities } from "../../mixins/postgres/database.ts";
import { roleOf } from "../../mixins/postgres/database-url.ts";
import { type Config, ConfigError } from "../config/index.ts";
import { StartError, UnreachableError } from "../contracts/exits.ts";
import { type DataFolder, ownerOf, takeDataFolder } from "../runtime/data-folder.ts";
import { migrate, requireMigrated } from "../runtime/migrations.ts";
import { runningEmbeddedPostgres } from "./doctor/embedded.ts";
import { requireReachable } from "./reachable-database.ts";

/** What a command wants of it. */
export interface UsersDatabaseUse {
  /** Completes "Cannot …". */
  readonly doing: string;
  /** What is asked for, and where it is kept, for whoever has named no database. */
  readonly kept: string;
  readonly applicationName: string;
  readonly entities: Entities;
  readonly statementTimeoutMs: number;
  readonly log: Logger;
}

/** With the database open. */
async function opened<T>(
  url: string,
  { applicationName, entities, statementTimeoutMs, log }: UsersDatabaseUse,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const db = database({ url, entities, applicationName, poolMax: 1, statementTimeoutMs, log });
  const { started, stopped } = db.mixin as Record<"started" | "stopped", () => Promise<void>>;
  await started();
  try {
    return await work(db);
  } finally {
    await stopped();
  }
}

async function withServer<T>(
  url: string,
  use: UsersDatabaseUse,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const { doing } = use;
  await requireReachable(doing, { variable: "DATABASE_URL", url });
  await requireMigrated("users", url).catch((cause: unknown) => {
    throw cause instanceof StartError
      ? new StartError(
          `Cannot ${doing}: DATABASE_URL has another schema than this release needs (npm run migrate)`,
          { cause },
        )
      : cause;
  });
  return opened(url, use, work);
}

/** Nobody else uses the folder meanwhile. */
async function withOwnServer<T>(
  folder: DataFolder,
  use: UsersDatabaseUse,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  try {
    const { startEmbeddedPostgres } = await import("../embedded/embedded-postgres.ts");
    const postgres = await startEmbeddedPostgres(folder.path, use.log);
    try {
      const { usersDatabaseUrl, usersOwnerUrl } = postgres.urls;
      await migrate("users", usersOwnerUrl, {}, roleOf(usersDatabaseUrl));
      return await opened(usersDatabaseUrl, use, work);
    } finally {
      await postgres.stop();
    }
  } finally {
    folder.release();
  }
}

/** Rejects with ConfigError, UnreachableError or StartError when there is none to work on. */
export function withUsersDatabase<T>(
  config: Config,
  use: UsersDatabaseUse,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const { usersDatabaseUrl, registryDatabaseUrl, amqpUrl, dataDir } = config;
  if (usersDatabaseUrl !== undefined) return withServer(usersDatabaseUrl, use, work);
  if (registryDatabaseUrl !== undefined || amqpUrl !== undefined)
    throw new ConfigError(`DATABASE_URL is missing: ${use.kept} in the users database`);
  if (ownerOf(dataDir) === undefined) return withOwnServer(takeDataFolder(dataDir), use, work);
  const running = runningEmbeddedPostgres(resolve(dataDir));
  if (running === undefined)
    throw new UnreachableError(
      `Cannot ${use.doing}: the system of ${dataDir} is starting or stopping, or its PostgreSQL is another one (set DATABASE_URL)`,
    );
  return withServer(running.usersDatabaseUrl, use, work);
}
