/** Users as clients of SCIM look them up: by id, userName and externalId, the deleted too, with what was said of them. */
import test from "ava";
import type { Database } from "../../mixins/postgres/database.ts";
import type { ActionInput } from "../../services/contracts/actions.ts";
import { isSeenBy, knownById, scimResourceOf, userFinder } from "../../services/scim/read.ts";
import { UserRow } from "../../services/users/entities.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
let db: Database & { close(): Promise<void> };
let find: ReturnType<typeof userFinder>;
test.before(async () => {
  rig = await startRig({ services: ["users", "smtp-registry", "outbox"] });
  db = await openDatabase(rig.urls.users, [UserRow]);
  find = userFinder(db);
});
test.after.always(async () => {
  await db.close();
  await rig.stop();
});

type Wish = ActionInput<"users.provision">;
async function provisioned(name: string, user: Partial<Wish["user"]> = {}, scim: Partial<Wish["scim"]> = {}) {
  const primarySmtp = `${name}@reads.example`;
  const made = await rig.call("users.provision", {
    user: { displayName: name, primarySmtp, secondarySmtps: [], active: true, userName: name, ...user },
    scim: { client: "okta", externalId: null, emails: [], attributes: {}, ...scim },
  });
  return made.user.id;
}
const elsewhere = async (primarySmtp: string): Promise<string> =>
  (await rig.call("users.create", { displayName: "Ann Lee", primarySmtp })).id;
const remove = (id: string) => rig.call("users.remove", { id });
const idsOf = (known: readonly { readonly user: { readonly id: string } }[]): string[] =>
  known.map(({ user }) => user.id);

const extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

test("a user comes with what was said of it, and its version counts the changes of both", async (t) => {
  const attributes = { title: "Tour Guide", [extension]: { department: "Sales" } };
  const emails = [{ value: "whole@reads.example", type: "work" }];
  const id = await provisioned("Whole", {}, { externalId: "E1", emails, attributes });
  const known = await knownById(db, id.toUpperCase());
  t.like(known, { user: { id, version: 1, userName: "Whole" }, revision: 0, deletedAt: null });
  t.deepEqual(known?.document, { client: "okta", externalId: "E1", emails, attributes });
  if (known === undefined) throw new Error("Cannot go on: the user is not found");
  const baseUrl = "https://directory.example.com/scim/v2";
  const resource = scimResourceOf(known, { client: "okta", baseUrl });
  t.deepEqual(resource, {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User", extension],
    id,
    externalId: "E1",
    userName: "Whole",
    title: "Tour Guide",
    active: true,
    emails,
    [extension]: { department: "Sales" },
    meta: {
      resourceType: "User",
      created: known.user.createdAt,
      lastModified: known.scimUpdatedAt,
      location: `${baseUrl}/Users/${id}`,
      version: 'W/"1"',
    },
  });
  t.false("externalId" in scimResourceOf(known, { client: "entra", baseUrl }));
  t.like(scimResourceOf({ ...known, revision: 3 }, { client: "okta", baseUrl }), {
    meta: { version: 'W/"1.3"' },
  });
  const past = { ...known, scimUpdatedAt: "2001-01-01T00:00:00.000Z" };
  t.like(scimResourceOf(past, { client: "okta", baseUrl }), {
    meta: { lastModified: known.user.updatedAt },
  });
});

test("what is no id of ours, or nobody's, is not found", async (t) => {
  for (const id of ["", "1", "null", "x".repeat(256), "00000000-0000-7000-8000-000000000000", "\0"])
    t.is(await knownById(db, id), undefined, id);
});

test("a userName is found without case, of a user without one by the primary address alone", async (t) => {
  const named = await provisioned("Ünal", { primarySmtp: "unal@reads.example" });
  t.deepEqual(idsOf((await find({ userName: "ÜNAL" })).named), [named]);
  t.deepEqual((await find({ userName: "unal@reads.example" })).named, []);
  const unnamed = await elsewhere("Strasse@reads.example");
  await rig.call("users.patch", { id: unnamed, secondarySmtps: ["second@reads.example"] });
  t.deepEqual(idsOf((await find({ userName: "STRASSE@reads.example" })).named), [unnamed]);
  for (const other of ["straße@reads.example", "second@reads.example", "strasse", "\0"])
    t.deepEqual((await find({ userName: other })).named, [], other);
});

test("the living come before the deleted, of whom the last one is the first, and who was erased in none", async (t) => {
  const ids: string[] = [];
  for (let n = 0; n < 4; n += 1) {
    ids.push(await provisioned("again", { primarySmtp: `again${n}@reads.example` }, { externalId: "same" }));
    if (n < 3) await remove(ids[n] ?? "");
  }
  const [first = "", second, third, living] = ids;
  await rig.call("users.erase", { id: first, reason: "asked for" });
  const expected = [living, third, second];
  t.deepEqual(idsOf((await find({ userName: "AGAIN" })).named), expected);
  t.deepEqual(idsOf((await find({ client: "okta", externalId: "same" })).assigned), expected);
  t.deepEqual((await find({ client: "okta", externalId: "SAME" })).assigned, []);
  t.deepEqual((await find({ client: "entra", externalId: "same" })).assigned, []);
  t.deepEqual((await find({ client: "okta", externalId: "\0" })).assigned, []);
  t.is(await knownById(db, first), undefined);
  t.truthy((await knownById(db, second ?? ""))?.deletedAt);
  const unnamed = await elsewhere("gone@reads.example");
  await remove(unnamed);
  t.deepEqual(idsOf((await find({ userName: "Gone@reads.example" })).named), [unnamed]);
});

test("whoever is limited to domains sees users with an address there", async (t) => {
  const asker = { id: "key:1", via: "key" as const, roles: [], domains: ["reads.example"] };
  const id = await provisioned("seen", { primarySmtp: "seen@elsewhere.example" });
  const user = async () => (await knownById(db, id))?.user as Parameters<typeof isSeenBy>[1];
  t.false(isSeenBy(asker, await user()));
  t.true(isSeenBy(null, await user()));
  await rig.call("users.patch", { id, secondarySmtps: ["seen@reads.example"] });
  t.true(isSeenBy(asker, await user()));
});
