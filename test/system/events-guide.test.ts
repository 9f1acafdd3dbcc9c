/** docs/guides/consuming-events.md: its consumers run as they stand there, with its login, and with no right beside that. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ConfirmChannel } from "amqplib";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { consumerPlan } from "../../services/commands/broker/plan.ts";
import { type PeerSystem, peerSystem, withChannel } from "../support/broker-peers.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { repositoryRoot, runTool } from "../support/gate/run-tool.ts";
import { Processes, request, type TestProcess } from "../support/processes.ts";
import { unpackedPackage } from "../support/provision/packages.ts";
import { brokerUser, testDatabase } from "../support/resources.ts";

const page = readFileSync(join(repositoryRoot, "docs/guides/consuming-events.md"), "utf8");
const programOf = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, "ms").exec(page)?.[1] ?? "";

/** How its users keep what they have heard; `effects` counts changes of it, of each person. */
interface Consumer {
  start(): Promise<TestProcess>;
  /** `create trigger` and the like. */
  run(sql: string): Promise<void>;
  rows(sql: string): Promise<Record<string, unknown>[]>;
  /** Makes the rows of `effects`, and lets the person whose name is Fails fail. */
  readonly triggers: string;
}

const environment = { RETRY_MS: "2" };

function folderOf(t: ExecutionContext): string {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-consumer-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(repositoryRoot, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  return folder;
}

async function inTypeScript(t: ExecutionContext, url: string): Promise<Consumer> {
  const folder = folderOf(t);
  writeFileSync(join(folder, "consumer.ts"), programOf("ts"));
  const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024"];
  const checked = await runTool("tsc", [...options, "--types", "node", "consumer.ts"], { cwd: folder });
  t.true(checked.ok, checked.output);
  const database = await testDatabase();
  const pool = new pg.Pool({ connectionString: database.url });
  const processes = new Processes();
  t.teardown(async () => {
    await processes.end();
    await pool.end();
    await database.drop();
  });
  return {
    start: () =>
      processes.start({
        root: folder,
        script: "consumer.ts",
        env: { ...environment, AMQP_URL: url, DATABASE_URL: database.url },
      }),
    run: async (sql) => void (await pool.query(sql)),
    rows: async (sql) => (await pool.query<Record<string, unknown>>(sql)).rows,
    triggers: `create table effects (id uuid);
      create function note() returns trigger language plpgsql as $$ begin
        if new.name = 'Fails' then raise exception 'refused'; end if;
        insert into effects values (coalesce(new.id, old.id)); return null; end $$;
      create trigger note after insert or update or delete on people for each row execute function note()`,
  };
}

async function inPython(t: ExecutionContext, url: string): Promise<Consumer> {
  const folder = folderOf(t);
  writeFileSync(join(folder, "consumer.py"), programOf("python"));
  const pika = join(await unpackedPackage("python3-pika"), "usr/lib/python3/dist-packages");
  const path = join(folder, "people.sqlite");
  const processes = new Processes();
  t.teardown(() => processes.end());
  const open = <T>(use: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      return use(db);
    } finally {
      db.close();
    }
  };
  const note = (
    event: string,
    id: string,
  ): string => `create trigger note_${event} after ${event} on people begin
    ${event === "delete" ? "" : "select raise(abort, 'refused') where new.name = 'Fails';"}
    insert into effects values (${id}); end;`;
  return {
    start: () =>
      processes.start({
        root: folder,
        command: ["python3", "consumer.py"],
        env: { ...environment, AMQP_URL: url, DATABASE: path, PYTHONPATH: pika },
      }),
    run: async (sql) => open((db) => db.exec(sql)),
    rows: async (sql) => open((db) => db.prepare(sql).all()),
    triggers: `create table effects (id text); ${note("insert", "new.id")} ${note("delete", "old.id")}`,
  };
}

const queue = "billing.user-events";

/** The URL of a user with the rights that `npm run broker -- setup --consumer billing` gives, and with no others. */
async function consumerLogin(t: ExecutionContext, { peers }: PeerSystem) {
  const vhost = new URL(peers.admin.events).pathname.slice(1);
  const user = await brokerUser(t);
  const [planned] = consumerPlan("billing", vhost).users;
  const rights = planned?.permissions.get(vhost);
  if (rights === undefined) throw new Error("The plan has no rights for it");
  await user.mayDo(vhost, rights);
  return { user, url: peers.eventsUrl(user), callsUrl: peers.callsUrl(user) };
}

const languages = { TypeScript: inTypeScript, Python: inPython };
for (const [language, consumerIn] of Object.entries(languages))
  test.serial(
    `the guide's consumer in ${language} follows people with the least rights: each effect once, nothing older, poison aside`,
    async (t) => {
      const system = await peerSystem(t);
      const { url } = await consumerLogin(t, system);
      const consumer = await consumerIn(t, url);
      let running = await consumer.start();
      const until = (fits: () => Promise<void>) =>
        eventually(fits, { timeoutMs: 30_000 }).catch((error: unknown) => {
          throw new Error(running.stderr(), { cause: error });
        });
      const admin = <T>(use: (channel: ConfirmChannel) => Promise<T>) =>
        withChannel(system.peers.admin.events, use);
      const depth = (name: string) => admin(async (channel) => (await channel.checkQueue(name)).messageCount);
      const untilDepth = (name: string, wanted: number) =>
        until(async () => {
          const now = await depth(name);
          if (now !== wanted) throw new Error(`${name} holds ${now}`);
        });
      await untilDepth(queue, 0);
      await consumer.run(consumer.triggers);
      await admin(async (channel) => {
        await channel.assertQueue("tap");
        await channel.bindQueue("tap", "mailroster.users", "#");
      });
      const people = async () =>
        (await consumer.rows("select name from people order by name")).map(({ name }) => name);
      const effects = async (id: string) =>
        (await consumer.rows("select id from effects")).filter((row) => row.id === id).length;
      const expectPeople = (...names: string[]) =>
        until(async () => {
          const now = await people();
          if (now.join() !== names.join()) throw new Error(`${now}, and not ${names}`);
        });
      const users = `${system.gateway.httpUrl}/users`;
      const create = async (displayName: string): Promise<string> =>
        (await request(users, { body: { displayName, primarySmtp: `${displayName}@example.com` } })).json<{
          id: string;
        }>().id;
      const change = (id: string, displayName: string) =>
        request(`${users}/${id}`, { method: "PATCH", body: { displayName } });

      const ann = await create("Ann");
      await expectPeople("Ann");
      t.is((await change(ann, "Bea")).status, 200);
      await expectPeople("Bea");

      // All that was published once more, the newest first; what comes behind it shows that it was read.
      const told: Buffer[] = [];
      const again = (): Promise<void> =>
        admin(async (channel) => {
          for (;;) {
            const got = await channel.get("tap", { noAck: true });
            if (got === false) break;
            told.unshift(got.content);
          }
          for (const body of told) channel.sendToQueue(queue, body);
          await channel.waitForConfirms();
        });
      await again();
      const cid = await create("Cid");
      await expectPeople("Bea", "Cid");
      t.is(await effects(ann), 2);

      // What is no event, and one whose effect fails each time; both aside, and nobody waits for them.
      const failing = userEvent();
      failing.data.user.displayName = "Fails";
      await admin(async (channel) => {
        channel.sendToQueue(queue, Buffer.from("no event"));
        channel.sendToQueue(queue, Buffer.from(JSON.stringify(failing)));
        await channel.waitForConfirms();
      });
      const dan = await create("Dan");
      await expectPeople("Bea", "Cid", "Dan");
      await untilDepth(`${queue}.dlq`, 2);

      // Killed, it goes on where it was.
      running.kill("SIGKILL");
      await running.exited();
      for (const id of [ann, dan]) t.is((await request(`${users}/${id}`, { method: "DELETE" })).status, 204);
      await change(cid, "Eve");
      running = await consumer.start();
      await expectPeople("Eve");
      await again();
      await create("Fay");
      await expectPeople("Eve", "Fay");
      await untilDepth(queue, 0);
      await untilDepth(`${queue}.dlq`, 2);
    },
  );

test.serial(
  "with the guide's login nobody tells an event, reaches a queue of others or takes part in calls",
  async (t) => {
    const system = await peerSystem(t);
    const { user, url, callsUrl } = await consumerLogin(t, system);
    const body = Buffer.from(JSON.stringify(userEvent()));
    const audit = "audit.user-events";
    const confirmed = async (channel: ConfirmChannel, exchange: string, key: string): Promise<void> => {
      channel.publish(exchange, key, body, { userId: user.name });
      await channel.waitForConfirms();
    };
    const tried: readonly ((channel: ConfirmChannel) => Promise<unknown>)[] = [
      (channel) => confirmed(channel, "mailroster.users", "user.updated.v1"),
      (channel) => confirmed(channel, "", audit),
      (channel) => confirmed(channel, "", queue),
      (channel) => channel.consume(audit, () => {}),
      (channel) => channel.get(`${audit}.dlq`),
      (channel) => channel.purgeQueue(audit),
      (channel) => channel.deleteQueue(audit),
      (channel) => channel.unbindQueue(audit, "mailroster.users", "user.created.v1"),
      (channel) => channel.deleteExchange("mailroster.users"),
      (channel) => channel.assertQueue("billing", { durable: true }),
      (channel) => channel.assertQueue(`x.${queue}`, { durable: true }),
      (channel) => channel.assertQueue(queue, { deadLetterExchange: "", deadLetterRoutingKey: audit }),
    ];
    for (const attempt of tried)
      await t.throwsAsync(withChannel(url, attempt), { message: /403/ }, String(attempt));
    await t.throwsAsync(
      withChannel(callsUrl, async () => {}),
      { message: /ConnectionClose/ },
    );
  },
);
