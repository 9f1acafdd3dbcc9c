/** A database that takes no writes, as a failover leaves it, is an outage, and all goes on by itself when it is over. */
import { randomUUID } from "node:crypto";
import test from "ava";
import { sql } from "kysely";
import { eventHandler } from "../../mixins/bus/event-consumer.ts";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { examineDatabase } from "../../services/commands/doctor/database.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { chaosPostgres } from "../chaos/postgres.ts";
import { delivery, userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { type OutboxParts, outboxParts } from "../support/outbox-parts.ts";
import { openDatabase } from "../support/own-database.ts";
import { takeNoWrites, takeWrites } from "../support/read-only.ts";
import { RecordingBus } from "../support/recording-bus.ts";
import { testDatabase } from "../support/resources.ts";
import { healthOf, rigOf } from "../support/rig.ts";
import { ownAddress } from "../support/system-story.ts";

const isWaiting = (lines: readonly Record<string, unknown>[]) => () => {
  if (!lines.some(({ msg }) => String(msg).includes("relay waits")))
    throw new Error("The relay does not wait");
};

const isEmpty = (rig: OutboxParts) => async () => {
  if ((await rig.rowsLeft()) > 0) throw new Error("The outbox is not empty");
};

test("while either database takes no writes every write is Unavailable, health says why, reads go on", async (t) => {
  const rig = await rigOf(t, { services: ["users", "smtp-registry"] });
  const someone = () => ({ displayName: "Ann", primarySmtp: ownAddress() });
  const user = await rig.call("users.create", someone());
  for (const [name, url] of [
    ["users", rig.urls.users],
    ["smtp-registry", rig.urls.registry],
  ] as const) {
    await takeNoWrites(url);
    await t.throwsAsync(rig.callOnce("users.create", someone()), { instanceOf: Unavailable });
    const health = await rig.call(`${name}.health`, {});
    t.is(health.status, "down");
    t.regex(health.checks.database?.detail ?? "", /takes no writes/);
    t.like(await rig.call("users.get", { id: user.id }), { id: user.id });
    t.like(await rig.call("smtp-registry.lookup", { address: user.primarySmtp }), {
      address: user.primarySmtp,
    });

    // Sessions that were opened meanwhile would be read-only for as long as they live.
    await takeWrites(url);
    await rig.call("users.create", someone());
    t.is((await healthOf(rig, `${name}.health`)).status, "up");
  }
});

test("an event waits for a database that takes no writes, and has not failed once", async (t) => {
  const own = await testDatabase();
  const db = await openDatabase(own.url, [OutboxMessage]);
  await db.read((em) => em.execute("create table effects (id text primary key)"));
  t.teardown(async () => {
    await db.close();
    await own.drop();
  });
  const failed: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const handle = eventHandler(
    {
      ...{ name: "test", queue: "q", retryDelaysMs: [10], metrics: processMetrics() },
      log: testLogger({ lines }),
      apply: (events) =>
        db.transaction(async (em) => {
          for (const { id } of events) await run(em, sql`insert into effects values (${id})`);
          return events.map(() => "processed" as const);
        }),
      failed: async (event) => void failed.push(event.id),
    },
    new AbortController().signal,
  );
  await takeNoWrites(own.url);
  const handled = handle([delivery(userEvent()), delivery(userEvent())]);
  await eventually(() => {
    if (!lines.some(({ msg }) => msg === "consumer waits for its database") && failed.length === 0)
      throw new Error("It does not wait");
  });
  await takeWrites(own.url);
  t.deepEqual(await handled, [{ kind: "done" }, { kind: "done" }]);
  t.deepEqual(failed, []);
});

test("while its database takes no writes nothing is published, and what waited goes out once afterwards", async (t) => {
  const own = await testDatabase();
  const rig = await outboxParts(own);
  t.teardown(rig.close);
  for (let count = 0; count < 3; count += 1) await rig.write(randomUUID());
  await takeNoWrites(own.url);
  const bus = new RecordingBus();
  const { lines } = await rig.startRelay(bus);
  await eventually(isWaiting(lines));
  t.deepEqual(bus.published, []);

  await takeWrites(own.url);
  await eventually(isEmpty(rig));
  t.is(bus.published.length, 3);
});

test("on a hot standby nothing is published, and what waited goes out once when it is promoted", async (t) => {
  t.timeout(120_000, "PostgreSQL is started twice");
  const server = await chaosPostgres();
  t.teardown(server.remove);
  await server.start();
  const rig = await outboxParts({ url: server.url("postgres"), drop: async () => {} });
  t.teardown(rig.close);
  for (let count = 0; count < 3; count += 1) await rig.write(randomUUID());
  await server.becomeStandby();
  await server.start();

  const bus = new RecordingBus();
  const { lines } = await rig.startRelay(bus);
  await eventually(isWaiting(lines));
  t.deepEqual(bus.published, []);
  const db = await rig.openDatabase();
  await t.throwsAsync(db.check(), { instanceOf: Unavailable, message: /takes no writes/ });
  const target = { name: "users", variable: "DATABASE_URL", url: server.url("postgres") } as const;
  const finding = async (wanted: string) =>
    (await examineDatabase(target)).find(({ part }) => part === wanted);
  t.regex((await finding("users database"))?.says ?? "", /takes no writes/);

  await server.query("postgres", "select pg_promote()");
  await eventually(isEmpty(rig));
  t.is(bus.published.length, 3);

  t.is(await finding("users standby"), undefined);
  await server.query("postgres", "alter system set synchronous_standby_names = 'absent'");
  await server.query("postgres", "select pg_reload_conf()");
  await eventually(async () => {
    const { status, says = "" } = (await finding("users standby")) ?? {};
    if (status !== "problem") throw new Error(`The doctor does not miss the standby: ${says}`);
  });
  await server.query("postgres", "alter system reset synchronous_standby_names");
  await server.query("postgres", "select pg_reload_conf()");
  await db.check();
});

test("what the database would not let go is published once, however often the relay looks", async (t) => {
  const rig = await outboxParts();
  t.teardown(rig.close);
  const bus = new RecordingBus();
  const { relay, lines } = await rig.startRelay(bus);
  await rig.write(randomUUID());
  await eventually(isEmpty(rig));

  // As a full disk does it: what is there can be read and locked, and a row that is to be stored finds no room.
  await rig.pool.query(`
    create sequence tries;
    create function disk_full() returns trigger language plpgsql as
      $$ begin perform nextval('tries'); raise exception 'no room' using errcode = '53100'; end $$;
    create trigger disk_full before insert on published_events for each row execute function disk_full()`);
  await rig.write(randomUUID());
  await eventually(isWaiting(lines));
  await eventually(async () => {
    relay.nudge();
    const { rows } = await rig.pool.query<{ last: string }>("select last_value::int as last from tries");
    if (Number(rows[0]?.last) < 4) throw new Error("The relay does not try again");
  });
  t.is(bus.published.length, 2);

  await rig.pool.query("drop trigger disk_full on published_events");
  await eventually(isEmpty(rig));
  t.is(bus.published.length, 3);
});
