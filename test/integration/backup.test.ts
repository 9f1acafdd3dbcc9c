/** docs/guides/backup.md: both databases dumped between writes, one after the other, and restored. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { findProgram } from "../support/provision/command.ts";
import { installedBinaries } from "../support/provision/postgres.ts";
import { testDatabase } from "../support/resources.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const run = promisify(execFile);
const timeoutMs = 180_000;
const tool = (name: string): string | undefined =>
  findProgram(name, [dirname(installedBinaries()?.postgres ?? "")]);
const [dump, restore] = [tool("pg_dump"), tool("pg_restore")];
/** The embedded PostgreSQL comes without them. */
const toolsAreMissing = "pg_dump and pg_restore are not installed: nothing was looked at";
const environment = { RECONCILE_GRACE_MS: "100", RECONCILE_MINUTES: "0" };
type Names = readonly ("users" | "registry")[];

const create = (rig: Rig, local: string) =>
  rig.call("users.create", {
    displayName: "Ann",
    primarySmtp: `${local}@three.example`,
    onTaken: "refuse",
  });
const statusOf = async (rig: Rig, local: string) =>
  (await rig.call("smtp-registry.lookup", { address: `${local}@three.example` })).status;
const isActive = (rig: Rig, local: string) =>
  eventually(async () => assert.equal(await statusOf(rig, local), "active"));

/** One user before, between and after the two dumps; then a system on what was restored. */
async function restored(t: Parameters<typeof rigOf>[0], order: Names) {
  const folder = mkdtempSync(join(tmpdir(), "mailroster-backup-"));
  t.teardown(async () => rmSync(folder, { recursive: true }));
  const rig = await rigOf(t, { environment });
  const ids: string[] = [];
  const add = async (local: string) => {
    ids.push((await create(rig, local)).id);
    await isActive(rig, local);
  };
  await add("before");
  for (const [index, name] of order.entries()) {
    await run(dump ?? "", ["--format=custom", `--file=${join(folder, name)}`, rig.urls[name]]);
    await add(index === 0 ? "between" : "after");
  }
  const databases = { users: await testDatabase(), registry: await testDatabase() };
  for (const name of order) await run(restore ?? "", [`--dbname=${databases[name].url}`, join(folder, name)]);
  const again = await rigOf(t, { environment, databases });
  return { rig: again, ids };
}

const isGreen = (rig: Rig) =>
  eventually(async () => assert.deepEqual((await rig.call("reconciler.run", {})).violations, {}));

test.serial("of a registry that was dumped before users a repair mends every difference", async (t) => {
  t.timeout(timeoutMs, "databases are dumped and restored");
  if (dump === undefined || restore === undefined) return t.pass(toolsAreMissing);
  const { rig, ids } = await restored(t, ["registry", "users"]);
  const { violations } = await rig.call("reconciler.run", {});
  t.deepEqual(violations, { registry_missing: 1 });
  await rig.call("reconciler.repair", {});
  await isGreen(rig);
  t.is((await rig.call("users.patch", { id: ids[0] ?? "", displayName: "Bea" })).version, 1_000_000);
  t.is(await statusOf(rig, "between"), "active");
});

test.serial(
  "of users that were dumped before the registry orphans are left, which somebody decides on",
  async (t) => {
    t.timeout(timeoutMs, "databases are dumped and restored");
    if (dump === undefined || restore === undefined) return t.pass(toolsAreMissing);
    const { rig, ids } = await restored(t, ["users", "registry"]);
    const { violations } = await rig.call("reconciler.run", {});
    t.deepEqual(violations, { registry_orphan: 1 });
    await rig.call("reconciler.repair", {});
    await rig.call("reconciler.release", {
      userId: ids[1] ?? "",
      reason: "restored from the backup of Monday",
    });
    await isGreen(rig);
    t.is((await create(rig, "between")).version, 1_000_000);
  },
);

test.serial("a generation is begun on demand, for a restore that shows nowhere", async (t) => {
  const rig = await rigOf(t, { environment });
  const { id, version } = await create(rig, "same");
  t.is(version, 1);
  t.deepEqual(await rig.call("users.generation", {}), { generation: 1 });
  t.is((await rig.call("users.patch", { id, displayName: "Bea" })).version, 1_000_000);
  t.deepEqual(await rig.call("users.generation", {}), { generation: 2 });
  t.is((await create(rig, "next")).version, 2_000_000);
});
