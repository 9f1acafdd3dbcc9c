/**
 * Promise: any number of processes may migrate the same database at once; each change is applied once, all or none.
 *
 * MikroORM's migrator has no lock of its own (3 of 4 concurrent `up` failed), so they take turns.
 */
import { fileURLToPath } from "node:url";
import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import { registryMigrations } from "../../migrations/registry/index.ts";
import { usersMigrations } from "../../migrations/users/index.ts";
import { ormOptions } from "../../mixins/postgres/database.ts";
import { type DatabaseClient, openClient } from "../../mixins/postgres/database-client.ts";
import type { Reading } from "../../mixins/postgres/database-servers.ts";
import { StartError } from "../contracts/exits.ts";
import { type DatabaseName, entitiesOf } from "./databases.ts";
import { grantToServing } from "./grants.ts";
import { inTurn, type Turn } from "./migration-turn.ts";

const statementTimeoutMs = 10 * 60 * 1000;
const connectTimeoutMs = 5_000;

const migrationsOf = { users: usersMigrations, registry: registryMigrations } as const;

/** What this release needs to have been applied, oldest first. */
export const migrationNames = (name: DatabaseName): readonly string[] =>
  migrationsOf[name].map((migration) => migration.name);

const withoutEnding = (name: string): string => name.replace(/\.[jt]s$/, "");

export interface MigrationState {
  readonly applied: readonly string[];
  /** What this release needs and the database has not. */
  readonly pending: readonly string[];
  /** What the database has and this release does not know. */
  readonly foreign: readonly string[];
}

/** Read from the database, which may be an empty one. */
export async function migrationState(
  name: DatabaseName,
  query: <Row extends object>(text: string) => Promise<Row[]>,
): Promise<MigrationState> {
  const released = migrationNames(name);
  const [table] = await query<{ found: boolean }>(
    "select to_regclass('mikro_orm_migrations') is not null as found",
  );
  const rows = table?.found ? await query<{ name: string }>("select name from mikro_orm_migrations") : [];
  const applied = rows.map((row) => withoutEnding(row.name));
  return {
    applied,
    pending: released.filter((file) => !applied.includes(file)),
    foreign: applied.filter((file) => !released.includes(file)),
  };
}

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
    // The functions of triggers it compares with these; one of ours stands in its migration alone.
    schemaGenerator: { ignoreRoutines: true },
    migrations: {
      path: folder,
      pathTs: folder,
      migrationsList: [...migrationsOf[name]],
      emit: "ts" as const,
      transactional: true,
      allOrNothing: true,
      snapshot: false,
    },
  };
}

const connect = (name: DatabaseName, url: string, reading?: Reading): Promise<DatabaseClient> => {
  const application_name = `mailroster-migrate-${name}`;
  return openClient(url, { application_name, connectionTimeoutMillis: connectTimeoutMs }, reading);
};

async function applyPending(name: DatabaseName, url: string): Promise<string[]> {
  const orm = await MikroORM.init(migratorOptions(name, url));
  try {
    const applied = await orm.migrator.up();
    const executed = new Set((await orm.migrator.getExecuted()).map((migration) => migration.name));
    const missing = migrationNames(name).filter((needed) => !executed.has(needed));
    if (missing.length > 0)
      throw new StartError(`Cannot use the ${name} database: ${missing.join(", ")} is not applied`);
    return applied.map((migration) => migration.name);
  } finally {
    await orm.close();
  }
}

/** Of whom `migrate` gives rights to rows. */
async function grant(name: DatabaseName, url: string, servingRole: string): Promise<void> {
  const client = await connect(name, url);
  try {
    await grantToServing(client, name, servingRole);
  } finally {
    await client.end();
  }
}

/**
 * Applies what is pending and returns the names; a role that serves and does not own gets its rights. Rejects when the database can't be reached, with StartError when one
 * that this release needs is still not applied or the turn does not come, and with the reason of the turn's signal.
 */
export async function migrate(
  name: DatabaseName,
  url: string,
  turn: Turn = {},
  servingRole?: string,
): Promise<string[]> {
  const work = async (): Promise<string[]> => {
    const applied = await applyPending(name, url);
    if (servingRole !== undefined) await grant(name, url, servingRole);
    return applied;
  };
  const client = await connect(name, url);
  try {
    return await inTurn(client, `the ${name} database`, work, turn);
  } finally {
    await client.end();
  }
}

/**
 * Applies nothing, and needs no right but to read; rejects when the database can't be reached, and with StartError when
 * something that this release needs is not applied. What a newer release has applied is no obstacle.
 */
export async function requireMigrated(
  name: DatabaseName,
  url: string,
  reading?: Reading,
): Promise<readonly string[]> {
  const client = await connect(name, url, reading);
  try {
    const { pending } = await migrationState(name, async (text) => (await client.query(text)).rows);
    if (pending.length > 0)
      throw new StartError(
        `Cannot use the ${name} database: ${reading === undefined ? "with MIGRATE=check `npm run migrate`" : "whoever writes there"} has to apply ${pending.join(", ")} first`,
      );
    return [];
  } finally {
    await client.end();
  }
}

/** No entity has it, as not every database can (ADR 0059). */
const optionalIndex = /^drop index (if exists )?"users_search_text_trgm";\n?/gm;

/** The SQL by which the database differs from the entities; empty when it does not. */
export async function schemaDrift(name: DatabaseName, url: string): Promise<string> {
  const orm = await MikroORM.init(migratorOptions(name, url));
  try {
    return (await orm.schema.getUpdateSchemaSQL({ wrap: false })).replaceAll(optionalIndex, "");
  } finally {
    await orm.close();
  }
}
