/** PgBouncer in transaction mode before the server: a session is nobody's. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { sql } from "kysely";
import { openClient } from "../../mixins/postgres/database-client.ts";
import { databaseFaultOf } from "../../mixins/postgres/database-faults.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { migrate, migrationNames } from "../../services/runtime/migrations.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { openDatabase } from "../support/own-database.ts";
import { startPgbouncer } from "../support/pgbouncer.ts";
import { testDatabase } from "../support/resources.ts";
import { Stops } from "../support/stops.ts";

/** Three sessions for all, so that each is everybody's soon. */
const poolSize = 3;
const timeoutMs = 180_000;

async function pooled(t: ExecutionContext, preparedMax?: number): Promise<string> {
  t.timeout(timeoutMs, "a PgBouncer is found, or fetched, and started");
  const own = await testDatabase();
  const stops = new Stops();
  const folder = mkdtempSync(join(tmpdir(), "mailroster-pooler-"));
  chmodSync(folder, 0o777);
  t.teardown(async () => {
    await stops.all();
    rmSync(folder, { recursive: true, force: true });
    await eventually(own.drop);
  });
  const more = preparedMax === undefined ? {} : { preparedMax };
  const port = await fixedPort();
  await startPgbouncer({ folder, port, url: own.url, stops, poolSize, ...more });
  const url = new URL(own.url);
  url.host = `127.0.0.1:${port}`;
  return url.href;
}

test.serial("behind PgBouncer processes that start at once migrate one after the other", async (t) => {
  const url = await pooled(t);
  const applied = await Promise.all([1, 2, 3, 4].map(() => migrate("users", url)));
  t.deepEqual(applied.flat(), migrationNames("users"));
  t.deepEqual(await migrate("users", url), []);
});

test.serial(
  "behind PgBouncer the statement timeout and the plans of each pool hold, in transactions and without",
  async (t) => {
    const url = await pooled(t);
    const long = await openDatabase(url, usersEntities, { statementTimeoutMs: 5_000 });
    const short = await openDatabase(url, usersEntities, { statementTimeoutMs: 300 });
    t.teardown(async () => {
      await Promise.all([long.close(), short.close()]);
    });
    const settings = sql<{ timeout: string; seqscan: string }>`
    select current_setting('statement_timeout') as timeout, current_setting('enable_seqscan') as seqscan
    from (select pg_sleep(0.01 * ${1}::int)) s`;
    for (const [db, timeout] of [
      [long, "5s"],
      [short, "300ms"],
      [long, "5s"],
    ] as const) {
      const many = Array.from({ length: 4 }, () => [
        db.read((em) => run(em, settings)),
        db.transaction((em) => run(em, settings)),
      ]);
      for (const rows of await Promise.all(many.flat())) t.deepEqual(rows, [{ timeout, seqscan: "off" }]);
    }
    const sleep = sql`select pg_sleep(${20}::int)`;
    for (const late of [short.read((em) => run(em, sleep)), short.transaction((em) => run(em, sleep))])
      await t.throwsAsync(late, { instanceOf: Unavailable, message: /was cancelled or took too long/ });
    const plain = await openClient(url, { connectionTimeoutMillis: 5_000 });
    const { rows } = await plain.query("select current_setting('enable_seqscan') as seqscan");
    await plain.end();
    t.deepEqual(rows, [{ seqscan: "on" }], "nothing stays with the pooler's sessions");
  },
);

test.serial(
  "behind PgBouncer a statement without a transaction is done when it is answered, and undone when it fails",
  async (t) => {
    const url = await pooled(t);
    const db = await openDatabase(url, usersEntities);
    t.teardown(db.close);
    await db.read((em) => em.execute("create table effects (id int primary key)"));
    const write = (id: number) => db.read((em) => run(em, sql`insert into effects values (${id})`));
    await write(1);
    await t.throwsAsync(write(1), { message: /duplicate key/ });
    const found = await db.transaction((em) => run(em, sql`select id from effects where id > ${0}`));
    t.deepEqual(found, [{ id: 1 }]);
  },
);

test.serial("a PgBouncer that mixes up prepared statements is refused by name and version", async (t) => {
  const url = await pooled(t, 0);
  const db = await openDatabase(url, usersEntities, { poolMax: 8 });
  t.teardown(db.close);
  const outcomes = await Promise.allSettled(
    Array.from({ length: 16 }, () => db.read((em) => run(em, sql`select ${1}::int as one, pg_sleep(0.02)`))),
  );
  const refusals = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [outcome.reason as Error] : [],
  );
  t.true(refusals.length > 0);
  for (const { message } of refusals) t.regex(message, /PgBouncer has to be 1\.21 or later/);
  const refused = await t.throwsAsync(migrate("users", url).then(() => migrate("users", url)));
  t.is(databaseFaultOf(refused)?.atStart, "refuse");
});
