/** The migrations make exactly what the entities expect, and a difference is noticed. */
import test from "ava";
import pg from "pg";
import type { DatabaseName } from "../../services/runtime/databases.ts";
import { migrate, schemaDrift } from "../../services/runtime/migrations.ts";
import { testDatabase } from "../support/resources.ts";

async function query(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

const someTable = `select table_name from information_schema.tables
  where table_schema = 'public' and table_type = 'BASE TABLE' and table_name not like 'mikro_orm%' order by 1 limit 1`;

for (const name of ["users", "registry"] satisfies DatabaseName[]) {
  test(`the migrations of ${name} make what its entities expect`, async (t) => {
    const database = await testDatabase();
    await migrate(name, database.url);
    t.is((await schemaDrift(name, database.url)).trim(), "");
    await database.drop();
  });

  test(`a column of ${name} that no entity knows is noticed`, async (t) => {
    const database = await testDatabase();
    await migrate(name, database.url);
    const { rows } = await query(database.url, someTable);
    await query(database.url, `alter table ${rows[0].table_name} add column forgotten int`);
    t.regex(await schemaDrift(name, database.url), /forgotten/);
    await database.drop();
  });
}

test("processes that migrate one database at once apply each change once", async (t) => {
  const database = await testDatabase();
  const applied = await Promise.all([1, 2, 3, 4].map(() => migrate("users", database.url)));
  const all = applied.flat();
  t.true(all.length > 0);
  t.is(new Set(all).size, all.length);
  await database.drop();
});
