/** Bulk changes: each an ordinary write on what is there, told beforehand where it can't be, and never done twice. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import anyTest, { type ExecutionContext } from "ava";
import { apiOf } from "../../services/commands/bulk/api.ts";
import { carryOutRename, planRename } from "../../services/commands/bulk/rename-domain.ts";
import { gatewayClient } from "../../services/commands/http-client.ts";
import type { User } from "../../services/contracts/user.ts";
import { eventually } from "../support/eventually.ts";
import { bearer, makeKey } from "../support/keys.ts";
import { Processes } from "../support/processes.ts";
import { done, type Rig, rigOf } from "../support/rig.ts";

// One system at a time: each is all services and two databases.
const test = anyTest.serial;
const script = "services/commands/bulk/index.ts";
const domain = (ascii: string) => ({ ascii, name: ascii });
const rename = { old: domain("old.example"), new: domain("new.example") };
const quietly = { atOnceMax: 4, tick() {} };

const create = async (rig: Rig, primarySmtp: string, more: object = {}): Promise<string> =>
  String((await done(rig, "POST", "/users", { displayName: primarySmtp, primarySmtp, ...more })).id);

const userOf = async (rig: Rig, id: string): Promise<User> =>
  (await done(rig, "GET", `/users/${id}`)) as unknown as User;

/** The registry has heard of all that has happened. */
const arrived = (rig: Rig) =>
  eventually(async () => {
    const { rows } = await rig.usersDb.query("select from outbox");
    assert.equal(rows.length, 0);
  });

async function system(t: ExecutionContext, environment: Record<string, string> = {}) {
  const rig = await rigOf(t, { environment: { RECONCILE_MINUTES: "0", ...environment } });
  const client = gatewayClient({ url: rig.url, doing: "test" });
  const folder = mkdtempSync(join(tmpdir(), "mailroster-test-"));
  t.teardown(() => {
    client.close();
    rmSync(folder, { recursive: true });
  });
  const fileOf = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  return { ...rig, api: apiOf(client, "test", "bulk-test"), fileOf };
}

async function bulk(rig: Rig, ...args: string[]) {
  const processes = new Processes();
  try {
    const command = await processes.start({ script, args: [...args, "--url", rig.url] });
    const { code } = await command.exited();
    const stdout = command.stdout();
    const figures = args.includes("--json") && stdout !== "" ? JSON.parse(stdout) : undefined;
    return { code, stdout, stderr: command.stderr(), figures };
  } finally {
    await processes.end();
  }
}

const auditOf = async (rig: Rig, correlationId: string): Promise<{ userId: string; action: string }[]> =>
  (await done(rig, "GET", `/audit?correlationId=${correlationId}&limit=200`)).items as never;

test("a rename moves each primary, keeps the old one, and is found under one correlation id", async (t) => {
  const rig = await system(t);
  const ann = await create(rig, "ann@old.example", { secondarySmtps: ["a@old.example", "ann@new.example"] });
  const bob = await create(rig, "Bob.Roe@OLD.example");
  const carl = await create(rig, "carl@other.example", { secondarySmtps: ["carl@old.example"] });
  await arrived(rig);
  const dry = await bulk(rig, "rename-domain", "old.example", "new.example", "--dry-run");
  t.is(dry.code, 0, dry.stderr);
  t.regex(dry.stdout, /^1 person has only further addresses in old.example, which stay\n2 would move /);
  t.is((await userOf(rig, ann)).version, 1);

  const { code, figures, stderr } = await bulk(rig, "rename-domain", "old.example", "new.example", "--json");
  t.is(code, 0, stderr);
  t.like(figures, {
    rows: 2,
    changed: 2,
    unchanged: 0,
    refused: 0,
    left: 0,
    secondaryOnly: 1,
    conflicts: [],
  });
  t.is(stderr, `Correlation id ${figures.correlationId}\n`);
  t.like(await userOf(rig, ann), {
    primarySmtp: "ann@new.example",
    secondarySmtps: ["a@old.example", "ann@old.example"],
  });
  t.like(await userOf(rig, bob), {
    primarySmtp: "Bob.Roe@new.example",
    secondarySmtps: ["Bob.Roe@old.example"],
  });
  t.is((await userOf(rig, carl)).version, 1);
  await arrived(rig);
  const entries = await eventually(async () => {
    const items = await auditOf(rig, figures.correlationId);
    assert.equal(items.length, 2);
    return items;
  });
  t.deepEqual(entries.map(({ userId }) => userId).toSorted(), [ann, bob].toSorted());

  const again = await bulk(rig, "rename-domain", "old.example", "new.example", "--json");
  t.is(again.code, 0);
  t.like(again.figures, { rows: 0, changed: 0 });
});

test("what stands in the way is told and nothing is done, unless it is to be left out", async (t) => {
  const rig = await system(t);
  const [ann, bob] = [await create(rig, "ann@old.example"), await create(rig, "bob@old.example")];
  const secondarySmtps = Array.from({ length: 100 }, (_, index) => `dora${index}@old.example`);
  const dora = await create(rig, "dora@old.example", { secondarySmtps });
  const carl = await create(rig, "carl@old.example");
  const holder = await create(rig, "ann@new.example");
  const late = await create(rig, "bob@new.example");
  await done(rig, "DELETE", `/users/${late}`);
  await arrived(rig);

  const refused = await bulk(rig, "rename-domain", "old.example", "new.example", "--json");
  t.is(refused.code, 1);
  t.is(refused.figures.rows, 0);
  const conflicts = refused.figures.conflicts as { id: string; reason: string }[];
  t.deepEqual(Object.fromEntries(conflicts.map(({ id, reason }) => [id, reason])), {
    [ann]: `ann@new.example is active, of user ${holder}`,
    [bob]: `bob@new.example is deleted, of user ${late}`,
    [dora]: "the old primary becomes a secondary, of which a user has at most 100",
  });
  t.is((await userOf(rig, carl)).version, 1);
  t.is(refused.stderr, "");
  const told = await bulk(rig, "rename-domain", "old.example", "new.example");
  t.is(told.stdout.match(/^conflict: /gm)?.length, 3);
  t.regex(told.stdout, /Nothing was done: 3 conflicts/);

  const skipping = await bulk(
    rig,
    "rename-domain",
    "old.example",
    "new.example",
    "--skip-conflicts",
    "--json",
  );
  t.is(skipping.code, 1);
  t.like(skipping.figures, { rows: 1, changed: 1, refused: 0 });
  t.is((await userOf(rig, carl)).primarySmtp, "carl@new.example");
  t.is((await userOf(rig, ann)).version, 1);
});

test("a domain in which no address may be taken is told before anything else", async (t) => {
  const rig = await system(t);
  const ann = await create(rig, "ann@old.example");
  await done(rig, "PUT", "/domains/old.example");
  const { code, stderr } = await bulk(rig, "rename-domain", "old.example", "new.example");
  t.is(code, 1);
  t.is(
    stderr,
    "Cannot rename old.example: new.example is no accepted domain (PUT /domains/new.example first)\n",
  );
  t.is((await userOf(rig, ann)).version, 1);
  for (const args of [
    ["rename-domain", "old.example"],
    ["rename-domain", "a.example", "A.example"],
    ["rename", "a.example", "b.example"],
  ])
    t.is((await bulk(rig, ...args)).code, 64, args.join(" "));
});

test("what somebody else changes meanwhile is not written over, and who comes meanwhile is renamed", async (t) => {
  const rig = await system(t);
  const ids = [
    await create(rig, "ann@old.example"),
    await create(rig, "bob@old.example"),
    await create(rig, "carl@old.example"),
  ];
  const [ann = "", bob = "", carl = ""] = ids;
  await arrived(rig);
  const plan = await planRename(rig.api, rename, quietly);
  t.deepEqual(plan.people.map(({ id }) => id).toSorted(), ids.toSorted());
  await done(rig, "PATCH", `/users/${ann}`, {
    displayName: "Ann Lee",
    secondarySmtps: ["ann@third.example"],
  });
  await done(rig, "PATCH", `/users/${bob}`, { primarySmtp: "bob@third.example" });
  await done(rig, "DELETE", `/users/${carl}`);
  await create(rig, "dora@old.example");
  const outcomes: string[] = [];
  const left = await carryOutRename(rig.api, rename, plan, {
    ...quietly,
    atOnceMax: 1,
    run: "bulk-test",
    report: async ({ kind }) => void outcomes.push(kind),
  });
  t.is(left, 0);
  t.deepEqual(outcomes.toSorted(), ["changed", "changed", "unchanged", "unchanged"]);
  t.like(await userOf(rig, ann), {
    displayName: "Ann Lee",
    primarySmtp: "ann@new.example",
    secondarySmtps: ["ann@third.example", "ann@old.example"],
  });
  t.is((await userOf(rig, bob)).primarySmtp, "bob@third.example");
  const { items } = await done(rig, "GET", "/users?smtp=dora@new.example");
  t.is((items as User[]).length, 1);
});

test("a file deletes and restores whom its rows name, and a second run finds nothing to do", async (t) => {
  const rig = await system(t);
  const ann = await create(rig, "ann@one.example", { secondarySmtps: ["a@one.example"] });
  const bob = await create(rig, "bob@one.example");
  const carl = await create(rig, "carl@one.example", { externalId: "E-1" });
  await create(rig, "dora@one.example");
  await arrived(rig);
  const file = rig.fileOf("people.txt", `${bob}\na@one.example\nE-1\nnobody@one.example\n`);
  const dry = await bulk(rig, "delete", file, "--dry-run");
  t.is(dry.code, 1);
  t.regex(dry.stdout, /would be deleted/);
  t.is((await userOf(rig, ann)).version, 1);

  const first = await bulk(rig, "delete", file);
  t.is(first.code, 1);
  t.deepEqual(first.stdout.split("\n").slice(0, 4).toSorted(), [
    `line 1: ${bob}: deleted`,
    "line 2: a@one.example: deleted",
    "line 3: E-1: deleted",
    "line 4: nobody@one.example: refused: nobody has this address",
  ]);
  t.is(
    readFileSync(`${file}.rejected.csv`, "utf8"),
    "\ufeffvalue,reason\r\nnobody@one.example,nobody has this address\r\n",
  );
  for (const id of [ann, bob, carl]) t.is((await rig.http("GET", `/users/${id}`)).status, 404);
  await arrived(rig);
  const second = await bulk(rig, "delete", file, "--json");
  t.like(second.figures, { rows: 4, changed: 0, unchanged: 3, refused: 1 });

  const csv = rig.fileOf(
    "people.csv",
    `displayName,id,primarySmtp\nAnn,,ann@one.example\n"Bob, Dr.",${bob},\nDora,,dora@one.example\n`,
  );
  const back = await bulk(rig, "restore", csv, "--json");
  t.is(back.code, 0, back.stderr);
  t.like(back.figures, { rows: 3, changed: 2, unchanged: 1, refused: 0 });
  t.false(existsSync(`${csv}.rejected.csv`));
  t.deepEqual((await userOf(rig, ann)).secondarySmtps, ["a@one.example"]);
  t.is((await userOf(rig, bob)).version, 3);
  const byId = rig.fileOf("ids.csv", "id,externalId\n,E-1\n,E-2\n");
  const last = await bulk(rig, "restore", byId, "--json");
  t.like(last.figures, { rows: 2, changed: 1, unchanged: 0, refused: 1 });
  const lives = await bulk(rig, "restore", rig.fileOf("external.txt", "E-1\n"), "--json");
  t.like(lives.figures, { changed: 0, unchanged: 1 });
  await arrived(rig);
  await eventually(async () => {
    const items = await auditOf(rig, back.figures.correlationId);
    assert.deepEqual(
      items.map(({ action }) => action),
      ["user.restored", "user.restored"],
    );
  });
});

test("a file that can't be read is told with its line, and nobody is changed for an empty one", async (t) => {
  const rig = await system(t);
  for (const [name, text, why] of [
    ["empty.txt", "", /the file is empty/],
    ["latin.txt", Buffer.from([0x62, 0xf6, 0x62, 0x0a]), /line 1, column 2: .* no UTF-8/],
    ["quote.csv", 'id\n"open\n', /line/],
  ] as const) {
    const { code, stderr } = await bulk(rig, "delete", rig.fileOf(name, text as string));
    t.is(code, 65, name);
    t.regex(stderr, why, name);
  }
  t.is((await bulk(rig, "delete", "/nowhere.txt")).code, 65);
  t.is((await bulk(rig, "delete", rig.fileOf("one.txt", "a@b.example"), "--by", "name")).code, 64);
});

test("whose rights do not reach is told at once, and nobody is changed", async (t) => {
  const rig = await system(t, { AUTH: "required" });
  const [owner, helpdesk] = [await makeKey(rig, "owner"), await makeKey(rig, "helpdesk")];
  const ask: Rig["http"] = (method, path, body) => rig.http(method, path, body, bearer(owner.key));
  const ann = await create({ ...rig, http: ask }, "ann@one.example");
  const file = rig.fileOf("people.txt", `${ann}\n${ann}\n`);
  const { code, stdout, stderr } = await bulk(
    rig,
    "delete",
    file,
    "--token-file",
    rig.fileOf("key", helpdesk.key),
  );
  t.is(code, 77);
  t.is(stdout, "");
  t.regex(stderr, /Cannot change anything: This needs the scope users:delete, which you do not have\n$/);
  t.is((await ask("GET", `/users/${ann}`)).status, 200);
});
