/** Every rule of .dependency-cruiser.mjs, broken once on purpose in a folder of its own. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test from "ava";
import { importViolations } from "../support/gate/import-rules.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";

type Files = Record<string, string>;

const lawful: Files = {
  "services/contracts/user.ts": "export const user = 1;",
  "services/config/index.ts": "export const config = 1;",
  "mixins/bus/outbox-row.ts": 'export { user } from "../../services/contracts/user.ts";',
  "services/users/service.ts":
    'import { user } from "../contracts/user.ts"; import { config } from "../config/index.ts"; export const service = [user, config];',
  "services/audit/service.ts":
    'export { user } from "../../mixins/bus/outbox-row.ts"; export interface Entry { id: string }',
  "services/runtime/main.ts":
    'import { service } from "../users/service.ts"; import { user } from "../audit/service.ts"; console.log(service, user);',
  "moleculer.config.ts": 'export { config } from "./services/config/index.ts";',
  "migrations/users/Migration1.ts": "export class Migration1 {}",
  "test/unit/service.test.ts": 'export { service } from "../../services/users/service.ts";',
};

async function violationsOf(files: Files): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), "mailroster-imports-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    for (const name of ["package.json", "tsconfig.json"])
      cpSync(join(repositoryRoot, name), join(root, name));
    symlinkSync(join(repositoryRoot, "node_modules"), join(root, "node_modules"), "dir");
    return await importViolations(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("imports along the arrows are no violation", async (t) => {
  t.deepEqual(await violationsOf(lawful), []);
});

test("a folder without TypeScript fails instead of passing empty", async (t) => {
  t.regex((await violationsOf({ "services/readme.txt": "" }))[0] ?? "", /^nothing-cruised/);
});

const broken: Record<string, Files> = {
  "contracts-are-leaves": {
    "services/contracts/user.ts": 'import "../../mixins/log/logging.ts"; export const user = 1;',
    "mixins/log/logging.ts": "export const log = 1;",
  },
  "mixins-know-only-contracts": {
    "mixins/log/logging.ts": 'export { config } from "../../services/config/index.ts";',
  },
  "config-knows-only-contracts": {
    "services/config/index.ts": 'import "../../mixins/bus/outbox-row.ts"; export const config = 1;',
  },
  "services-are-islands": {
    "services/users/service.ts":
      'import type { Entry } from "../audit/service.ts"; export const service: Entry[] = [];',
  },
  "broker-options-stay-thin": {
    "moleculer.config.ts": 'export { service } from "./services/users/service.ts";',
  },
  "migrations-stand-alone": {
    "migrations/users/Migration1.ts": 'export { user } from "../../services/contracts/user.ts";',
  },
  "nothing-imports-tests": {
    "services/audit/service.ts": 'export { wait } from "../../test/support/wait.ts"; export const user = 1;',
    "test/support/wait.ts": "export const wait = 1;",
  },
  "runtime-is-the-root": {
    "moleculer.config.ts": 'import "./services/runtime/start.ts"; export const options = 1;',
    "services/runtime/start.ts": "export const start = 1;",
  },
  "database-stays-behind-services": {
    "services/gateway/service.ts": 'import pg from "pg"; export const client = pg;',
  },
  "amqp-stays-in-the-bus": {
    "services/users/service.ts": 'import amqp from "amqplib"; export const service = amqp;',
  },
  "insides-stay-in-patches": {
    "mixins/log/line.ts": 'import "pg/lib/connection.js"; export const line = 1;',
  },
  "patches-know-only-basics": {
    "mixins/patches/pg-client.ts": 'import "../log/line.ts"; export const client = 1;',
    "mixins/log/line.ts": "export const line = 1;",
  },
  "no-circles": {
    "services/users/a.ts": 'import { b } from "./b.ts"; export const a = () => b;',
    "services/users/b.ts": 'import { a } from "./a.ts"; export const b = () => a;',
  },
  "no-circles-of-folders": {
    "mixins/log/line.ts": 'import { row } from "../postgres/row.ts"; export const line = row;',
    "mixins/postgres/row.ts": "export const row = 1;",
    "mixins/postgres/pool.ts": 'import { level } from "../log/level.ts"; export const pool = level;',
    "mixins/log/level.ts": "export const level = 1;",
  },
  "no-unresolved": { "services/users/a.ts": 'import "./gone.ts";' },
  "only-declared-packages": { "services/users/a.ts": 'import "lodash";' },
  "no-test-tools-in-production": { "services/users/a.ts": 'import "fast-check";' },
};

for (const [rule, files] of Object.entries(broken))
  test(`${rule} is noticed when broken`, async (t) => {
    const found = await violationsOf({ ...lawful, ...files });
    t.true(
      found.some((violation) => violation.startsWith(`${rule}:`)),
      found.join("\n"),
    );
  });

test("no rule of the configuration is without its proof here", async (t) => {
  const path = join(repositoryRoot, ".dependency-cruiser.mjs");
  const { default: options } = (await import(path)) as { default: { forbidden: { name: string }[] } };
  t.deepEqual(options.forbidden.map(({ name }) => name).sort(), Object.keys(broken).sort());
});
