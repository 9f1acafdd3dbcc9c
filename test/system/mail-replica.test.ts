/** A process of mail-lookup alone that may only read, beside a standby of the registry's database. */
import assert from "node:assert/strict";
import test from "ava";
import { migrate } from "../../services/runtime/migrations.ts";
import { type ChaosPostgres, chaosPostgres } from "../chaos/postgres.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { blockOf, mailPage } from "../support/mail-guide.ts";
import { Processes } from "../support/processes.ts";
import { testVhost } from "../support/resources.ts";
import { socketmap } from "../support/socketmap.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

const later = /^TEMP /;

async function replicated() {
  const primary = await chaosPostgres();
  const standby = await primary.copy();
  await standby.becomeStandby(primary.url("postgres"));
  await primary.start();
  await standby.start();
  return { primary, standby };
}

const give = (primary: ChaosPostgres, address: string) =>
  primary.query(
    "registry",
    `insert into addresses (key, address, user_id, kind, status)
     values ('${address}', '${address}', gen_random_uuid(), 'primary', 'active')`,
  );

const caughtUp = (standby: ChaosPostgres, address: string) =>
  eventually(async () => {
    const rows = await standby.query("registry", `select from addresses where key = '${address}'`);
    assert.equal(rows.length, 1);
  });

const asReader = (url: string): string => url.replace("postgres@", "mail_lookup@");

/** A session that finds the standby's last commit two hours ago: what stands there first is called. */
const aged = (url: string): string =>
  `${url}?options=${encodeURIComponent("-c search_path=aged,pg_catalog,public")}`;
const makeAged = `
create schema aged;
grant usage on schema aged to public;
create function aged.pg_last_xact_replay_timestamp() returns timestamptz language sql
  as $$ select now() - interval '2 hours' $$`;

test("who may only read tells by a standby who is there, and by the primary alone who is not", async (t) => {
  const { primary, standby } = await replicated();
  const [processes, vhost] = [new Processes(), await testVhost()];
  const proxy = await tcpProxy(primary.url("registry"));
  t.teardown(async () => {
    await processes.end();
    await proxy.close();
    await standby.remove();
    await primary.remove();
    await vhost.drop();
  });
  await primary.query("postgres", "create database registry");
  const port = await fixedPort();
  const start = (replica: string) =>
    processes.start({
      env: {
        AMQP_URL: vhost.url,
        SERVICES: "mail-lookup",
        SOCKETMAP_PORT: String(port),
        RECIPIENT_DELIMITER: "+",
        REGISTRY_DATABASE_URL: asReader(proxy.through(primary.url("registry"))),
        REGISTRY_REPLICA_URL: asReader(replica),
      },
    });
  const of = async (address: string, map = "mailboxes") =>
    (await socketmap(port, `${map} ${address}`))[0] ?? "";

  const waiting = await start(standby.url("registry"));
  await migrate("registry", primary.url("registry"));
  await primary.query("registry", makeAged);
  await primary.query("registry", blockOf(mailPage(), "sql").replace("login password 'a secret'", "login"));
  await give(primary, "ann@example.com");
  await waiting.ready();
  await caughtUp(standby, "ann@example.com");
  t.is(await of("ann@example.com"), "OK ann@example.com");
  t.is(await of("nobody@example.com"), "NOTFOUND ");

  await standby.query("postgres", "alter system set primary_conninfo = ''");
  await standby.query("postgres", "select pg_reload_conf()");
  await eventually(async () =>
    assert.deepEqual(await standby.query("postgres", "select from pg_stat_wal_receiver"), []),
  );
  await give(primary, "bob@example.com");
  await give(primary, "ann+news@example.com");
  t.is(await of("bob@example.com"), "OK bob@example.com", "of whom the standby does not know");
  t.is(await of("ann+news@example.com"), "OK ann+news@example.com", "who is not the standby's Ann");

  await proxy.refuse();
  t.is(await of("ann@example.com"), "OK ann@example.com");
  t.is(await of("example.com", "domains"), "OK example.com");
  for (const address of [
    "bob@example.com",
    "nobody@example.com",
    "ann+news@example.com",
    "ann+x@example.com",
  ])
    t.regex(await of(address), later, address);
  t.regex(await of("example.org", "domains"), later);

  waiting.kill("SIGTERM");
  t.is((await waiting.exited()).code, 0);
  const stale = await start(aged(standby.url("registry")));
  await eventually(async () => assert.match(await of("ann@example.com"), later));
  await proxy.accept();
  await eventually(async () => assert.equal(await of("ann@example.com"), "OK ann@example.com"));
  stale.kill("SIGTERM");
  await stale.exited();
});
