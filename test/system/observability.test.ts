/**
 * Alerts and dashboards against the system as it runs: three processes over RabbitMQ, a user, and a poison event, seen
 * by a real Prometheus with the configuration and the rules that are shipped.
 */
import amqp from "amqplib";
import test from "ava";
import pg from "pg";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { consumerQueues } from "../../services/contracts/consumers.ts";
import { usersExchange } from "../../services/contracts/headers.ts";
import {
  partsOf,
  type Servers,
  type System,
  servers,
  startSystem,
  stopSystem,
  systemIsReady,
} from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { Processes, request } from "../support/processes.ts";
import { promtool } from "../support/prometheus.ts";
import { type PrometheusServer, prometheusServer } from "../support/prometheus-server.ts";
import { exposedMetrics, queryFaults } from "../support/promql.ts";
import { dashboards, rules } from "../support/rules.ts";
import { socketmap } from "../support/socketmap.ts";
import { createAndFollow } from "../support/system-story.ts";

const processes = new Processes();
const poisonTimeoutMs = 30_000;
const keyDays = 20;
let around: Servers;
let system: System;
let prometheus: PrometheusServer | undefined;

const expositions = () =>
  Promise.all(partsOf(system).map(async ({ opsUrl }) => (await request(`${opsUrl}/metrics`)).text));

/** Expositions with every figure that is measured on demand; some need a first connection. */
const complete = (): Promise<string[]> =>
  eventually(async () => {
    const texts = await expositions();
    for (const metric of ["queue_messages{", "database_clock_offset_seconds{", "outbox_oldest_age_seconds "])
      if (!texts.some((text) => text.includes(`\n${metric}`))) throw new Error(`${metric} is not there yet`);
    return texts;
  });

test.before(async () => {
  around = await servers();
  const mailPort = await fixedPort();
  const mail = { SOCKETMAP_PORT: String(mailPort) };
  system = await startSystem(processes, around, around.vhost.url, "node", mail);
  await systemIsReady(system.gateway);
  await socketmap(mailPort, "mailboxes nobody@example.com");
  // Of keys that end in more than a month there is no figure.
  const soon = new Date(Date.now() + keyDays * 86_400_000).toISOString();
  const key = { name: "soon over", role: "lookup", expiresAt: soon };
  const made = await request(`${system.gateway.httpUrl}/keys`, { body: key });
  if (made.status !== 201) throw new Error(`Cannot make a key: ${made.status} ${made.text}`);
});

test.after.always(async (t) => {
  await prometheus?.stop();
  if (t.passed) t.deepEqual(await stopSystem(system), [0, 0, 0]);
  await processes.end();
  await around.drop();
});

test.serial(
  "promtool has nothing to say of what any process exposes, and no argument of a process is in it",
  async (t) => {
    await createAndFollow(system.gateway.httpUrl);
    for (const text of await complete()) {
      const { code, stdout, stderr } = await promtool(["check", "metrics"], { input: text });
      t.deepEqual([code, stdout, stderr], [0, "", ""]);
      t.notRegex(text, /@example|--|argv|[0-9a-f]{8}-[0-9a-f]{4}-/);
    }
  },
);

test.serial("every metric of ours is exposed by one of the processes", async (t) => {
  const exposed = exposedMetrics(await complete());
  const known = (await processMetrics().registry.getMetricsAsJSON()).filter(
    ({ name }) => !/^(nodejs|process)_/.test(name),
  );
  t.true(known.length > 15);
  for (const { name, type } of known)
    t.true(exposed.has(String(type) === "histogram" ? `${name}_count` : name), name);
});

test.serial("every pool of every process is measured", async (t) => {
  const texts = await complete();
  const shown = new Set(
    texts.flatMap((text) =>
      [...text.matchAll(/database_pool_connections_max\{pool="([^"]+)"/g)].map(([, pool]) => pool),
    ),
  );
  for (const { url } of [around.users, around.registry]) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query<{ name: string }>(
      "select distinct application_name as name from pg_stat_activity where datname = current_database() and application_name like 'mailroster-%'",
    );
    await client.end();
    t.true(rows.length > 0);
    for (const { name } of rows) t.true(shown.has(name.replace("mailroster-", "")), name);
  }
});

test.serial("every metric and label in every rule and every dashboard is exposed", async (t) => {
  const exposed = exposedMetrics(await complete());
  for (const { record } of rules()) if (record !== undefined) exposed.set(record, new Set());
  const queries = [
    ...rules().map(({ expr, alert, record }) => [alert ?? record, expr]),
    ...dashboards().flatMap(({ file, panels }) =>
      panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [`${file}: ${title}`, expr])),
    ),
  ];
  t.true(queries.length > 60);
  for (const [where, expr = ""] of queries) t.deepEqual(queryFaults(expr, exposed), [], where);
});

test.serial(
  "within seconds a poison event is in the log, the metric and the table, and Prometheus raises the alert",
  async (t) => {
    const targets = partsOf(system).map(({ opsUrl }) => new URL(opsUrl).host);
    const server = await prometheusServer(targets);
    prometheus = server;
    await eventually(
      async () => {
        const { activeTargets } = await server.api<{ activeTargets: { health: string }[] }>("targets");
        const up = activeTargets.filter(({ health }) => health === "up");
        if (up.length !== targets.length) throw new Error(`${up.length} of ${targets.length} targets are up`);
      },
      { timeoutMs: poisonTimeoutMs },
    );
    const connection = await amqp.connect(around.vhost.url);
    const channel = await connection.createConfirmChannel();
    channel.publish(usersExchange, "user.updated.v1", Buffer.from("no event"), {
      messageId: "poison",
      correlationId: "poison-1",
    });
    await channel.waitForConfirms();
    await connection.close();
    const { items } = await eventually(
      async () => {
        const { groups } = await server.api<{
          groups: { rules: { name: string; health: string; state?: string; lastError?: string }[] }[];
        }>("rules");
        const all = groups.flatMap((group) => group.rules);
        const broken = all.filter(({ lastError }) => lastError);
        if (broken.length > 0) throw new Error(`Broken rules: ${JSON.stringify(broken)}`);
        if (all.find(({ name }) => name === "DeadLetters")?.state !== "firing")
          throw new Error("DeadLetters does not fire");
        return (await request(`${system.gateway.httpUrl}/dead-letters?status=pending`)).json<{
          items: Record<string, unknown>[];
        }>();
      },
      { timeoutMs: poisonTimeoutMs },
    );
    const queues = consumerQueues;
    t.deepEqual(items.map(({ queue }) => String(queue)).sort(), [...queues].sort());
    const [exposed = ""] = (await expositions()).filter((text) => text.includes("\ndead_letters{"));
    const lines = partsOf(system).flatMap((part) => part.logs());
    for (const { queue, cause } of items) {
      const told = lines.filter((line) => line.level === "error" && line.queue === queue);
      t.is(told.length, 1);
      t.like(told[0], { correlationId: "poison-1", reason: "not-json", cause });
      t.true(exposed.includes(`\nevents_dead_lettered_total{queue="${queue}",reason="not-json"} 1\n`));
    }
  },
);
