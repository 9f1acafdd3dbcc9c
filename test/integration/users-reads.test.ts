import test from "ava";
import { sql } from "kysely";
import { toASCII } from "tr46";
import { run } from "../../mixins/postgres/statement.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { beforeAll, usersPage } from "../../services/users/list-sql.ts";
import { openDatabase } from "../support/own-database.ts";
import { healthOf, type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ services: ["users", "smtp-registry"] });
});
test.after.always(() => rig.stop());

const create = (displayName: string, primarySmtp: string, secondarySmtps?: string[]) =>
  rig.call("users.create", { displayName, primarySmtp, secondarySmtps });
const found = async (q: string): Promise<string[]> =>
  (await rig.call("users.list", { q, limit: 200 })).items.map(({ primarySmtp }) => primarySmtp);

test.serial(
  "pages show each user once, oldest first, whatever is created or removed between them",
  async (t) => {
    const before: string[] = [];
    for (let n = 0; n < 7; n += 1) before.push((await create(`Page ${n}`, `p${n}@pages.example`)).id);
    const first = await rig.call("users.list", { limit: 3 });
    t.deepEqual(
      first.items.map(({ id }) => id),
      before.slice(0, 3),
    );
    const late = (await create("Late", "late@pages.example")).id;
    await rig.call("users.remove", { id: before[2] ?? "" });
    const second = await rig.call("users.list", { limit: 3, cursor: first.nextCursor ?? "" });
    t.deepEqual(
      second.items.map(({ id }) => id),
      before.slice(3, 6),
    );
    const third = await rig.call("users.list", { limit: 3, cursor: second.nextCursor ?? "" });
    t.deepEqual(
      third.items.map(({ id }) => id),
      [before[6], late],
    );
    t.is(third.nextCursor, null);
  },
);

test.serial("a page that ends with the last user has no next cursor", async (t) => {
  const { items } = await rig.call("users.list", { limit: 200 });
  t.is((await rig.call("users.list", { limit: items.length })).nextCursor, null);
});

test("a page walks the index of ids from its cursor on, whatever the filters, also by a plan for an empty table", async (t) => {
  const db = await openDatabase(rig.urls.users, usersEntities);
  const filters = [undefined, "a@b"].flatMap((key) =>
    [[], ["%a%"], ["%a%", "%b%"]].map((patterns) => ({ key, patterns })),
  );
  for (const filter of filters) {
    const name = JSON.stringify(filter);
    const lines = await db.transaction(async (em) => {
      await run(em, sql`set local plan_cache_mode to force_generic_plan`);
      const statement = usersPage({ after: beforeAll, limit: 21, ...filter });
      return run(em, sql<{ "QUERY PLAN": string }>`explain ${statement}`);
    });
    const plan = lines.map((line) => line["QUERY PLAN"]).join("\n");
    t.regex(plan, /Index Scan using users_pkey/, name);
    t.notRegex(plan, /Sort|Bitmap|Seq Scan/, `${name}\n${plan}`);
  }
  await db.close();
});

test("a cursor that no list has returned is refused", async (t) => {
  for (const cursor of ["x", "eyJhIjoxfQ", Buffer.from('["no id"]').toString("base64url")]) {
    const refused = await t.throwsAsync(rig.call("users.list", { cursor }), { instanceOf: Refusal });
    t.is(refused.type, "invalid-fields");
    t.is(refused.data.errors?.[0]?.pointer, "#/cursor");
  }
});

test("q finds a part of a name or of any address, in any case and script", async (t) => {
  await create("Jürgen Weiß", "jw@search.example", ["Second.Address@search.example"]);
  await create("ΟΔΥΣΣΕΥΣ Νικολάου", "od@search.example");
  for (const q of ["ürg", "JÜRGEN", "weiss", "WEISS", "cond.addr", "JW@SEARCH"])
    t.deepEqual(await found(q), ["jw@search.example"], q);
  for (const q of ["οδυς", "οδυσσευς", "ΝΙΚΟ"]) t.deepEqual(await found(q), ["od@search.example"], q);
});

test("q finds a domain in either form, also among users whose text holds only one of them", async (t) => {
  const { id } = await create("Either", "either@straßen.example");
  const inALabels = `either@${toASCII("straßen.example")}`;
  const forms = [
    "either@straßen.example",
    "STRASSEN.example",
    inALabels,
    "@xn--stra",
    "straßen。ex\u00adample",
  ];
  for (const q of forms) t.deepEqual(await found(q), ["either@straßen.example"], q);
  for (const text of ["either\neither@strassen.example", `either\n${inALabels}`]) {
    await rig.usersDb.query("update users set search_text = $2 where id = $1", [id, text]);
    for (const q of ["either@straßen.example", inALabels]) {
      const { items } = await rig.call("users.list", { q, smtp: inALabels });
      t.deepEqual(
        items.map((user) => user.id),
        [id],
        `${q} in ${text}`,
      );
    }
  }
});

test("q takes wildcards and backslashes as what they are", async (t) => {
  await create("100% Müller_A", "percent@wild.example");
  await create("100 Muller-B", "plain@wild.example");
  await create(String.raw`back\slash`, "back@wild.example");
  t.deepEqual(await found("100%"), ["percent@wild.example"]);
  t.deepEqual(await found("r_a"), ["percent@wild.example"]);
  t.deepEqual(await found(String.raw`k\s`), ["back@wild.example"]);
  t.deepEqual(await found("%wild%"), []);
  t.deepEqual(await found("\0"), []);
});

test("smtp finds the living holder of an address, as primary or secondary, by its key", async (t) => {
  const user = await create("Holder", "Straße@held.example", ["h@held.example"]);
  const holder = async (smtp: string) => (await rig.call("users.list", { smtp })).items.map(({ id }) => id);
  for (const smtp of ["strasse@held.example", "STRASSE@HELD.example", "H@held.example"])
    t.deepEqual(await holder(smtp), [user.id], smtp);
  t.deepEqual(await holder("nobody@held.example"), []);
  t.deepEqual((await rig.call("users.list", { smtp: "h@held.example", q: "someone else" })).items, []);
  await rig.call("users.remove", { id: user.id });
  t.deepEqual(await holder("h@held.example"), []);
});

test("a user that never was is not found", async (t) => {
  const get = rig.call("users.get", { id: "0199a000-0000-7000-8000-00000000dead" });
  t.is((await t.throwsAsync(get, { instanceOf: Refusal })).type, "not-found");
});

test("health says that the database is up", async (t) => {
  t.deepEqual(await healthOf(rig, "users.health"), { status: "up", checks: { database: { status: "up" } } });
});
