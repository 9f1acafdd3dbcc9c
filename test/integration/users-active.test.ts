/** Whether an account is in use, and the userName, of one living user at most: two fields of the user as all others. */
import assert from "node:assert/strict";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig();
});
test.after.always(() => rig.stop());

const create = async (primarySmtp: string, more: object = {}) =>
  rig.http("POST", "/users", { displayName: "Ann Lee", primarySmtp, ...more });

test("a user is active unless it is said, and has no userName", async (t) => {
  const { body } = await create("plain@active.example");
  t.like(body, { active: true, userName: null });
  const path = `/users/${body.id}`;
  t.like((await rig.http("GET", path)).body, { active: true, userName: null });
  const names = { displayName: "Ann Lee", primarySmtp: "plain@active.example" };
  const off = await rig.http("PATCH", path, { active: false, userName: " Ann.Lee " });
  t.like(off.body, { active: false, userName: "Ann.Lee", version: 2 });
  const kept = await rig.http("PUT", path, names);
  t.like(
    kept.body,
    { active: false, userName: "Ann.Lee", version: 2 },
    "one that does not know them keeps them",
  );
  const whole = await rig.http("GET", path);
  t.is((await rig.http("PUT", path, whole.body)).body.version, 2);
  t.like((await rig.http("PATCH", path, { active: null, userName: null })).body, {
    active: true,
    userName: null,
  });
  await eventually(async () => {
    const { items } = (await rig.http("GET", `/audit?userId=${body.id}`)).body;
    assert.equal(items.length, 3);
    assert.deepEqual(
      items.flatMap(({ changes }: { changes: { field: string; from: unknown; to: unknown }[] }) =>
        changes.filter(({ field }) => field === "active" || field === "userName"),
      ),
      [
        { field: "active", from: true, to: false },
        { field: "userName", from: null, to: "Ann.Lee" },
        { field: "active", from: false, to: true },
        { field: "userName", from: "Ann.Lee", to: null },
      ],
    );
  });
});

test("what is neither true nor false, and no name, is refused at its place", async (t) => {
  for (const [field, value] of [
    ["active", "true"],
    ["active", 1],
    ["userName", ""],
    ["userName", "x".repeat(257)],
    ["userName", "\u202eabc"],
  ] as const) {
    const { status, body } = await create("bad@active.example", { [field]: value });
    t.is(status, 422, field);
    t.is(body.errors[0].pointer, `#/${field}`);
  }
});

test("of many at the same time who want one userName in any case one gets it", async (t) => {
  const names = ["Race", "RACE", "race", "Ｒａｃｅ"];
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => create(`r${n}@active.example`, { userName: names[n % 4] })),
  );
  const statuses = answers.map(({ status }) => status).sort();
  t.deepEqual(statuses, [201, ...Array.from({ length: 11 }, () => 409)]);
  const winner = answers.find(({ status }) => status === 201)?.body;
  const refused = answers.find(({ status }) => status === 409)?.body;
  t.is(refused.type, "/problems/user-name-taken");
  t.is(refused.errors[0].pointer, "#/userName");
  t.like(refused.errors[0].conflict, { status: "active", userId: winner.id });
  const other = (await create("other@active.example", { userName: "free" })).body;
  t.is((await rig.http("PATCH", `/users/${other.id}`, { userName: "rAcE" })).status, 409);
});

test("a deleted user's userName is anybody's, and a restore gets it back unless somebody has it", async (t) => {
  const gone = (await create("gone@active.example", { userName: "Kept" })).body;
  t.is((await rig.http("DELETE", `/users/${gone.id}`)).status, 204);
  const heir = (await create("heir@active.example", { userName: "kept" })).body;
  t.is(heir.userName, "kept");
  const { status, body } = await rig.http("POST", `/users/${gone.id}/restore`);
  t.is(status, 409);
  t.is(body.type, "/problems/user-name-taken");
  t.deepEqual(body.errors, [
    {
      pointer: "#",
      detail: "is not available: it is active",
      conflict: { userName: "Kept", status: "active", userId: heir.id },
    },
  ]);
  t.is((await rig.http("PATCH", `/users/${heir.id}`, { userName: null })).status, 200);
  t.is((await rig.http("POST", `/users/${gone.id}/restore`)).body.userName, "Kept");
});

test("an erasure leaves nothing of a userName", async (t) => {
  const gone = (await create("erased@active.example", { userName: "Zaphod", active: false })).body;
  await rig.http("DELETE", `/users/${gone.id}`);
  await eventually(async () => {
    const { status } = await rig.http("POST", `/users/${gone.id}/erase`, { reason: "asked" });
    assert.equal(status, 204);
  });
  const { rows } = await rig.usersDb.query("select * from users where id = $1", [gone.id]);
  t.like(rows[0], { user_name: null, user_name_key: null, active: true });
  t.notRegex(JSON.stringify(rows), /zaphod/i);
});
