/**
 * Promise: any number of processes may migrate the same database at once; each change is applied once, all or none.
 *
 * MikroORM's migrator has no lock of its own (3 of 4 concurrent `up` failed), so a session advisory lock on a
 * connection of its own is held meanwhile.
 */
import { fileURLToPath } from "node:url";
import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import pg from "pg";
import { ormOptions } from "../../mixins/database.ts";
import { type DatabaseName, entitiesOf } from "./databases.ts";

const migrationLock = 0x6d61_696c; // "mail"
const statementTimeoutMs = 10 * 60 * 1000;
const connectTimeoutMs = 5_000;

/** Options for the migrator, the creation of migrations and the drift check of one database. */
export function migratorOptions(name: DatabaseName, url: string) {
  const folder = fileURLToPath(new URL(`../../migrations/${name}`, import.meta.url));
  return {
    ...ormOptions({
      url,
      entities: entitiesOf[name],
      applicationName: `mailroster-migrate-${name}`,
      poolMax: 2,
      statementTimeoutMs,
    }),
    extensions: [Migrator],
    migrations: {
      path: folder,
      pathTs: folder,
      glob: "!(*.d).ts",
      emit: "ts" as const,
      transactional: true,
      allOrNothing: true,
      snapshot: false,
    },
  };
}

/** Applies what is pending and returns the names; rejects when the database can't be reached. */
export async function migrate(name: DatabaseName, url: string): Promise<string[]> {
  const lock = new pg.Client({
    connectionString: url,
    application_name: `mailroster-migrate-${name}`,
    connectionTimeoutMillis: connectTimeoutMs,
  });
  lock.on("error", () => {}); // a lost lock connection shows as the failure of the migration itself
  await lock.connect();
  try {
    await lock.query("select pg_advisory_lock($1)", [migrationLock]);
    const orm = await MikroORM.init(migratorOptions(name, url));
    try {
      const applied = await orm.migrator.up();
      return applied.map((migration) => migration.name);
    } finally {
      await orm.close();
    }
  } finally {
    await lock.end();
  }
}

/** The SQL by which the database differs from the entities; empty when it does not. */
export async function schemaDrift(name: DatabaseName, url: string): Promise<string> {
  const orm = await MikroORM.init(migratorOptions(name, url));
  try {
    return await orm.schema.getUpdateSchemaSQL({ wrap: false });
  } finally {
    await orm.close();
  }
}
