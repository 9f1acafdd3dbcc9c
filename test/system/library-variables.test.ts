/** What pg and MikroORM would read of the environment has no effect: docs/configuration.md has all that has. */
import test from "ava";
import pg from "pg";
import { migrationNames } from "../../services/runtime/migrations.ts";
import { Processes } from "../support/processes.ts";
import { testDatabase } from "../support/resources.ts";

const migrations = async (url: string): Promise<string[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>("select name from public.mikro_orm_migrations");
    return rows.map(({ name }) => name).sort();
  } finally {
    await client.end();
  }
};

for (const [library, variables] of [
  ["pg", { PGSSLMODE: "require", PGOPTIONS: "-c search_path=nowhere", PGREPLICATION: "true", PGBINARY: "1" }],
  ["MikroORM", { MIKRO_ORM_SCHEMA: "nowhere", MIKRO_ORM_MIGRATIONS_TABLE_NAME: "elsewhere" }],
] as const)
  test(`what ${library} would read of the environment changes no connection`, async (t) => {
    const own = await testDatabase();
    const processes = new Processes();
    try {
      const script = "services/commands/migrate.ts";
      const migrating = await processes.start({ script, env: { DATABASE_URL: own.url, ...variables } });
      t.is((await migrating.exited()).code, 0, migrating.stderr());
      t.deepEqual(await migrations(own.url), [...migrationNames("users")].sort());
    } finally {
      await processes.end();
      await own.drop();
    }
  });
