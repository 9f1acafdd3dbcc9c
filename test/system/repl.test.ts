import { randomUUID } from "node:crypto";
import { userInfo } from "node:os";
import test from "ava";
import pg from "pg";
import { partitionOf } from "../../mixins/bus/outbox-row.ts";
import { runningEmbeddedPostgres } from "../../services/commands/doctor/embedded.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, request, runtimes } from "../support/processes.ts";
import { testVhost } from "../support/resources.ts";
import { ownAddress } from "../support/system-story.ts";

const script = "services/commands/repl/main.ts";
const firstStartMaxMs = 180_000;

for (const runtime of runtimes)
  test.serial(`on ${runtime} the REPL joins the running embedded system`, async (t) => {
    const processes = new Processes();
    try {
      const env = { DATA_DIR: processes.folder() };
      const system = await processes.start({ runtime, env });
      await system.ready();
      const address = ownAddress();
      const repl = await processes.start({ runtime, script, env, input: true });
      repl.write(
        `call users.create --displayName Ann --primarySmtp ${address}\ncall users.list\nactions --filter "users.*"\n`,
      );
      t.is((await repl.exited()).code, 0, repl.stderr());
      t.regex(repl.stdout(), /users\.create .*displayName, primarySmtp, secondarySmtps/);
      t.notRegex(repl.stdout(), /\$schema|\$ref|\$defs/);
      t.regex(repl.stdout(), /joined the running system/);
      t.regex(repl.stdout(), /users\.create[\s\S]*users\.list/);
      const { items } = (await request(`${system.httpUrl}/users?smtp=${address}`)).json<{
        items: { displayName: string }[];
      }>();
      t.deepEqual(
        items.map(({ displayName }) => displayName),
        ["Ann"],
      );
      system.kill("SIGINT");
      t.is((await system.exited()).code, 0);
      t.deepEqual(processes.running(), []);
    } finally {
      await processes.end();
    }
  });

test.serial("without a running system the REPL starts one and stops it when it is left", async (t) => {
  const processes = new Processes();
  try {
    const env = { DATA_DIR: processes.folder() };
    const repl = await processes.start({ script, env, input: true });
    // A system's whole first start comes before the REPL's first line.
    await eventually(
      () => {
        if (!repl.stdout().includes("mailroster REPL"))
          throw new Error(`It does not open:\n${repl.stderr()}`);
      },
      { timeoutMs: firstStartMaxMs },
    );
    repl.write(`call users.create --displayName Ann --primarySmtp ${ownAddress()}\n`);
    t.is((await repl.exited()).code, 0, repl.stderr());
    t.regex(repl.stdout(), /no system was running/);
    t.regex(repl.stdout(), /version: .*1/);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
  }
});

test.serial("with AMQP_URL the REPL joins over RabbitMQ as a node that hosts nothing", async (t) => {
  const processes = new Processes();
  const vhost = await testVhost();
  try {
    const env = { AMQP_URL: vhost.url };
    const gateway = await processes.start({ env: { ...env, SERVICES: "gateway" } });
    await gateway.ready();
    const repl = await processes.start({ script, env, input: true });
    repl.write("nodes\nservices\n");
    t.is((await repl.exited()).code, 0, repl.stderr());
    t.regex(repl.stdout(), /joined the system over RabbitMQ/);
    t.true(repl.stdout().includes(`-${gateway.pid}`), repl.stdout());
    gateway.kill("SIGTERM");
    t.is((await gateway.exited()).code, 0);
    t.deepEqual(processes.running(), []);
  } finally {
    await processes.end();
    await vhost.drop();
  }
});

interface Letters {
  readonly items: { readonly id: string; readonly queue: string; readonly status: string }[];
}

/** An event that no consumer understands: one dead letter in each queue. */
async function poison(dataDir: string): Promise<void> {
  const client = new pg.Client({ connectionString: runningEmbeddedPostgres(dataDir)?.usersDatabaseUrl });
  await client.connect();
  const userId = randomUUID();
  await client.query(
    `insert into outbox (partition, aggregate_id, event_id, type, correlation_id, body)
     values ($1, $2, $3, 'user.updated.v1', 'poison', '{"type":"user.updated.v1"}')`,
    [partitionOf(userId), userId, randomUUID()],
  );
  await client.end();
}

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} the REPL's own commands tell of users, addresses and dead letters`,
    async (t) => {
      const processes = new Processes();
      try {
        const env = { DATA_DIR: processes.folder(), FAULT_INJECTION: "true" };
        const system = await processes.start({ runtime, env });
        await system.ready();
        const address = ownAddress();
        const body = { displayName: "Ann Lee", primarySmtp: address };
        const headers = { "X-Correlation-ID": `create-${runtime}` };
        const { id } = (await request(`${system.httpUrl}/users`, { body, headers })).json<{ id: string }>();
        await poison(env.DATA_DIR);
        const letters = async () =>
          (await request(`${system.httpUrl}/dead-letters?status=all`)).json<Letters>().items;
        await eventually(async () => {
          if ((await letters()).length < 2) throw new Error("The dead letters are not there yet");
        });
        const [first, second] = await letters();

        const repl = await processes.start({ runtime, script, env, input: true });
        repl.write(
          [
            "users list Lee",
            `users show ${id}`,
            "users find nobody@example.com",
            "users dance",
            `address ${address}`,
            "address not-an-address",
            "dlq list",
            "dlq causes",
            `dlq show ${first?.id}`,
            `dlq discard ${first?.id}`,
            `dlq discard ${first?.id} written by hand, ticket 4711`,
            `dlq replay ${first?.id}`,
            `dlq replay ${second?.id}`,
            `trace create-${runtime}`,
            "trace nothing-of-that-name",
            "outbox",
            "outbox many",
            "reconcile",
            "reconcile repair",
            `reconcile acknowledge audit_missing ${id}`,
            `reconcile acknowledge registry_behind ${id} why not`,
            `reconcile acknowledge audit_missing ${id} its event is gone`,
            "fault set smtp-registry.reserve",
            "fault set smtp-registry.reserve --delay soon",
            "fault set smtp-registry.lookup --delay 5 --error-rate 1",
            `address ${address}`,
            "fault list",
            "fault clear",
            "log-level loud",
            "log-level debug 5",
            "",
          ].join("\n"),
        );
        t.is((await repl.exited()).code, 0, repl.stderr());
        const output = repl.stdout();
        const row = (...cells: string[]) => new RegExp(cells.join(" +"));
        t.regex(output, row("id", "name", "primary", "secondaries", "version"));
        t.regex(output, row(id, "Ann Lee", address, "0", "1"));
        t.regex(output, row(address, "primary", "primary, active"));
        t.regex(output, /Nobody holds this address/);
        t.regex(output, /✗ There is no users dance\n {2}users list/);
        t.regex(output, row(address, "active", "primary", id));
        t.regex(output, /✗ The request has invalid fields\n {2}address /);
        t.regex(
          output,
          row(first?.id ?? "", "pending", first?.queue ?? "", "user.updated.v1", "invalid-event"),
        );
        t.regex(output, row("letters", "queue", "event", "reason"));
        t.regex(output, /correlationId +poison/);
        t.regex(output, /✗ The reason is missing/);
        t.regex(output, /Discarded: /);
        t.regex(output, /✗ Cannot replay the dead letter/);
        t.regex(output, /Replayed into .* \(time 1\)/);
        t.regex(output, /1 user compared in \d+ ms, 0 with an event on its way, 0 differences/);
        t.regex(output, /0 told again/);
        t.regex(output, /✗ Only registry_orphan, [^\n]+ can be acknowledged/);
        t.regex(output, new RegExp(`✗ ${id} has no such difference now`));
        t.regex(
          output,
          new RegExp(`trace create-${runtime}: complete[^]*outbox +written[^]*users and registry agree`),
        );
        t.regex(output, /✗ Cannot find anything under this correlation id/);
        t.regex(output, /Nothing waits/);
        t.regex(output, row("\\S+", "user.created.v1", id, "20\\S+Z", `create-${runtime}`));
        t.regex(output, /\n {2}limit must be /);
        t.regex(output, /✗ What shall go wrong is missing/);
        t.regex(output, /✗ --delay must be a number/);
        t.regex(output, row("smtp-registry.lookup", "5 ms", "0 ms", "1", "1", "1"));
        t.regex(output, /No fault is in force/);
        t.regex(output, /✗ There is no level loud/);
        t.regex(output, row(`-${system.pid}`, "debug", "20\\d\\d-"));
        const discarded = (await letters()).find((letter) => letter.id === first?.id);
        t.is(discarded?.status, "discarded");
        const detail = await request(`${system.httpUrl}/dead-letters/${first?.id}`);
        t.like(detail.json(), { discarded: { by: `repl:${userInfo().username}` } });
        system.kill("SIGINT");
        t.is((await system.exited()).code, 0);
        t.deepEqual(processes.running(), []);
      } finally {
        await processes.end();
      }
    },
  );
