/** Do the migrations make the tables that the entities expect? Asked of a real PostgreSQL, on scratch databases. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { createLogger } from "../../../mixins/logging.ts";
import { type DatabaseName, entitiesOf } from "../../../services/runtime/databases.ts";
import { startEmbeddedPostgres } from "../../../services/runtime/embedded-postgres.ts";
import { migrate, schemaDrift } from "../../../services/runtime/migrations.ts";

const localUrl = "postgresql://postgres@127.0.0.1:5432/postgres";
const connectTimeoutMs = 2_000;

interface Server {
  readonly adminUrl: string;
  stop(): Promise<void>;
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: connectTimeoutMs });
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}

/** TEST_DATABASE_URL, else the server on the standard port, else the embedded one in a folder of its own. */
async function scratchServer(): Promise<Server> {
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined) return { adminUrl: given, stop: async () => {} };
  if (await answers(localUrl)) return { adminUrl: localUrl, stop: async () => {} };
  const folder = mkdtempSync(join(tmpdir(), "mailroster-drift-"));
  const log = createLogger({ level: "silent", format: "json", pii: false, nodeId: "check" });
  const server = await startEmbeddedPostgres(folder, log);
  return {
    adminUrl: server.usersDatabaseUrl,
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function administer(adminUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function driftOf(name: DatabaseName, adminUrl: string): Promise<string[]> {
  // Entities that nobody lists can't drift: an empty list would always pass.
  if (entitiesOf[name].length === 0) return [`${name}: services/runtime/databases.ts lists no entity`];
  const scratch = `mailroster_drift_${name}_${randomBytes(4).toString("hex")}`;
  const url = new URL(adminUrl);
  url.pathname = `/${scratch}`;
  await administer(adminUrl, `create database ${scratch}`);
  try {
    await migrate(name, url.href);
    const sql = await schemaDrift(name, url.href);
    return sql.trim() === "" ? [] : [`${name}: a migration is missing for\n${sql.trim()}`];
  } finally {
    await administer(adminUrl, `drop database ${scratch} with (force)`);
  }
}

/** One finding a database that differs from its entities. */
export async function schemaFaults(): Promise<string[]> {
  const server = await scratchServer();
  try {
    return [...(await driftOf("users", server.adminUrl)), ...(await driftOf("registry", server.adminUrl))];
  } finally {
    await server.stop();
  }
}
