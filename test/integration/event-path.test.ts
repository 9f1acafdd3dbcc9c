import { randomBytes, randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { ServiceBroker } from "moleculer";
import pg from "pg";
import { inProcessBus } from "../../mixins/bus/in-process.ts";
import { OutboxMessage } from "../../mixins/bus/outbox.ts";
import type { Bus, DeadLetter } from "../../mixins/bus/port.ts";
import { rabbitMqBus } from "../../mixins/bus/rabbitmq.ts";
import { createMetrics } from "../../mixins/metrics/metrics.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import { database } from "../../mixins/postgres/database.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import auditService from "../../services/audit/index.ts";
import { loadConfig } from "../../services/config/index.ts";
import { consumers } from "../../services/contracts/consumers.ts";
import { eventTypes, type UserEvent } from "../../services/contracts/events.ts";
import outboxService from "../../services/outbox/index.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { appendToOutbox } from "../support/append.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { testDatabase, testVhost } from "../support/resources.ts";

const queues = [{ queue: consumers.audit.queue, bindings: [...eventTypes] }];
const retryDelaysMs = [20, 20];

/** `instances` processes' worth of outbox and audit on one database and one bus kind. */
async function pathOf(t: ExecutionContext, kind: Bus["kind"], instances: number) {
  const own = await testDatabase();
  await migrate("users", own.url);
  const vhost = kind === "rabbitmq" ? await testVhost() : undefined;
  const log = testLogger({ nodeId: "event-path" });
  const letters: DeadLetter[] = [];
  const running = Array.from({ length: instances }, () => {
    const bus =
      vhost === undefined
        ? inProcessBus({
            queues,
            retryDelaysMs,
            log,
            deadLetter: async (letter) => void letters.push(letter),
          })
        : rabbitMqBus({ url: vhost.url, queues, retryDelaysMs, connectionName: "event path", log });
    const config = {
      ...loadConfig({ LOG_LEVEL: "silent", NODE_ID: randomUUID() }),
      usersDatabaseUrl: own.url,
      retryDelaysMs,
    };
    const broker = new ServiceBroker(brokerOptions(config, log));
    const platform = { log, metrics: createMetrics(), bus, now: () => new Date() };
    broker.createService(outboxService(platform, config));
    broker.createService(auditService(platform, config));
    return { broker, bus };
  });
  for (const { broker, bus } of running) {
    bus.start();
    await broker.start();
  }
  const pool = new pg.Pool({ connectionString: own.url, max: 2 });
  const users = database({
    url: own.url,
    entities: [OutboxMessage as never],
    applicationName: "event-path-users",
    poolMax: 4,
    statementTimeoutMs: 10_000,
  });
  const life = users.mixin as Record<"started" | "stopped", () => Promise<void>>;
  await life.started();
  t.teardown(async () => {
    await Promise.all(running.map(({ broker }) => broker.stop()));
    await Promise.all(running.map(({ bus }) => bus.close()));
    await life.stopped();
    await pool.end();
    await own.drop();
    await vhost?.drop();
  });
  const brokers = running.map(({ broker }) => broker);
  return {
    pool,
    brokers,
    letters,
    commit: (...events: UserEvent[]) =>
      users.transaction(async (em) => {
        for (const event of events) appendToOutbox(em, event);
      }),
    cut: () =>
      pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
         and application_name in ('mailroster-outbox', 'mailroster-audit')`,
      ),
    settled: () =>
      eventually(
        async () => {
          const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from outbox");
          if (rows[0]?.n !== 0) throw new Error(`${rows[0]?.n} events are still in the outbox`);
        },
        { timeoutMs: 30_000 },
      ),
    audited: (count: number) =>
      eventually(
        async () => {
          const { rows } = await pool.query<{ id: string }>("select id from audit_entries");
          if (rows.length < count) throw new Error(`${rows.length} of ${count} events are audited`);
          return rows.map(({ id }) => id);
        },
        { timeoutMs: 30_000 },
      ),
  };
}

for (const kind of ["in-process", "rabbitmq"] as const)
  test(`${kind}: every committed event has one audit entry although connections are cut`, async (t) => {
    const path = await pathOf(t, kind, kind === "rabbitmq" ? 2 : 1);
    const userIds = Array.from({ length: 10 }, () => randomUUID());
    const sent: string[] = [];
    for (let version = 1; version <= 20; version += 1) {
      const events = userIds.map((userId) => userEvent({ userId, version }));
      await path.commit(...events);
      sent.push(...events.map(({ id }) => id));
      for (const broker of path.brokers) await callAction(broker, "outbox.nudge", {});
      if (version % 8 === 4) await path.cut();
    }
    await path.settled();
    t.deepEqual((await path.audited(sent.length)).sort(), sent.sort());
  });

test("in-process: an event that audit can't store goes to the dead letters and its user's next event goes on", async (t) => {
  const path = await pathOf(t, "in-process", 1);
  const userId = randomUUID();
  // Valid by its schema, but no index of PostgreSQL's holds a key of this length.
  const poison = userEvent({ userId, version: 1, correlationId: randomBytes(20_000).toString("hex") });
  const next = userEvent({ userId, version: 2 });
  await path.commit(poison, next);
  await path.settled();
  t.deepEqual(await path.audited(1), [next.id]);
  t.like(path.letters, [{ messageId: poison.id, reason: "retries-exhausted", attempts: 3 }]);
});

test("the outbox answers nudges and tells its health", async (t) => {
  const { brokers } = await pathOf(t, "in-process", 1);
  const [broker] = brokers as [ServiceBroker];
  t.is(await callAction(broker, "outbox.nudge", {}), null);
  t.is((await callAction(broker, "outbox.health", {})).status, "up");
});
