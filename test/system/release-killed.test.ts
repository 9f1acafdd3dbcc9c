/**
 * A release whose process is killed between its two databases: users has it, the registry was not told. The next start
 * tells it, by the event of the deleted user, and by the table of what erased people have left.
 */
import assert from "node:assert/strict";
import test, { type ExecutionContext } from "ava";
import pg from "pg";
import { eventually } from "../support/eventually.ts";
import { Processes, request, runtimes, type TestProcess } from "../support/processes.ts";
import { testDatabase } from "../support/resources.ts";

const reason = "Her successor takes over, ticket 4712";
const waitMs = 60_000;

const until = (check: () => Promise<void>) => eventually(check, { timeoutMs: waitMs });
const statusOf = async ({ httpUrl }: TestProcess, address: string): Promise<string> =>
  (await request(`${httpUrl}/smtp/${address}`)).json<{ status: string }>().status;

/** Asked until it is answered with this, as by a client that repeats what was refused for now. */
const post = async ({ httpUrl }: TestProcess, path: string, body: unknown, wanted: number) => {
  let id = "";
  await until(async () => {
    const answer = await request(`${httpUrl}${path}`, { body });
    assert.equal(answer.status, wanted, answer.text);
    if (answer.text !== "") id = answer.json<{ id: string }>().id;
  });
  return id;
};

async function deletedUser(system: TestProcess, primarySmtp: string): Promise<string> {
  const id = await post(system, "/users", { displayName: primarySmtp, primarySmtp }, 201);
  await until(async () => {
    const { status } = await request(`${system.httpUrl}/users/${id}`, { method: "DELETE" });
    assert.ok(status === 204 || status === 404);
  });
  await until(async () => assert.equal(await statusOf(system, primarySmtp), "deleted"));
  return id;
}

/** A process on two databases, which can be begun again. */
async function onTwoDatabases(t: ExecutionContext, runtime: (typeof runtimes)[number]) {
  const processes = new Processes();
  const [users, registry] = [await testDatabase(), await testDatabase()];
  const pools = [users, registry].map(({ url }) => new pg.Pool({ connectionString: url, max: 2 }));
  t.teardown(async () => {
    await processes.end();
    await Promise.all(pools.map((pool) => pool.end()));
    await users.drop();
    await registry.drop();
  });
  const env = {
    ...{ DATABASE_URL: users.url, REGISTRY_DATABASE_URL: registry.url },
    ...{ DATA_DIR: processes.folder(), RECONCILE_MINUTES: "0" },
  };
  const [usersDb, registryDb] = pools as [pg.Pool, pg.Pool];
  return {
    usersDb,
    registryDb,
    async start(): Promise<TestProcess> {
      const system = await processes.start({ runtime, env });
      await system.ready();
      return system;
    },
  };
}

/** Kills the process once users has the release, while the registry can be read and not written. */
async function releaseAndKill(
  system: TestProcess,
  address: string,
  isCommitted: () => Promise<boolean>,
  registryDb: pg.Pool,
): Promise<void> {
  const client = await registryDb.connect();
  try {
    await client.query("begin; lock table addresses, erased_addresses in exclusive mode");
    const released = request(`${system.httpUrl}/smtp/${address}/release`, { body: { reason } }).catch(
      () => undefined,
    );
    await until(async () => assert.ok(await isCommitted()));
    system.kill("SIGKILL");
    assert.equal((await system.exited()).signal, "SIGKILL");
    await released;
    // A statement that waits for the lock would be carried out though nobody is left who sent it.
    await until(async () => {
      const { rows } = await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      assert.equal(rows.length, 0);
    });
  } finally {
    await client.query("rollback");
    client.release();
  }
}

for (const runtime of runtimes)
  test.serial(
    `on ${runtime} a release that dies between the databases is at the registry after the next start`,
    async (t) => {
      t.timeout(4 * waitMs);
      const { usersDb, registryDb, start } = await onTwoDatabases(t, runtime);
      const has = async (pool: pg.Pool, text: string, ...values: unknown[]) =>
        (await pool.query(text, values)).rows.length > 0;
      let system = await start();
      const id = await deletedUser(system, "ann@one.example");
      const erased = await deletedUser(system, "eve@one.example");
      await post(system, `/users/${erased}/erase`, { reason }, 204);
      await until(async () => assert.ok(await has(registryDb, "select from erased_addresses")));

      const version = "select from users where id = $1 and version = 3";
      await releaseAndKill(system, "ann@one.example", () => has(usersDb, version, id), registryDb);
      t.true(await has(registryDb, "select from addresses where user_id = $1", id), "not told");
      system = await start();
      await until(async () => assert.equal(await statusOf(system, "ann@one.example"), "available"));
      t.is(await statusOf(system, "eve@one.example"), "deleted");

      const underWay = "select from releases_under_way";
      await releaseAndKill(system, "eve@one.example", () => has(usersDb, underWay), registryDb);
      t.true(await has(registryDb, "select from erased_addresses"), "not told");
      system = await start();
      await until(async () => assert.equal(await statusOf(system, "eve@one.example"), "available"));
      await until(async () => assert.ok(!(await has(usersDb, underWay)), "what was told is forgotten"));
      for (const primarySmtp of ["ann@one.example", "eve@one.example"])
        await post(system, "/users", { displayName: "Ben", primarySmtp, onTaken: "refuse" }, 201);
    },
  );
