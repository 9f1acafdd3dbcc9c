/** The schema that the code needs: whole at the start, and looked at for as long as the process says that it is ready. */
import { readdirSync } from "node:fs";
import test from "ava";
import pg from "pg";
import { openClient } from "../../mixins/postgres/database-client.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { StartError } from "../../services/contracts/exits.ts";
import { type DatabaseName, entitiesOf } from "../../services/runtime/databases.ts";
import { inTurn } from "../../services/runtime/migration-turn.ts";
import { migrate, migrationNames, requireMigrated } from "../../services/runtime/migrations.ts";
import { eventually } from "../support/eventually.ts";
import { openDatabase } from "../support/own-database.ts";
import { testDatabase } from "../support/resources.ts";

for (const name of ["users", "registry"] satisfies DatabaseName[]) {
  test(`every file of migrations/${name} is in its list, in the order of their names`, (t) => {
    const files = readdirSync(new URL(`../../migrations/${name}`, import.meta.url))
      .filter((file) => file.startsWith("Migration"))
      .map((file) => file.replace(/\.ts$/, ""));
    t.deepEqual(migrationNames(name), files.sort());
  });

  test(`what was applied to ${name} is recorded under the names that earlier releases gave it`, async (t) => {
    const own = await testDatabase();
    t.teardown(own.drop);
    t.deepEqual(await migrate(name, own.url), migrationNames(name));
    const client = new pg.Client({ connectionString: own.url });
    await client.connect();
    const { rows } = await client.query<{ name: string }>(
      "select name from mikro_orm_migrations order by id",
    );
    await client.end();
    t.deepEqual(
      rows.map((row) => row.name),
      migrationNames(name),
    );
    t.deepEqual(await migrate(name, own.url), []);
  });

  test(`with MIGRATE=check a ${name} database is left as it is, and refused by the names of what it lacks`, async (t) => {
    const own = await testDatabase();
    const client = new pg.Client({ connectionString: own.url });
    await client.connect();
    t.teardown(async () => {
      await client.end();
      await own.drop();
    });
    const [newest = ""] = migrationNames(name).slice(-1);
    const first = await t.throwsAsync(requireMigrated(name, own.url), { instanceOf: StartError });
    for (const missing of migrationNames(name)) t.true(first?.message.includes(missing), missing);
    const { rows } = await client.query(
      "select from information_schema.tables where table_schema = 'public'",
    );
    t.is(rows.length, 0);

    await migrate(name, own.url);
    t.deepEqual(await requireMigrated(name, own.url), []);
    await client.query("insert into mikro_orm_migrations (name) values ('MigrationOfANewerRelease')");
    t.deepEqual(await requireMigrated(name, own.url), []);

    await client.query("delete from mikro_orm_migrations where name = $1", [newest]);
    await t.throwsAsync(requireMigrated(name, own.url), {
      instanceOf: StartError,
      message: `Cannot use the ${name} database: with MIGRATE=check \`npm run migrate\` has to apply ${newest} first`,
    });
  });

  test(`a ${name} database whose user may no longer write is not up`, async (t) => {
    const own = await testDatabase();
    await migrate(name, own.url);
    const admin = new pg.Client({ connectionString: own.url });
    await admin.connect();
    const url = new URL(own.url);
    const role = url.pathname.slice(1);
    await admin.query(`create role "${role}" login password 'own'`);
    await admin.query(`grant all on all tables in schema public to "${role}"`);
    [url.username, url.password] = [role, "own"];
    const db = await openDatabase(url.href, entitiesOf[name]);
    t.teardown(async () => {
      await db.close();
      await admin.query(`drop owned by "${role}"`);
      await admin.query(`drop role "${role}"`);
      await admin.end();
      await own.drop();
    });
    await db.check();
    await admin.query(`revoke insert, update, delete on all tables in schema public from "${role}"`);
    await t.throwsAsync(db.check(), { instanceOf: Unavailable, message: /has not the rights/ });
    await admin.query(`grant all on all tables in schema public to "${role}"`);
    await eventually(() => db.check());
  });

  test(`a ${name} database without a table or a column that is needed is not up`, async (t) => {
    const own = await testDatabase();
    const db = await openDatabase(own.url, entitiesOf[name]);
    const client = new pg.Client({ connectionString: own.url });
    await client.connect();
    t.teardown(async () => {
      await db.close();
      await client.end();
      await own.drop();
    });
    const schemaMissing = { instanceOf: Unavailable, message: /schema that is needed is not there/ };
    await t.throwsAsync(db.check(), schemaMissing);
    await migrate(name, own.url);
    await db.check();

    const { rows } = await client.query<{ table: string; column: string }>(
      `select table_name as "table", column_name as "column" from information_schema.columns
       where table_schema = 'public' and table_name in ('users', 'addresses') and column_name like '%\\_at' limit 1`,
    );
    const [{ table, column } = t.fail("no column to take away")] = rows as [
      { table: string; column: string },
    ];
    await client.query(`alter table "${table}" rename column "${column}" to away`);
    await t.throwsAsync(db.check(), schemaMissing);
    await client.query(`alter table "${table}" rename column away to "${column}"`);
    await eventually(() => db.check());
  });
}

test("the turn to migrate is a transaction's and leaves no lock with its session, which a pooler hands on", async (t) => {
  const own = await testDatabase();
  const client = await openClient(own.url, { connectionTimeoutMillis: 5_000 });
  t.teardown(async () => {
    await client.end();
    await own.drop();
  });
  const locks = async (): Promise<unknown[]> => {
    const held = "select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()";
    return (await client.query(held)).rows;
  };
  const during = await inTurn(client, "the users database", locks, {});
  t.deepEqual([during.length, (await locks()).length], [1, 0]);
});

test("whoever waits to migrate says for whom, and gives up with its time or at the signal", async (t) => {
  const own = await testDatabase();
  const options = { connectionTimeoutMillis: 5_000, application_name: "the-one-before" };
  const client = await openClient(own.url, options);
  t.teardown(async () => {
    await client.end();
    await own.drop();
  });
  const before = /the-one-before \(process \d+ of the server/;
  await inTurn(
    client,
    "the users database",
    async () => {
      const late = await t.throwsAsync(migrate("users", own.url, { maxMs: 1 }), { instanceOf: StartError });
      t.regex(late?.message ?? "", before);
      const stop = new AbortController();
      const told: string[] = [];
      const waiting = migrate("users", own.url, {
        signal: stop.signal,
        onWait: (holder) => {
          told.push(holder);
          stop.abort(new Error("the process is to stop"));
        },
      });
      await t.throwsAsync(waiting, { message: "the process is to stop" });
      t.regex(told.join(), before);
    },
    {},
  );
  t.deepEqual(await migrate("users", own.url), migrationNames("users"));
});
