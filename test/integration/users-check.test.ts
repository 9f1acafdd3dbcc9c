/** What writes of many users would do, asked beforehand: it agrees with what they then do, and leaves nothing behind. */
import test from "ava";
import type { UserCheck } from "../../services/contracts/user-checks.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ services: ["gateway", "users", "smtp-registry"] });
});
test.after.always(() => rig.stop());

interface Wanted {
  readonly displayName?: string;
  readonly primarySmtp: string;
  readonly secondarySmtps?: readonly string[];
  readonly externalId?: string;
  readonly occurrence?: number;
}
const user = (primarySmtp: string, more: object = {}): Wanted => ({
  displayName: "Ann",
  primarySmtp,
  ...more,
});
async function check(users: readonly Wanted[], order: object = {}): Promise<UserCheck[]> {
  const { status, body } = await rig.http("POST", "/users/checks", { users, ...order });
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body.items;
}
const outcomes = async (users: readonly Wanted[], order: object = {}): Promise<string[]> =>
  (await check(users, order)).map(({ outcome }) => outcome);
const create = (wanted: Wanted): Promise<string> =>
  eventually(async () => {
    const { status, body } = await rig.http("POST", "/users", wanted);
    if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
    return body.id;
  });

test("a user of whom nothing is there would be created, and nothing is held by the question", async (t) => {
  const wanted = user("new@check.example", { secondarySmtps: ["n@check.example"], externalId: "new" });
  t.deepEqual(await outcomes([wanted, wanted]), ["created", "created"], "each is asked by itself");
  for (const table of ["users", "address_keys", "outbox", "idempotency"])
    t.is(
      (await rig.usersDb.query(`select from ${table} where ${table}::text like '%new@check.example%'`))
        .rowCount,
      0,
      table,
    );
  t.is((await rig.registryDb.query("select from addresses where key like 'n%@check.example'")).rowCount, 0);
});

test("without a key whoever is there exactly so is unchanged, and anybody else stands in the way", async (t) => {
  const wanted = user("there@check.example", { secondarySmtps: ["th@check.example"], externalId: "there" });
  const id = await create(wanted);
  const [same, other] = await check([wanted, { ...wanted, displayName: "Bo", externalId: "other" }]);
  t.like(same, { outcome: "unchanged", userId: id, version: 1 });
  t.like(other, { outcome: "refused", userId: null });
  t.deepEqual(
    other?.reasons.map(({ pointer, conflict }) => [pointer, conflict?.status, conflict?.userId]),
    [
      ["#/primarySmtp", "active", id],
      ["#/secondarySmtps/0", "active", id],
    ],
  );
  const [ids] = await check([user("else@check.example", { externalId: "there" })]);
  t.deepEqual(ids?.reasons, [
    { pointer: "#/externalId", detail: "belongs to another user (there@check.example)" },
  ]);
});

test("a patch that is told makes the user as wanted, keeps every address, and is then no change", async (t) => {
  const id = await create(
    user("key@check.example", { secondarySmtps: ["k@check.example"], externalId: "key" }),
  );
  const wanted = {
    displayName: "Ann Lee",
    primarySmtp: "key.lee@check.example",
    secondarySmtps: ["k2@check.example"],
    externalId: "key",
    userName: "lee",
    active: false,
  };
  const [first] = await check([wanted], { key: "externalId" });
  t.like(first, { outcome: "changed", userId: id, version: 1 });
  const { status, body } = await rig.http("PATCH", `/users/${id}`, first?.patch);
  t.is(status, 200);
  t.like(body, { userName: "lee", active: false });
  t.deepEqual([...body.secondarySmtps].sort(), ["k2@check.example", "k@check.example", "key@check.example"]);
  t.deepEqual(await outcomes([wanted], { key: "externalId" }), ["unchanged"]);
  const byAddress = { ...wanted, displayName: "Ann L.", externalId: "key-2" };
  const [second] = await check([byAddress], { key: "primarySmtp" });
  t.deepEqual(second?.patch, { displayName: "Ann L.", externalId: "key-2" });
});

test("who is found by a secondary is not meant by it, and who has no id is not found by one", async (t) => {
  await create(user("main@check.example", { secondarySmtps: ["alias@check.example"] }));
  const [alias, nameless] = await check([user("alias@check.example")], { key: "primarySmtp" });
  t.is(alias?.outcome, "refused");
  t.is(nameless, undefined);
  const [lacking] = await check([user("lacking@check.example")], { key: "externalId" });
  t.deepEqual(lacking?.reasons, [
    { pointer: "#/externalId", detail: "is missing, and users are found by it" },
  ]);
});

test("with suffixes a taken address would become another, and whoever was given it is found again", async (t) => {
  const wanted = user("same@check.example", { displayName: "Same" });
  const order = { onTaken: "suffix" };
  await create({ ...wanted, displayName: "First" });
  t.deepEqual(await outcomes([wanted], order), ["suffixed"]);
  const second = await create(wanted);
  const third = await create(wanted);
  const [a, b, c] = await check([wanted, { ...wanted, occurrence: 1 }, { ...wanted, occurrence: 2 }], order);
  t.like(a, { outcome: "unchanged", userId: second });
  t.like(b, { outcome: "unchanged", userId: third });
  t.like(c, { outcome: "suffixed" });
  const byId = { ...wanted, externalId: "same-1" };
  const { body } = await rig.http("POST", "/users", byId);
  t.is(body.primarySmtp, "same4@check.example");
  t.deepEqual(await outcomes([byId], { ...order, key: "externalId" }), ["unchanged"]);
  t.deepEqual(await outcomes([byId], { key: "externalId" }), ["refused"], "nobody is renamed without it");
});

test("what a write would refuse is refused with its reasons: names, blocked names, addresses of the deleted", async (t) => {
  const gone = await create(user("gone@check.example"));
  t.is((await rig.http("DELETE", `/users/${gone}`)).status, 204);
  const [blocked, deleted, bad, many] = await check([
    user("postmaster@check.example"),
    user("gone@check.example"),
    user("-rf@check.example", { displayName: "\u202eAnn" }),
    user("many@check.example", {
      secondarySmtps: Array.from({ length: 100 }, (_, index) => `m${index}@check.example`),
    }),
  ]);
  t.deepEqual(
    blocked?.reasons.map(({ conflict }) => conflict?.status),
    ["blocked"],
  );
  t.deepEqual(
    deleted?.reasons.map(({ conflict }) => conflict?.status),
    ["deleted"],
  );
  t.deepEqual(bad?.reasons.map(({ pointer }) => pointer).sort(), ["#/displayName", "#/primarySmtp"]);
  t.is(many?.outcome, "created");
  t.deepEqual(await outcomes([user("postmaster@check.example")], { onTaken: "suffix" }), ["refused"]);
});

test("a hold that is under way stands against a thorough check, and is left to the write by another", async (t) => {
  const wanted = user("held@check.example");
  await rig.call("smtp-registry.reserve", {
    reservationId: "check-hold",
    userId: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
    addresses: [{ address: wanted.primarySmtp, kind: "primary" }],
    onTaken: "refuse",
  });
  t.deepEqual(await outcomes([wanted]), ["refused"]);
  t.deepEqual(await outcomes([wanted], { thorough: false }), ["created"]);
});

test("more users than are checked at once, and members that nobody knows, are refused", async (t) => {
  const users = Array.from({ length: 101 }, (_, index) => user(`u${index}@check.example`));
  t.is((await rig.http("POST", "/users/checks", { users })).status, 422);
  t.is((await rig.http("POST", "/users/checks", { users: [{ ...users[0], id: "x" }] })).status, 422);
});
