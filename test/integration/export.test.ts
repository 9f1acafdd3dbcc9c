/** An export is everybody of one moment, now or in the past, and never tells what it does not know. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import anyTest, { type ExecutionContext } from "ava";
import { formats } from "../../services/commands/export/formats.ts";
import { type SnapshotWish, snapshot } from "../../services/commands/export/snapshot.ts";
import type { Person } from "../../services/contracts/people-csv.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { eventually } from "../support/eventually.ts";
import { openDatabase } from "../support/own-database.ts";
import { Processes } from "../support/processes.ts";
import { done, type Rig, rigOf } from "../support/rig.ts";

// One system at a time: each is all services and two databases.
const test = anyTest.serial;
const script = "services/commands/export/index.ts";
const minuteMs = 60_000;

/** A directory whose clock stands still until it is moved. */
async function directory(t: ExecutionContext) {
  let nowMs = Date.parse("2026-03-01T12:00:00Z");
  const rig = await rigOf(t, { environment: { RECONCILE_MINUTES: "0" }, now: () => new Date(nowMs) });
  const db = await openDatabase(rig.urls.users, usersEntities);
  t.teardown(() => db.close());
  return {
    ...rig,
    db,
    /** The moment that is over. */
    tick(): Date {
      const before = new Date(nowMs);
      nowMs += minuteMs;
      return before;
    },
    async people(wish: Partial<SnapshotWish> = {}) {
      const people: Person[] = [];
      const untold = await snapshot(db, { at: undefined, deleted: false, ...wish }, async (all) => {
        for await (const person of all) people.push(person);
      });
      return { people, ...untold };
    },
  };
}

const create = async (rig: Rig, name: string, secondarySmtps: string[] = []): Promise<string> => {
  const body = { displayName: name, primarySmtp: `${name}@one.example`, secondarySmtps };
  return String((await done(rig, "POST", "/users", body)).id);
};

/** The audit log has all that has happened. */
const arrived = (rig: Rig) =>
  eventually(async () => {
    const { rows } = await rig.usersDb.query(
      "select from users u where version > (select coalesce(max(version), 0) from audit_entries where user_id = u.id)",
    );
    assert.equal(rows.length, 0);
  });

const namesOf = (people: readonly Person[]) => people.map(({ displayName }) => displayName);

async function exported(rig: Rig, ...args: string[]) {
  const processes = new Processes();
  try {
    const command = await processes.start({ script, args, env: { DATABASE_URL: rig.urls.users } });
    const { code } = await command.exited();
    return { code, stdout: command.stdout(), stderr: command.stderr() };
  } finally {
    await processes.end();
  }
}

test("an export is in the order of primaries, and what is written meanwhile is not in it", async (t) => {
  const rig = await directory(t);
  for (const name of ["carl", "ann", "bob"])
    await create(rig, name, [`z.${name}@one.example`, `a.${name}@one.example`]);
  const seen: Person[] = [];
  await snapshot(rig.db, { at: undefined, deleted: false }, async (people) => {
    for await (const person of people) {
      if (seen.length === 0) {
        await create(rig, "dora");
        const held = await rig.http("GET", "/users?smtp=bob@one.example");
        await done(rig, "DELETE", `/users/${held.body.items[0].id}`);
      }
      seen.push(person);
    }
  });
  t.deepEqual(namesOf(seen), ["ann", "bob", "carl"]);
  t.deepEqual(seen[0]?.secondarySmtps, ["a.ann@one.example", "z.ann@one.example"]);
  t.deepEqual(namesOf((await rig.people()).people), ["ann", "carl", "dora"]);
  const all = (await rig.people({ deleted: true })).people;
  t.deepEqual(namesOf(all), ["ann", "bob", "carl", "dora"]);
  t.truthy(all[1]?.deletedAt);
});

test("of a time that is over everybody is as they were, whatever has happened since", async (t) => {
  const rig = await directory(t);
  const before = rig.tick();
  const ann = await create(rig, "ann", ["a@one.example"]);
  const bob = await create(rig, "bob");
  const carl = await create(rig, "carl");
  await done(rig, "DELETE", `/users/${carl}`);
  const created = rig.tick();
  await done(rig, "PATCH", `/users/${ann}`, {
    displayName: "Ann Lee",
    primarySmtp: "lee@two.example",
    active: false,
  });
  await create(rig, "dora");
  await done(rig, "POST", `/users/${carl}/restore`);
  const changed = rig.tick();
  await done(rig, "PATCH", `/users/${ann}`, { secondarySmtps: [], displayName: "Ann Chen" });
  await done(rig, "DELETE", `/users/${bob}`);
  rig.tick();
  await arrived(rig);

  t.deepEqual((await rig.people({ at: before })).people, []);
  const first = (await rig.people({ at: created })).people;
  t.deepEqual(namesOf(first), ["ann", "bob"]);
  t.like(first[0], { primarySmtp: "ann@one.example", secondarySmtps: ["a@one.example"], deletedAt: null });
  t.true(first[0]?.active);
  const deleted = (await rig.people({ at: created, deleted: true })).people;
  t.deepEqual(namesOf(deleted), ["ann", "bob", "carl"]);
  t.is(deleted[2]?.deletedAt, created.toISOString());
  const second = (await rig.people({ at: changed })).people;
  t.deepEqual(namesOf(second), ["bob", "carl", "dora", "Ann Lee"]);
  t.deepEqual(second.at(-1)?.secondarySmtps, ["a@one.example", "ann@one.example"]);
  t.false(second.at(-1)?.active);
  t.deepEqual(namesOf((await rig.people()).people), ["carl", "dora", "Ann Chen"]);
});

test("whom the audit log does not know whole is left out, and named", async (t) => {
  const rig = await directory(t);
  const ids: string[] = [];
  for (const name of ["ann", "bob", "carl", "dora", "emil"]) ids.push(await create(rig, name));
  const [ann, bob, carl, , emil] = ids;
  const at = rig.tick();
  for (const id of [ann, bob, carl])
    for (const displayName of ["First", "Second"]) await done(rig, "PATCH", `/users/${id}`, { displayName });
  await done(rig, "DELETE", `/users/${emil}`);
  rig.tick();
  await arrived(rig);
  t.is((await rig.people({ at })).people.length, 5);

  const forget = async (id: string | undefined, version: number): Promise<void> => {
    await rig.usersDb.query("alter table audit_entries disable trigger all");
    await rig.usersDb.query("delete from audit_entries where user_id = $1 and version = $2", [id, version]);
    await rig.usersDb.query("alter table audit_entries enable trigger all");
  };
  await forget(ann, 2); // in between
  await forget(bob, 3); // the newest
  await forget(carl, 1); // the one before
  await forget(emil, 2); // that it was deleted
  const { people, unknown } = await rig.people({ at });
  t.deepEqual(namesOf(people), ["dora"]);
  t.deepEqual(unknown.toSorted(), [ann, bob, carl, emil].toSorted());

  const { code, stdout, stderr } = await exported(rig, "--at", at.toISOString());
  t.is(code, 2);
  t.deepEqual(stdout.split("\n").slice(1), ["dora,dora@one.example,,,,true", ""]);
  t.regex(stderr, new RegExp(`^Left out, .*${ann}`));
});

test("a user that is told again, and the begin of a generation, are no gaps", async (t) => {
  const rig = await directory(t);
  const [ann = "", bob = ""] = [await create(rig, "ann"), await create(rig, "bob")];
  const at = rig.tick();
  await done(rig, "PATCH", `/users/${ann}`, { displayName: "Ann Lee" });
  await rig.call("users.reemit", { userId: ann });
  await done(rig, "PATCH", `/users/${ann}`, { displayName: "Ann Chen" });
  await rig.call("users.generation", {});
  await done(rig, "PATCH", `/users/${bob}`, { displayName: "Bob Roe" });
  await arrived(rig);
  const { people, unknown } = await rig.people({ at });
  t.deepEqual(unknown, []);
  t.deepEqual(namesOf(people), ["ann", "bob"]);

  await rig.call("users.reemit", { userId: ann, above: 1_000_040 });
  await arrived(rig);
  t.deepEqual((await rig.people({ at })).unknown, [ann], "what is in between may be lost");
});

test("erased people are in no export, and one of the past counts them", async (t) => {
  const rig = await directory(t);
  const ann = await create(rig, "ann");
  await create(rig, "bob");
  const at = rig.tick();
  await done(rig, "DELETE", `/users/${ann}`);
  await arrived(rig);
  await done(rig, "POST", `/users/${ann}/erase`, { reason: "asked for" });
  t.deepEqual(namesOf((await rig.people({ deleted: true })).people), ["bob"]);
  const then = await rig.people({ at, deleted: true });
  t.deepEqual([namesOf(then.people), then.erased], [["bob"], 1]);
});

test("the command writes a file for its owner alone, and is on record", async (t) => {
  const rig = await directory(t);
  await create(rig, "ann", ["a@one.example"]);
  const folder = mkdtempSync(join(tmpdir(), "mailroster-test-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "all.ldif");
  const { code, stdout } = await exported(rig, "--format", "ldif", "--out", file);
  t.is(code, 0);
  t.is(stdout, `1 in ${file}\n`);
  t.is(statSync(file).mode & 0o777, 0o600);
  const { people } = await rig.people();
  const { head, line } = formats.ldif();
  t.is(readFileSync(file, "utf8"), [head, ...people.map(line)].join(""));
  const { rows } = await rig.usersDb.query(
    "select principal, scope, allowed, reason from activity where action = 'directory.export'",
  );
  t.like(rows[0], { scope: "users:export", allowed: true, reason: "the whole directory as ldif" });
  t.regex(rows[0]?.principal, /^cli:/);

  const nowhere = await exported(rig, "--out", "/nowhere/all.csv");
  t.deepEqual([nowhere.code, nowhere.stderr], [1, "Cannot write /nowhere/all.csv: ENOENT\n"]);
  for (const args of [
    ["--format", "xls"],
    ["--at", "yesterday"],
    ["--at", "2999-01-01T00:00:00Z"],
  ])
    t.is((await exported(rig, ...args)).code, 64, args.join(" "));
});

/** How many there are, and how many the bar expects. */
async function expectation(rig: Awaited<ReturnType<typeof directory>>, wish: Partial<SnapshotWish> = {}) {
  let [people, expected] = [0, 0];
  await snapshot(rig.db, { at: undefined, deleted: false, ...wish }, async (all, count) => {
    expected = await count();
    for await (const _ of all) people += 1;
  });
  return { people, expected };
}

test("on a terminal an export tells how far it is, but not among the people, and in a pipe it tells nothing", async (t) => {
  const rig = await directory(t);
  await create(rig, "ann");
  const folder = mkdtempSync(join(tmpdir(), "mailroster-export-"));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, "all.csv");
  // Of util-linux: runs a command on a terminal of its own, whose text comes out of its stdout.
  const onTerminal = async (redirected: string): Promise<string> => {
    const processes = new Processes();
    t.teardown(() => processes.end());
    const typed = `'${process.execPath}' ${script} ${redirected}`;
    const env = { DATABASE_URL: rig.urls.users };
    const command = await processes.start({ command: ["script", "-qec", typed, "/dev/null"], env });
    t.is((await command.exited()).code, 0, command.stdout());
    return command.stdout();
  };
  t.regex(await onTerminal(`--out '${out}'`), / 0% /);
  t.regex(await onTerminal(`> '${out}'`), / 0% /);
  t.notRegex(await onTerminal(""), / 0% /);
  t.notRegex(await onTerminal(`--out '${out}' 2> /dev/null`), / 0% /);
  const before = rig.tick();
  const gone = await create(rig, "bea");
  await done(rig, "DELETE", `/users/${gone}`);
  await arrived(rig);
  t.deepEqual(await expectation(rig), { people: 1, expected: 1 });
  t.deepEqual(await expectation(rig, { deleted: true }), { people: 2, expected: 2 });
  t.deepEqual(await expectation(rig, { at: before }), { people: 1, expected: 1 });
  const piped = await exported(rig, "--out", out);
  t.deepEqual([piped.code, piped.stderr], [0, ""]);
});
