/**
 * The users database, where whoever owns it can reach it: DATABASE_URL, else the embedded PostgreSQL of the data folder,
 * which is started for as long as the work takes when no system runs there.
 */
import { resolve } from "node:path";
import type { Logger } from "../../../mixins/log/logging.ts";
import { type Database, database } from "../../../mixins/postgres/database.ts";
import { accessEntities } from "../../access/entities.ts";
import { type Config, ConfigError } from "../../config/index.ts";
import { StartError, UnreachableError } from "../../contracts/exits.ts";
import { type DataFolder, ownerOf, takeDataFolder } from "../../runtime/data-folder.ts";
import { migrate, requireMigrated } from "../../runtime/migrations.ts";
import { runningEmbeddedPostgres } from "../doctor/embedded.ts";
import { requireReachable } from "../reachable-database.ts";

const statementTimeoutMs = 4_000;

/** With the database open. */
async function opened<T>(url: string, log: Logger, work: (db: Database) => Promise<T>): Promise<T> {
  const db = database({
    url,
    entities: accessEntities,
    applicationName: "mailroster-key",
    poolMax: 1,
    statementTimeoutMs,
    log,
  });
  const { started, stopped } = db.mixin as Record<"started" | "stopped", () => Promise<void>>;
  await started();
  try {
    return await work(db);
  } finally {
    await stopped();
  }
}

async function withServer<T>(url: string, log: Logger, work: (db: Database) => Promise<T>): Promise<T> {
  await requireReachable("work on keys", { variable: "DATABASE_URL", url });
  await requireMigrated("users", url).catch((cause: unknown) => {
    throw cause instanceof StartError
      ? new StartError(
          "Cannot work on keys: DATABASE_URL has another schema than this release needs (npm run migrate)",
          {
            cause,
          },
        )
      : cause;
  });
  return opened(url, log, work);
}

/** Nobody else uses the folder meanwhile. */
async function withOwnServer<T>(
  folder: DataFolder,
  log: Logger,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  try {
    const { startEmbeddedPostgres } = await import("../../embedded/embedded-postgres.ts");
    const postgres = await startEmbeddedPostgres(folder.path, log);
    try {
      await migrate("users", postgres.urls.usersDatabaseUrl);
      return await opened(postgres.urls.usersDatabaseUrl, log, work);
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
  log: Logger,
  work: (db: Database) => Promise<T>,
): Promise<T> {
  const { usersDatabaseUrl, registryDatabaseUrl, amqpUrl, dataDir } = config;
  if (usersDatabaseUrl !== undefined) return withServer(usersDatabaseUrl, log, work);
  if (registryDatabaseUrl !== undefined || amqpUrl !== undefined)
    throw new ConfigError("DATABASE_URL is missing: keys are kept in the users database");
  if (ownerOf(dataDir) === undefined) return withOwnServer(takeDataFolder(dataDir), log, work);
  const running = runningEmbeddedPostgres(resolve(dataDir));
  if (running === undefined)
    throw new UnreachableError(
      `Cannot work on keys: the system of ${dataDir} is starting or stopping, or its PostgreSQL is another one (set DATABASE_URL)`,
    );
  return withServer(running.usersDatabaseUrl, log, work);
}
