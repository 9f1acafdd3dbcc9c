/** docker-compose.yml comes up: every container of ours with its own command, environment and health check. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqp from "amqplib";
import test from "ava";
import pg from "pg";
import { composeFile } from "../support/compose-file.ts";
import { type Containers, containers } from "../support/containers.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import { runProgram } from "../support/provision/command.ts";
import { rabbitEval } from "../support/resources.ts";

const adminUrl = process.env.TEST_DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";
const brokerUrl = process.env.TEST_AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672";
const prefix = `mailroster_compose_${randomBytes(4).toString("hex")}`;
const named = (text: string): string =>
  text.replaceAll(/mailroster_(users|registry|owner)/g, (_, side: string) => `${prefix}_${side}`);

/** Names of RabbitMQ, which others on the same machine may have. */
const brokerNamed = (text: string): string =>
  text.replaceAll(
    /mailroster-(gateway|users|registry|operator|calls|events)/g,
    (_, name: string) => `${prefix}-${name}`,
  );

/** docker/rabbitmq as the container does it, up to RabbitMQ itself: the definitions are told to the one that is there. */
async function importDefinitions(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-definitions-"));
  try {
    const source = join(repositoryRoot, "docker/rabbitmq");
    const definitions = readFileSync(join(source, "definitions.json"), "utf8");
    writeFileSync(join(folder, "definitions.json"), brokerNamed(definitions));
    const filled = join(folder, "filled.json");
    const { code, stderr } = await runProgram("sh", [join(source, "start.sh"), "echo"], {
      env: {
        ...process.env,
        ...composeFile().services.rabbitmq?.environment,
        FOLDER: folder,
        FILLED: filled,
      },
    });
    if (code !== 0) throw new Error(stderr);
    const text = readFileSync(filled, "base64");
    await rabbitEval(`rabbit_definitions:import_raw(base64:decode(<<"${text}">>)).`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function dropDefinitions(): Promise<void> {
  const as = '<<"test">>';
  const vhosts = ["calls", "events"].map((name) => `rabbit_vhost:delete(<<"${prefix}-${name}">>, ${as})`);
  const users = ["gateway", "users", "registry", "operator"].map(
    (name) => `rabbit_auth_backend_internal:delete_user(<<"${prefix}-${name}">>, ${as})`,
  );
  await rabbitEval(`${[...vhosts, ...users].join(", ")}.`);
}

async function administer(statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** docker/postgres-init.sql as psql would run it in the container: its variables come from the environment. */
function initStatements(): string[] {
  const environment = composeFile().services.postgres?.environment ?? {};
  const variables = new Map<string, string>();
  const lines = readFileSync(join(repositoryRoot, "docker/postgres-init.sql"), "utf8").split("\n");
  for (const line of lines) {
    const [, name, source] = line.match(/^\\getenv (\w+) (\w+)$/) ?? [];
    if (name !== undefined && source !== undefined) variables.set(name, environment[source] ?? "");
  }
  return lines
    .filter((line) => !line.startsWith("\\") && !line.startsWith("--"))
    .join("\n")
    .replaceAll(/:'(\w+)'/g, (_, name: string) => pg.escapeLiteral(variables.get(name) ?? ""))
    .split(";")
    .map((statement) => named(statement.trim()))
    .filter((statement) => statement !== "");
}

let system: Containers;
let cleanUp: () => Promise<void> = async () => {};
let databaseUrls: string[] = [];

test.before(async () => {
  await importDefinitions();
  await administer(initStatements());
  const { host } = new URL(adminUrl);
  const translate = (value: string): string =>
    brokerNamed(named(value))
      .replaceAll("@postgres:5432", `@${host}`)
      .replaceAll("@rabbitmq:5672", `@${new URL(brokerUrl).host}`);
  const { services } = composeFile();
  databaseUrls = [
    services.users?.environment?.DATABASE_URL,
    services["smtp-registry"]?.environment?.REGISTRY_DATABASE_URL,
  ].map((url) => translate(url ?? ""));
  system = await containers(translate);
  cleanUp = async () => {
    system.remove();
    const sides = [`${prefix}_users`, `${prefix}_registry`];
    await administer(sides.flatMap((side) => [`drop database ${side}`, `drop role ${side}`]));
    await administer([`drop role ${prefix}_owner`]);
    await dropDefinitions();
  };
});

test.after.always(async () => {
  await system?.stop();
  await cleanUp();
});

test.serial("every container becomes healthy in the order of its dependencies", async (t) => {
  await system.up("gateway");
  const answer = await fetch(`${system.httpUrl("gateway")}/health/ready`);
  t.is(answer.status, 200, await answer.text());
});

test.serial("the seed fills an empty system, and does nothing the second time", async (t) => {
  const count = async () =>
    ((await (await fetch(`${system.httpUrl("gateway")}/users?limit=100`)).json()) as { items: unknown[] })
      .items.length;
  const first = await system.run("seed", ["node", "services/commands/seed.ts"]);
  t.is(first.code, 0, first.output);
  const seeded = await count();
  t.true(seeded > 0);
  const second = await system.run("seed", ["node", "services/commands/seed.ts"]);
  t.is(second.code, 0, second.output);
  t.is(await count(), seeded);
});

test.serial("a request goes through gateway, users and smtp-registry and back", async (t) => {
  const answer = await fetch(`${system.httpUrl("gateway")}/users`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ displayName: "Cora Compose", primarySmtp: "cora@example.com" }),
  });
  t.is(answer.status, 201, await answer.clone().text());
  const { id } = (await answer.json()) as { id: string };
  const found = await fetch(`${system.httpUrl("gateway")}/smtp/cora@example.com`);
  t.is(found.status, 200);
  t.is(((await found.json()) as { userId: string }).userId, id);
});

test.serial(
  "who serves owns no table, and nobody may log in at RabbitMQ in another's virtual host",
  async (t) => {
    for (const url of databaseUrls) {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      const { rows } = await client.query(
        "select distinct tableowner as owner from pg_tables where schemaname = 'public'",
      );
      await client.end();
      t.deepEqual(rows, [{ owner: `${prefix}_owner` }]);
    }
    const gateway = new URL(brokerUrl);
    [gateway.username, gateway.password] = [`${prefix}-gateway`, "local-only"];
    gateway.pathname = `/${prefix}-events`;
    await t.throwsAsync(amqp.connect(gateway.href), { message: /ConnectionClose/ });
  },
);

test.serial("the role of one side can't connect to the database of the other", async (t) => {
  const [users = "", registry = ""] = databaseUrls;
  const crossed = new URL(users);
  crossed.pathname = new URL(registry).pathname;
  const client = new pg.Client({ connectionString: crossed.href });
  const error = await t.throwsAsync<Error & { code?: string }>(client.connect());
  t.is(error?.code, "42501");
});

test.serial("a stop drains every container within its time and leaves no file in the image", async (t) => {
  const { migrate, ...ends } = await system.stop();
  t.is(migrate?.code, null, "it sleeps until it is told to end");
  t.deepEqual(Object.keys(ends).sort(), ["gateway", "smtp-registry", "users"]);
  for (const [name, { code, output }] of Object.entries(ends)) t.is(code, 0, `${name}:\n${output}`);
  t.deepEqual(system.written(), []);
});
