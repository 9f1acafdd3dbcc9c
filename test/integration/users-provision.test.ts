/** What an identity provider writes: the user as any write does, and beside it what else it said, in one transaction. */
import assert from "node:assert/strict";
import test from "ava";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type { ActionInput } from "../../services/contracts/actions.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig();
});
test.after.always(() => rig.stop());

type Wish = ActionInput<"users.provision">;
const provision = (wish: Wish) =>
  callAction(rig.broker, "users.provision", wish, {
    meta: { correlationId: "provision", actor: "key:okta" },
  });

const wishOf = (name: string, more: Partial<Wish["user"]> = {}): Wish => ({
  user: {
    displayName: "Ann Lee",
    primarySmtp: `${name}@provision.example`,
    secondarySmtps: [],
    active: true,
    userName: name,
    ...more,
  },
  scim: {
    client: "okta",
    externalId: `id-${name}`,
    emails: [{ value: `${name}@provision.example`, type: "work" }],
    attributes: { title: "Tour Guide", name: { familyName: "Lee", givenName: "Ann" } },
  },
});

const rowOf = async (id: string) =>
  (await rig.usersDb.query("select * from scim_users where user_id = $1", [id])).rows[0];
const entries = async (id: string, count: number) => {
  let items: { action: string; version: number; changes: { field: string }[] }[] = [];
  await eventually(async () => {
    ({ items } = (await rig.http("GET", `/audit?userId=${id}`)).body);
    assert.equal(items.length, count);
  });
  return items;
};

test("a user is made with what was said of it, and the same again writes nothing", async (t) => {
  const wish = wishOf("one");
  const made = await provision(wish);
  t.like(made, { revision: 0, changed: true });
  t.like(made.user, { version: 1, userName: "one", active: true });
  const { id } = made.user;
  t.like(await rowOf(id), { client: "okta", external_id: "id-one", revision: 0 });
  t.deepEqual((await rowOf(id)).attributes, wish.scim.attributes);
  const again = await provision({ ...wish, id });
  t.deepEqual(again, { ...made, changed: false });
  const [entry] = await entries(id, 1);
  t.notRegex(JSON.stringify(entry), /Tour|id-one/);
});

test("a title alone is the document's next revision: no version, no event", async (t) => {
  const wish = wishOf("title");
  const { id } = (await provision(wish)).user;
  const titled = { ...wish, id, scim: { ...wish.scim, attributes: { title: "Captain" } } };
  t.like(await provision(titled), { revision: 1, changed: true, user: { version: 1 } });
  t.like(await provision({ ...wish, id, user: { ...wish.user, active: false } }), {
    revision: 2,
    user: { version: 2, active: false },
  });
  t.is((await entries(id, 2)).length, 2);
  const error = await t.throwsAsync(provision({ ...titled, expectedRevision: 1 }));
  t.like(error, { type: "version-mismatch" });
  t.like(await t.throwsAsync(provision({ ...titled, expectedVersions: [1] })), { type: "version-mismatch" });
});

test("of many writes at the same time each is whole, and counts on from the one before", async (t) => {
  const wish = wishOf("many");
  const { id } = (await provision(wish)).user;
  const titles = Array.from({ length: 3 }, (_, n) => `title ${n}`);
  const answers = await Promise.all(
    titles.map((title) => provision({ ...wish, id, scim: { ...wish.scim, attributes: { title } } })),
  );
  t.deepEqual(answers.map(({ revision }) => revision).sort(), [1, 2, 3]);
  t.is((await rowOf(id)).revision, 3);
});

test("a taken address or userName is refused, and nothing is kept of it", async (t) => {
  const { id } = (await provision(wishOf("taken"))).user;
  t.like(await t.throwsAsync(provision(wishOf("taken"))), { type: "address-taken" });
  const other = wishOf("other", { userName: "TAKEN" });
  t.like(await t.throwsAsync(provision(other)), { type: "user-name-taken" });
  const { rows } = await rig.usersDb.query(
    "select user_id from scim_users where external_id in ('id-taken', 'id-other')",
  );
  t.deepEqual(rows, [{ user_id: id }]);
});

test("a deleted user comes back as it is wanted, in one version", async (t) => {
  const { id } = (await provision(wishOf("back"))).user;
  t.is((await rig.http("DELETE", `/users/${id}`)).status, 204);
  t.is((await rowOf(id)).client, "okta", "the document stays");
  t.like(await t.throwsAsync(provision({ ...wishOf("back"), id })), { type: "not-found" });
  const wish = wishOf("back", { displayName: "Ann Chen", primarySmtp: "chen@provision.example" });
  const back = await provision({ ...wish, id, restore: true });
  t.like(back.user, { version: 3, displayName: "Ann Chen", primarySmtp: "chen@provision.example" });
  t.deepEqual(back.user.secondarySmtps, ["back@provision.example"]);
  const items = await entries(id, 3);
  t.is(items.find(({ version }) => version === 3)?.action, "user.restored");
});

test("what was said is in the person's export, and an erasure leaves nothing of it", async (t) => {
  const wish = wishOf("erased");
  const { id } = (await provision(wish)).user;
  t.deepEqual((await rig.http("GET", `/users/${id}/export`)).body.provisioned, wish.scim);
  await rig.http("DELETE", `/users/${id}`);
  await eventually(async () => {
    assert.equal((await rig.http("POST", `/users/${id}/erase`, { reason: "asked" })).status, 204);
  });
  t.is(await rowOf(id), undefined);
});
