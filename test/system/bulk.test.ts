/**
 * A domain is renamed while the system is in use, by a command that is killed halfway and begun again: no address is
 * lost, none is doubled, and what stands in the way was told before.
 */
import assert from "node:assert/strict";
import test from "ava";
import pg from "pg";
import { sideBySide } from "../../services/commands/bulk/side-by-side.ts";
import { gatewayClient } from "../../services/commands/http-client.ts";
import { type Running, runningSystem } from "../support/distributed-system.ts";
import { eventually } from "../support/eventually.ts";
import type { Runtime } from "../support/processes.ts";

const script = "services/commands/bulk/index.ts";
/** BULK_USERS=10000 for the whole of it; so many take ten seconds to create. */
const usersCount = Number(process.env.BULK_USERS ?? 500);
const conflictsCount = 5;
const createsPerSecond = 50;
const waitMs = 240_000;

async function rename({ system, processes }: Running, runtime: Runtime, ...more: string[]) {
  const args = [
    "rename-domain",
    "old.example",
    "new.example",
    "--url",
    system.gateway.httpUrl,
    "--json",
    ...more,
  ];
  return processes.start({ runtime, script, args });
}

const finished = async (command: Awaited<ReturnType<typeof rename>>) => {
  const { code } = await eventually(() => command.exited(), { timeoutMs: waitMs });
  const stdout = command.stdout();
  if (stdout === "") throw new Error(command.stderr());
  return { code, figures: JSON.parse(stdout) };
};

/** Creates people at a pace, in the old domain and elsewhere, until it is told to end. */
function newcomers(client: ReturnType<typeof gatewayClient>) {
  const ids: string[] = [];
  let count = 0;
  const faults: unknown[] = [];
  const running = new Set<Promise<void>>();
  const create = async (): Promise<void> => {
    count += 1;
    const name = `late${count}@${count % 2 === 0 ? "old" : "third"}.example`;
    const { status, body } = await client.request({
      method: "POST",
      path: "/users",
      body: { displayName: name, primarySmtp: name, onTaken: "refuse" },
      idempotencyKey: `late-${count}`,
    });
    assert.equal(status, 201, JSON.stringify(body));
    ids.push((body as { id: string }).id);
  };
  const timer = setInterval(() => {
    const one = create()
      .catch((error: unknown) => void faults.push(error))
      .finally(() => running.delete(one));
    running.add(one);
  }, 1_000 / createsPerSecond);
  const end = () => clearInterval(timer);
  const stop = async (): Promise<readonly string[]> => {
    end();
    await Promise.all(running);
    assert.deepEqual(faults, []);
    return ids;
  };
  return { end, stop };
}

test("a domain is renamed in use, killed and begun again: nothing is lost, doubled or told too late", async (t) => {
  t.timeout(waitMs * 2);
  const running = await runningSystem(t);
  const { system, own } = running;
  const client = gatewayClient({ url: system.gateway.httpUrl, doing: "test" });
  const users = new pg.Pool({ connectionString: own.users.url, max: 2 });
  const registry = new pg.Pool({ connectionString: own.registry.url, max: 2 });
  t.teardown(async () => {
    client.close();
    await users.end();
    await registry.end();
  });
  const count = async (pool: pg.Pool, text: string): Promise<number> =>
    (await pool.query<{ n: number }>(`select count(*)::int as n ${text}`)).rows[0]?.n ?? 0;

  const wanted = [
    ...Array.from({ length: usersCount }, (_, index) => `u${index}@old.example`),
    ...Array.from({ length: conflictsCount }, (_, index) => `u${index}@new.example`),
  ];
  await sideBySide(wanted, 24, async (primarySmtp) => {
    const { status } = await client.request({
      method: "POST",
      path: "/users",
      body: { displayName: primarySmtp, primarySmtp, onTaken: "refuse" },
      idempotencyKey: `first-${primarySmtp}`,
    });
    assert.equal(status, 201);
  });
  const settled = () =>
    eventually(async () => assert.equal(await count(users, "from outbox"), 0), { timeoutMs: waitMs });
  await settled();

  const stopped = await finished(await rename(running, "node"));
  t.is(stopped.code, 1);
  t.is(stopped.figures.conflicts.length, conflictsCount, "told before anything is done");
  const moved = "from users where split_part(primary_smtp, '@', 2) = 'new.example' and version > 1";
  t.is(await count(users, moved), 0);

  const { end, stop } = newcomers(client);
  t.teardown(end);
  const killed = await rename(running, "node", "--skip-conflicts");
  await eventually(async () => assert.ok((await count(users, moved)) > usersCount / 10), {
    timeoutMs: waitMs,
  });
  killed.kill("SIGKILL");
  t.is((await killed.exited()).signal, "SIGKILL");
  t.true((await count(users, moved)) < usersCount, "killed before its end");
  const { figures } = await finished(await rename(running, "deno", "--skip-conflicts"));
  t.is(figures.refused, 0, JSON.stringify(figures));
  const late = await stop();
  t.true(late.length > 0);
  await settled();
  const last = await finished(await rename(running, "node", "--skip-conflicts"));
  t.is(last.code, 1);
  t.is(last.figures.conflicts.length, conflictsCount);
  await settled();

  const all = usersCount + conflictsCount + late.length;
  t.is(await count(users, "from users where deleted_at is null"), all);
  t.is(
    await count(users, "from users where split_part(primary_smtp, '@', 2) = 'old.example'"),
    conflictsCount,
  );
  const kept = `from users where split_part(primary_smtp, '@', 2) = 'new.example' and version = 2
    and secondary_smtps = array[split_part(primary_smtp, '@', 1) || '@old.example'] and display_name = secondary_smtps[1]`;
  const lateMoved = Math.floor(late.length / 2);
  t.is(await count(users, kept), usersCount - conflictsCount + lateMoved, "once each, with the old one kept");
  t.is(
    await count(
      users,
      "from users u where cardinality(secondary_smtps) + 1 <> (select count(*) from address_keys where user_id = u.id)",
    ),
    0,
  );
  t.is(
    await count(users, "from audit_entries where action = 'user.updated' and correlation_id like 'bulk-%'"),
    usersCount - conflictsCount + lateMoved,
    "each change is one entry, under the run's id",
  );
  const keys = "select key, user_id::text as id from";
  const [theirs, ours] = [
    await users.query(`${keys} address_keys order by key`),
    await eventually(async () => {
      assert.equal(await count(registry, "from addresses where status <> 'active'"), 0);
      return registry.query(`${keys} addresses order by key`);
    }),
  ];
  t.deepEqual(ours.rows, theirs.rows, "the registry has what users has");
});
