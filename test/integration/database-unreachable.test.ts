/** Databases that can't be reached in other ways than by a closed port: silence, and a server that lets nobody in. */
import { randomUUID } from "node:crypto";
import test from "ava";
import { sql } from "kysely";
import pg from "pg";
import { run } from "../../mixins/postgres/statement.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { stateFinder } from "../../services/users/queries.ts";
import { eventually } from "../support/eventually.ts";
import { openDatabase } from "../support/own-database.ts";
import { testDatabase } from "../support/resources.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

test("what waits on a connection that has fallen silent is refused, and what comes after it goes on", async (t) => {
  t.timeout(30_000, "nobody gives the silent connection up");
  const own = await testDatabase();
  await migrate("users", own.url);
  const proxy = await tcpProxy(own.url, 5432);
  const db = await openDatabase(proxy.through(own.url), usersEntities);
  t.teardown(async () => {
    await proxy.close();
    await db.close();
    await own.drop();
  });
  const find = stateFinder(db);
  await find(randomUUID());
  proxy.silence();
  // All that ask in one turn share one statement, and so its connection.
  const reads = await Promise.allSettled([find(randomUUID()), find(randomUUID())]);
  for (const read of reads) t.true(read.status === "rejected" && read.reason instanceof Unavailable);
  // Whoever gets the connection before its end is known is refused at once.
  t.is(await eventually(() => find(randomUUID())), undefined);

  proxy.silence();
  const write = db.transaction((em) => run(em, sql`select 1 as one where 1 = ${1}`));
  await t.throwsAsync(write, { instanceOf: Unavailable });
  const next = await eventually(() => db.transaction((em) => run(em, sql`select 1 as one where 1 = ${1}`)));
  t.deepEqual(next, [{ one: 1 }]);
});

test("a database that takes no connections can't be reached, whatever the server says of it", async (t) => {
  const own = await testDatabase();
  await migrate("users", own.url);
  const name = new URL(own.url).pathname.slice(1);
  const elsewhere = new URL(own.url);
  elsewhere.pathname = "/postgres";
  const server = new pg.Client({ connectionString: elsewhere.href });
  await server.connect();
  const db = await openDatabase(own.url, usersEntities);
  t.teardown(async () => {
    await db.close();
    await server.end();
    await own.drop();
  });
  await db.check();
  await server.query(`alter database "${name}" allow_connections false`);
  await server.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [name]);
  for (let call = 0; call < 3; call += 1) await t.throwsAsync(db.check(), { instanceOf: Unavailable });
  await server.query(`alter database "${name}" allow_connections true`);
  await eventually(() => db.check());
});
