/**
 * Databases with the newest schema, for tests that do not ask how it came about: copies of one that is migrated once a
 * run (`npm test` names the run in TEST_TEMPLATES, and drops it). Without such a name, as under ava alone, each is
 * migrated by itself.
 */
import { createHash } from "node:crypto";
import type pg from "pg";
import type { DatabaseName } from "../../services/runtime/databases.ts";
import { migrate, migrationNames } from "../../services/runtime/migrations.ts";
import { administering } from "./provision/templates.ts";
import { adminUrl, type Resource, testDatabase } from "./resources.ts";

const run = process.env.TEST_TEMPLATES;

/** What a migration writes in the database itself: a copy would be taken for one that was set back. */
const asFirst = `update generations set timeline = regexp_replace(timeline, '[^/]*$',
  (select oid::text from pg_database where datname = current_database()))`;

/** A working copy of ours may have other migrations. */
const templateOf = (runName: string, of: DatabaseName): string =>
  `${runName}_${of}_${createHash("sha256").update(migrationNames(of).join()).digest("hex").slice(0, 8)}`;

/** Only a whole one lets nobody connect. */
const isWhole = async (client: pg.Client, template: string): Promise<boolean> =>
  (await client.query("select 1 from pg_database where datname = $1 and not datallowconn", [template]))
    .rowCount === 1;

/** Processes of a run take turns; what a killed one has left is made anew. */
const requireTemplate = (of: DatabaseName, template: string): Promise<void> =>
  administering(adminUrl, async (client) => {
    if (await isWhole(client, template)) return;
    await client.query("select pg_advisory_lock(hashtext($1))", [template]);
    if (await isWhole(client, template)) return;
    await client.query(`drop database if exists ${template} with (force)`);
    await client.query(`create database ${template}`);
    const url = new URL(adminUrl);
    url.pathname = `/${template}`;
    await migrate(of, url.href);
    // Nobody can copy a database to which somebody is connected.
    await client.query(`alter database ${template} allow_connections false`);
  });

/** Dropping it fails when a connection was leaked. */
export async function migratedDatabase(of: DatabaseName): Promise<Resource> {
  if (run === undefined) {
    const own = await testDatabase();
    await migrate(of, own.url);
    return own;
  }
  const template = templateOf(run, of);
  await requireTemplate(of, template);
  const copy = await testDatabase(template);
  if (of === "users") await administering(copy.url, (client) => client.query(asFirst));
  return copy;
}
