/** An erasure and its list, by the commands of a real system whose roles own nothing; a backup that is older, restored. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { queryAt, type Roles, roleIn, withRoles } from "../support/database-roles.ts";
import { eventually } from "../support/eventually.ts";
import { Processes, request } from "../support/processes.ts";
import { createAndFollow } from "../support/system-story.ts";

const reason = "Request of 3 March, ticket 4711";
type Pair = Readonly<Record<"users" | "registry", Roles>>;

/** What a backup of now would hold, restored beside it; for the same roles. */
async function restoredBeside(t: ExecutionContext, { owner, serving, database }: Roles): Promise<Roles> {
  const url = new URL(database.url);
  const name = `${url.pathname.slice(1)}_restored`;
  const admin = new URL(url);
  admin.pathname = "/postgres";
  await queryAt(
    admin.href,
    `create database "${name}" template "${url.pathname.slice(1)}" owner ${roleIn(owner)}`,
  );
  t.teardown(() => queryAt(admin.href, `drop database "${name}" with (force)`));
  const named = (href: string) => Object.assign(new URL(href), { pathname: `/${name}` }).href;
  return {
    owner: named(owner),
    serving: named(serving),
    database: { ...database, url: named(database.url) },
  };
}

const environmentOf = ({ users, registry }: Pair) => ({
  DATABASE_URL: users.serving,
  MIGRATE_DATABASE_URL: users.owner,
  REGISTRY_DATABASE_URL: registry.serving,
  MIGRATE_REGISTRY_DATABASE_URL: registry.owner,
});

/** A system on two databases, while `use` uses it; `erasures` is the command. */
async function withSystem<T>(
  t: ExecutionContext,
  pair: Pair,
  use: (
    url: string,
    erasures: (...args: string[]) => Promise<{ code: number | null; told: string }>,
  ) => Promise<T>,
): Promise<T> {
  const processes = new Processes();
  try {
    const DATA_DIR = processes.folder();
    const system = await processes.start({ env: { ...environmentOf(pair), DATA_DIR } });
    await system.ready();
    const result = await use(system.httpUrl, async (...args) => {
      const script = "services/commands/erasures.ts";
      const command = await processes.start({ script, args, env: { DATA_DIR } });
      const { code } = await command.exited();
      return { code, told: command.stdout() + command.stderr() };
    });
    system.kill("SIGTERM");
    t.is((await system.exited()).code, 0);
    return result;
  } finally {
    await processes.end();
  }
}

/** The tables in which the text stands. */
async function tablesWith(url: string, text: string): Promise<string[]> {
  const tables = await queryAt<{ name: string }>(
    url,
    "select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await queryAt(url, `select from "${name}" t where t::text ilike '%${text}%' limit 1`);
    if (rows.length > 0) found.push(name);
  }
  return found;
}

test.serial(
  "an erasure by roles that own nothing is exported, and applied to a backup in which the person is alive",
  async (t) => {
    const pair: Pair = { users: await withRoles(t), registry: await withRoles(t) };
    const { id, primarySmtp } = await withSystem(t, pair, createAndFollow);
    const [name] = primarySmtp.split("@");
    const backup: Pair = {
      users: await restoredBeside(t, pair.users),
      registry: await restoredBeside(t, pair.registry),
    };
    const list = await withSystem(t, pair, async (url, erasures) => {
      t.is((await request(`${url}/users/${id}`, { method: "DELETE" })).status, 204);
      await eventually(async () => {
        const { status } = await request(`${url}/users/${id}/erase`, { body: { reason } });
        if (status !== 204) throw new Error(String(status));
      });
      const folder = mkdtempSync(join(tmpdir(), "mailroster-test-"));
      t.teardown(() => rmSync(folder, { recursive: true }));
      const file = join(folder, "erasures.ndjson");
      t.deepEqual(await erasures("export", file), { code: 0, told: `1 in ${file}\n` });
      return file;
    });
    const [erasure, ...others] = readFileSync(list, "utf8").trim().split("\n");
    t.deepEqual(others, []);
    t.like(JSON.parse(erasure ?? ""), { userId: id, by: "local", reason });

    const stranger = { ...JSON.parse(erasure ?? ""), userId: "0199aaaa-0000-7000-8000-000000000000" };
    writeFileSync(list, `${erasure}\n\n${JSON.stringify(stranger)}\n`);
    await withSystem(t, backup, async (url, erasures) => {
      t.is((await request(`${url}/users/${id}`)).status, 200);
      for (const _ of ["once", "again"])
        t.deepEqual(await erasures("apply", list), { code: 0, told: "1 erased, 1 not known here\n" });
      t.is((await request(`${url}/users/${id}`)).status, 404);
      await eventually(async () => {
        for (const { database } of Object.values(backup)) {
          const tables = await tablesWith(database.url, name ?? "");
          if (tables.length > 0) throw new Error(tables.join());
        }
      });
      writeFileSync(list, `${erasure}\n{"userId":"me"}\n`);
      const broken = await erasures("apply", list);
      t.is(broken.code, 1);
      t.is(broken.told, `Cannot read ${list}: line 2 is no erasure\n`);
      t.is((await erasures("apply", `${list}.gone`)).told, `Cannot read ${list}.gone\n`);
      t.is((await erasures("forget", list)).code, 64);
    });
  },
);
