/** Who owns the tables migrates them, who serves may do nothing but read and write rows; on a real PostgreSQL. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { type DatabaseName, entitiesOf } from "../../services/runtime/databases.ts";
import { migrate, migrationNames, requireMigrated } from "../../services/runtime/migrations.ts";
import { queryAt, roleIn, withRoles } from "../support/database-roles.ts";
import { openDatabase } from "../support/own-database.ts";
import { Processes } from "../support/processes.ts";
import { createAndFollow } from "../support/system-story.ts";

test("who serves can't empty or change the audit log, nor drop what keeps it, nor make a table", async (t) => {
  const { owner, serving } = await withRoles(t);
  await migrate("users", owner, {}, roleIn(serving));
  await queryAt(
    serving,
    `insert into audit_entries (id, at, action, user_id, version, actor, correlation_id, changes)
     values (gen_random_uuid(), now(), 'created', gen_random_uuid(), 1, 'nobody', 'c', '[]')`,
  );
  for (const statement of [
    "delete from audit_entries",
    "update audit_entries set actor = 'somebody'",
    "truncate audit_entries",
    "drop trigger audit_entries_append_only on audit_entries",
    "alter table audit_entries disable trigger all",
    "alter table users add column password text",
    "drop table users",
    "create table mine (id int)",
    "create function public.mine() returns int language sql as 'select 1'",
    "insert into mikro_orm_migrations (name) values ('mine')",
    "copy users to program 'true'",
  ])
    await t.throwsAsync(queryAt(serving, statement), { code: "42501" }, statement);
  t.is((await queryAt(serving, "select from audit_entries")).length, 1);
});

for (const name of ["users", "registry"] satisfies DatabaseName[])
  test(`who serves finds ${name} migrated and usable, also by a database that one role had until now`, async (t) => {
    const { owner, serving, database } = await withRoles(t);
    await queryAt(
      database.url,
      `grant all on database "${new URL(database.url).pathname.slice(1)}" to ${roleIn(serving)}; grant create on schema public to ${roleIn(serving)}`,
    );
    t.deepEqual(await migrate(name, serving), migrationNames(name));
    await queryAt(
      database.url,
      `reassign owned by ${roleIn(serving)} to ${roleIn(owner)}; revoke create on schema public from ${roleIn(serving)}`,
    );
    t.deepEqual(await migrate(name, owner, {}, roleIn(serving)), []);
    await t.notThrowsAsync(requireMigrated(name, serving));
    await t.throwsAsync(queryAt(serving, "create table mine (id int)"), { code: "42501" });
    const db = await openDatabase(serving, entitiesOf[name]);
    await t.notThrowsAsync(db.check());
    await db.close();
  });

test.serial(
  "the whole system works as roles that own nothing, also with MIGRATE=check and without the owner's URLs",
  async (t) => {
    const [users, registry] = [await withRoles(t), await withRoles(t)];
    const processes = new Processes();
    t.teardown(() => processes.end());
    const env = { DATABASE_URL: users.serving, REGISTRY_DATABASE_URL: registry.serving };
    const migrating = await processes.start({
      script: "services/commands/migrate.ts",
      env: { ...env, MIGRATE_DATABASE_URL: users.owner, MIGRATE_REGISTRY_DATABASE_URL: registry.owner },
    });
    t.is((await migrating.exited()).code, 0, migrating.stderr());
    const system = await processes.start({ env: { ...env, DATA_DIR: processes.folder(), MIGRATE: "check" } });
    await system.ready();
    await createAndFollow(system.httpUrl);
    system.kill("SIGTERM");
    t.is((await system.exited()).code, 0);
  },
);

test.serial(
  "npm start serves as roles of the embedded PostgreSQL that own nothing, out of a folder that others can't list",
  async (t) => {
    const processes = new Processes();
    t.teardown(() => processes.end());
    const DATA_DIR = join(processes.folder(), "data");
    const system = await processes.start({ env: { DATA_DIR } });
    await system.ready();
    await createAndFollow(system.httpUrl);
    const password = readFileSync(join(DATA_DIR, "postgres.password"), "utf8").trim();
    const port = readFileSync(join(DATA_DIR, "postgres/postmaster.pid"), "utf8").split("\n")[3];
    const rows = await queryAt<{ role: string }>(
      `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`,
      "select distinct usename::text as role from pg_stat_activity where application_name like 'mailroster-%' order by 1",
    );
    t.deepEqual(
      rows.map(({ role }) => role),
      ["mailroster_registry", "mailroster_users"],
    );
    t.is(statSync(DATA_DIR).mode & 0o066, 0);
  },
);
