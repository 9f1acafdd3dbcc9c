/** Do the migrations make the tables that the entities expect? Asked of a real PostgreSQL, on scratch databases. */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { type DatabaseName, entitiesOf } from "../../../services/runtime/databases.ts";
import { migrate, schemaDrift } from "../../../services/runtime/migrations.ts";
import type { Provision } from "../provision/command.ts";
import { postgresAdvice, postgresWays } from "../provision/postgres.ts";

/** The same ways to a server that `npm test` goes. */
export async function scratchServer(): Promise<Provision> {
  const reasons: string[] = [];
  for (const { name, attempt } of postgresWays()) {
    try {
      return await attempt();
    } catch (error) {
      reasons.push(`${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(`Cannot compare the schema: ${postgresAdvice} (${reasons.join("; ")})`);
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
    return [...(await driftOf("users", server.url)), ...(await driftOf("registry", server.url))];
  } finally {
    await server.stop();
  }
}
