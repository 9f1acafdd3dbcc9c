/** One of the servers of a URL takes writes: connections go there, also after another one has become it, and to no standby. */
import { once } from "node:events";
import net from "node:net";
import test, { type ExecutionContext } from "ava";
import { sql } from "kysely";
import { openClient } from "../../mixins/postgres/database-client.ts";
import { databaseFaultOf } from "../../mixins/postgres/database-faults.ts";
import { run } from "../../mixins/postgres/statement.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { migrate } from "../../services/runtime/migrations.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { type ChaosPostgres, chaosPostgres } from "../chaos/postgres.ts";
import { eventually } from "../support/eventually.ts";
import { openDatabase } from "../support/own-database.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

const timeoutMs = 120_000;
const connecting = { connectionTimeoutMillis: 2_000 };

const authority = (server: ChaosPostgres): string => new URL(server.url("postgres")).host;

/** As they stand in a URL, in that order. */
const urlOf = (...hosts: string[]): string =>
  `postgresql://postgres@${hosts.join(",")}/postgres?target_session_attrs=read-write`;

async function primaryAndStandby(t: ExecutionContext): Promise<readonly [ChaosPostgres, ChaosPostgres]> {
  const primary = await chaosPostgres();
  t.teardown(primary.remove);
  const standby = await primary.copy();
  t.teardown(standby.remove);
  await standby.becomeStandby(primary.url("postgres"));
  await primary.start();
  await standby.start();
  return [primary, standby];
}

const isThere = async (server: ChaosPostgres, table: string): Promise<void> => {
  await server.query("postgres", `select from ${table}`);
};

test("a URL of two servers leads to the primary, and to the other one when that has become it", async (t) => {
  t.timeout(timeoutMs, "two PostgreSQL are started");
  const [first, second] = await primaryAndStandby(t);
  const url = urlOf(authority(second), authority(first));
  await migrate("users", url);
  const db = await openDatabase(url, usersEntities);
  t.teardown(db.close);
  const write = (id: string) => db.transaction((em) => run(em, sql`insert into effects values (${id})`));
  await db.read((em) => em.execute("create table effects (id text primary key)"));
  await write("before");
  await db.check();
  await eventually(() => isThere(second, "effects"));

  await first.crash();
  await t.throwsAsync(write("meanwhile"), { instanceOf: Unavailable });
  await second.query("postgres", "select pg_promote()");
  await eventually(() => write("after"));
  await db.check();
  t.deepEqual(await second.query("postgres", "select id from effects order by id"), [
    { id: "after" },
    { id: "before" },
  ]);

  // The old one comes back as a primary of its own, as a person may start it: who has sessions stays where they are.
  await first.start();
  await write("later");
  t.deepEqual(await first.query("postgres", "select id from effects"), [{ id: "before" }]);
});

test("no connection is made to a standby, whatever it is for, and the reason is told", async (t) => {
  t.timeout(timeoutMs, "two PostgreSQL are started");
  const [primary, standby] = await primaryAndStandby(t);
  const url = standby.url("postgres");
  const db = await openDatabase(url, usersEntities);
  t.teardown(db.close);
  const refused = { instanceOf: Unavailable, message: /it is a standby/ };
  await t.throwsAsync(
    db.read((em) => em.execute("select 1")),
    refused,
  );
  await t.throwsAsync(db.check(), refused);
  for (const attempt of [migrate("users", url), openClient(url, connecting)]) {
    const error = await t.throwsAsync(attempt as Promise<unknown>);
    t.like(databaseFaultOf(error), { kind: "outage", session: "ended", atStart: "wait" });
  }

  // What does not tell of itself is asked: PostgreSQL 13, and every pooler.
  const silent = net.createServer((socket) => {
    const { hostname: host, port } = new URL(url);
    const server = net.connect({ host, port: Number(port) });
    for (const each of [socket, server]) each.on("error", () => {});
    socket.pipe(server).on("data", (data: Buffer) => {
      socket.write(
        Buffer.from(data.toString("latin1").replace("in_hot_standby", "in_hot_pursuit"), "latin1"),
      );
    });
    server.on("close", () => socket.destroy());
  });
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.teardown(() => silent.close());
  const { port } = silent.address() as net.AddressInfo;
  const asked = await t.throwsAsync(openClient(urlOf(`127.0.0.1:${port}`), connecting));
  t.is((asked as Error & { code?: string }).code, "25006");

  // One that is set read-only is as little use to who asks for read-write; without that, reads go on there.
  await primary.query("postgres", "alter database postgres set default_transaction_read_only = on");
  const set = await t.throwsAsync(openClient(urlOf(authority(primary)), connecting));
  t.is((set as Error & { code?: string }).code, "25006");
  const reader = await openClient(primary.url("postgres"), connecting);
  await reader.end();
});

test("a server that is silent leaves the others their share of the time", async (t) => {
  t.timeout(timeoutMs, "a PostgreSQL is started");
  const primary = await chaosPostgres();
  t.teardown(primary.remove);
  await primary.start();
  const proxy = await tcpProxy(primary.url("postgres"), 5432);
  t.teardown(proxy.close);
  const silent = new URL(proxy.through(primary.url("postgres"))).host;
  const db = await openDatabase(urlOf(silent, authority(primary)), usersEntities);
  t.teardown(db.close);
  proxy.freeze();
  t.deepEqual(await db.read((em) => em.execute("select 1 as one")), [{ one: 1 }]);
});
