/** Commits that wait for a standby that does not answer: no more backends than the pool has, and reads go on. */
import test from "ava";
import { sql } from "kysely";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { type ChaosPostgres, chaosPostgres } from "../chaos/postgres.ts";
import { eventually } from "../support/eventually.ts";
import { openDatabase } from "../support/own-database.ts";
import { rigOf } from "../support/rig.ts";
import { ownAddress } from "../support/system-story.ts";

const poolMax = 8;
/** What is left to transactions. */
const transactionsMax = 6;
/** Of the 20 that users has. */
const usersTransactionsMax = 15;

interface Sessions {
  readonly all: number;
  readonly waiting: number;
}

/** From now on commits wait for the standbys of these names. */
async function waitForStandbys(server: ChaosPostgres, names: string): Promise<void> {
  await server.query("postgres", `alter system set synchronous_standby_names = '${names}'`);
  await server.query("postgres", "select pg_reload_conf()");
}

test("while commits wait for a standby reads go on, writes are refused, and no backend is more than the pool", async (t) => {
  t.timeout(120_000, "a PostgreSQL is started, and commits are waited for");
  const server = await chaosPostgres();
  t.teardown(server.remove);
  await server.start();
  const url = server.url("postgres");
  const metrics = processMetrics();
  await migrate("users", url);
  const db = await openDatabase(url, usersEntities, { poolMax, metrics });
  await db.read((em) => em.execute("create table effects (id serial primary key)"));
  const write = () => db.transaction((em) => run(em, sql`insert into effects default values`));
  const read = () => db.read((em) => run(em, sql`select count(*)::int as found from effects`));
  const waiting = async (): Promise<number> => {
    const text = await metrics.expose();
    return Number(/^database_commits_waiting\{pool="test"\} (\d+)$/m.exec(text)?.[1]);
  };
  const sessions = async (): Promise<Sessions> => {
    const [row] = await server.query<Sessions>(
      "postgres",
      `select count(*)::int as all, count(*) filter (where wait_event = 'SyncRep')::int as waiting
       from pg_stat_activity where application_name = 'mailroster-test'`,
    );
    return row ?? { all: -1, waiting: -1 };
  };
  let isOver = false;
  const failures: unknown[] = [];
  const reading = async (): Promise<number> => {
    let count = 0;
    for (; !isOver; count += 1) await read().catch((error: unknown) => failures.push(error));
    return count;
  };
  t.teardown(async () => {
    isOver = true;
    await db.close();
  });
  await write();

  await waitForStandbys(server, "nobody");
  const readers = Promise.all([reading(), reading()]);
  const seen: Sessions[] = [];
  await eventually(
    async () => {
      await Promise.allSettled(Array.from({ length: poolMax * 2 }, write));
      seen.push(await sessions());
      if ((await waiting()) < transactionsMax) throw new Error("Not all that may wait do");
    },
    { timeoutMs: 30_000 },
  );
  for (let round = 0; round < 3; round += 1) {
    for (const refusal of await Promise.allSettled(Array.from({ length: poolMax * 2 }, write)))
      t.true(refusal.status === "rejected" && refusal.reason instanceof Unavailable);
    seen.push(await sessions());
  }
  await t.throwsAsync(write(), { instanceOf: Unavailable, message: /commits wait for its standby/ });
  await t.throwsAsync(db.check(), { instanceOf: Unavailable, message: /commits wait for its standby/ });
  t.is((await sessions()).waiting, transactionsMax);
  t.deepEqual(
    seen.filter(({ all }) => all > poolMax),
    [],
  );

  await waitForStandbys(server, "");
  await eventually(write);
  await eventually(async () => {
    if ((await waiting()) > 0) throw new Error("They wait still");
  });
  await db.check();
  isOver = true;
  for (const count of await readers) t.true(count > 0);
  t.deepEqual(failures, []);
});

test("a whole system whose commits wait for a standby answers every read, and writes again when they end", async (t) => {
  t.timeout(120_000, "a PostgreSQL is started, and commits are waited for");
  const server = await chaosPostgres();
  t.teardown(server.remove);
  await server.start();
  for (const name of ["users", "registry"] as const) {
    await server.query("postgres", `create database ${name}`);
    await migrate(name, server.url(name));
  }
  const environment = { DATABASE_URL: server.url("users"), REGISTRY_DATABASE_URL: server.url("registry") };
  const rig = await rigOf(t, { environment });
  const create = () => rig.httpOnce("POST", "/users", { displayName: "Ann", primarySmtp: ownAddress() });
  const creates = () => Array.from({ length: 20 }, create);
  const { body: user } = await eventually(async () => {
    const answer = await create();
    if (answer.status !== 201) throw new Error(answer.body.detail);
    return answer;
  });
  await eventually(async () => {
    const { status } = await rig.httpOnce("GET", `/smtp/${user.primarySmtp}`);
    if (status !== 200) throw new Error("The registry has not heard of it");
  });

  await waitForStandbys(server, "nobody");
  const reads: number[] = [];
  let isOver = false;
  const readers = (async () => {
    while (!isOver)
      for (const path of [`/users/${user.id}`, "/users?limit=5", `/smtp/${user.primarySmtp}`])
        reads.push((await rig.httpOnce("GET", path)).status);
  })();
  t.teardown(async () => {
    isOver = true;
    await readers;
  });
  await eventually(
    async () => {
      await Promise.all(creates());
      const metrics = await rig.metrics.expose();
      const told = /^database_commits_waiting\{pool="users"\} (\d+)$/m.exec(metrics)?.[1];
      if (Number(told) < usersTransactionsMax) throw new Error("Not all that may wait do");
    },
    { timeoutMs: 60_000 },
  );
  for (const { status } of await Promise.all(creates())) t.is(status, 503);
  await waitForStandbys(server, "");
  await eventually(async () => {
    const { status, body } = await create();
    if (status !== 201) throw new Error(body.detail);
  });
  isOver = true;
  await readers;
  t.deepEqual(new Set(reads), new Set([200]));
});
