/** A migrated database of a test's own, and what a test opens in it: all of it is closed with it. */
import pg from "pg";
import { type Database, database, type Entities } from "../../mixins/postgres/database.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { migratedDatabase } from "./migrated-databases.ts";
import type { Resource } from "./resources.ts";

type DatabaseOptions = Parameters<typeof database>[0];
type Opened = Database & { close(): Promise<void> };

export interface OwnDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  open(entities: Entities, options?: Partial<DatabaseOptions>): Promise<Opened>;
  /** Fails when somebody has left a connection open. */
  close(): Promise<void>;
}

/** A database that is open without a service around it. */
export async function openDatabase(
  url: string,
  entities: Entities,
  options: Partial<DatabaseOptions> = {},
): Promise<Opened> {
  const db = database({
    url,
    entities,
    applicationName: "mailroster-test",
    poolMax: 2,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
    ...options,
  });
  const { started, stopped } = db.mixin as Record<"started" | "stopped", () => Promise<void>>;
  await started();
  return { ...db, close: stopped };
}

export async function ownDatabase(of: "users" | "registry", resource?: Resource): Promise<OwnDatabase> {
  if (resource !== undefined) await migrate(of, resource.url);
  const { url, drop } = resource ?? (await migratedDatabase(of));
  const pool = new pg.Pool({ connectionString: url, max: 16 });
  pool.on("error", () => {}); // a server that a test has stopped
  const opened: Opened[] = [];
  return {
    url,
    pool,
    async open(entities, options) {
      const db = await openDatabase(url, entities, options);
      opened.push(db);
      return db;
    },
    async close() {
      for (const db of opened) await db.close();
      await pool.end();
      await drop();
    },
  };
}
