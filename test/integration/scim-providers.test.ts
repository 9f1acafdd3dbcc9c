/** What identity providers send, in their order, as their documents and recorded traffic have it. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { makeKey } from "../support/keys.ts";
import { type Rig, startRig } from "../support/rig.ts";
import {
  enterpriseSchema,
  groupSchema,
  patchOf,
  type ScimClient,
  scimClient,
  unique,
  userSchema,
} from "../support/scim-client.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ environment: { AUTH: "required", SCIM_DEFAULT_DOMAIN: "example.com" } });
});
test.after.always(() => rig.stop());

/** Once the gateway knows its key. */
async function clientNamed(name: string, domains?: string[]): Promise<ScimClient> {
  const { key } = await makeKey(rig, "provisioner", { name, ...(domains && { domains }) });
  const scim = scimClient(rig.url, key);
  await eventually(async () => assert.equal((await scim("GET", "/Users?count=0")).status, 200));
  return scim;
}
const asked = (filter: string, more = ""): string => `?filter=${encodeURIComponent(filter)}${more}`;

/** The resources of a list, which must be one. */
async function found(t: ExecutionContext, scim: ScimClient, path: string) {
  const { status, body, headers } = await scim("GET", path);
  t.is(status, 200, path);
  t.is(headers.get("content-type"), "application/scim+json");
  t.deepEqual(body.schemas, ["urn:ietf:params:scim:api:messages:2.0:ListResponse"]);
  t.is(body.itemsPerPage, body.Resources.length);
  return body.Resources;
}

test("Entra ID tests, creates, matches, changes, disables, restores and deletes", async (t) => {
  const scim = await clientNamed("entra");
  t.deepEqual(await found(t, scim, `/Users${asked(`userName eq "${randomUUID()}"`)}`), []);
  const userName = `${unique("ann")}@example.com`;
  const made = await scim("POST", "/Users", {
    schemas: [userSchema, enterpriseSchema],
    externalId: "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
    userName,
    active: true,
    emails: [{ primary: true, type: "work", value: userName }],
    meta: { resourceType: "User" },
    name: { formatted: "Ann Lee", familyName: "Lee", givenName: "Ann" },
    roles: [],
    [enterpriseSchema]: { department: "Tours" },
  });
  t.is(made.status, 201);
  const { id } = made.body;
  const [match] = await found(t, scim, `/Users${asked(`userName eq "${userName.toUpperCase()}"`)}`);
  t.is(match.id, id);
  const mail = `new.${userName}`;
  const changed = await scim(
    "PATCH",
    `/Users/${id}`,
    patchOf(
      { op: "Replace", path: "displayName", value: "Ann Chen" },
      { op: "Replace", path: 'emails[type eq "work"].value', value: mail },
      { op: "Add", value: { "name.familyName": "Chen", [`${enterpriseSchema}:department`]: "Sales" } },
      { op: "Add", path: `${enterpriseSchema}:manager`, value: "boss" },
    ),
  );
  t.is(changed.status, 200);
  t.like(changed.body, {
    displayName: "Ann Chen",
    name: { familyName: "Chen", givenName: "Ann" },
    emails: [{ type: "work", value: mail, primary: true }],
    [enterpriseSchema]: { department: "Sales", manager: { value: "boss" } },
  });
  for (const filter of [`emails[type eq "work"].value eq "${mail}"`, `id eq "${id}"`])
    t.deepEqual(
      (await found(t, scim, `/Users${asked(filter)}`)).map((user: { id: string }) => user.id),
      [id],
    );
  const disabled = await scim(
    "PATCH",
    `/Users/${id}`,
    patchOf({ op: "Replace", path: "active", value: "False" }),
  );
  t.is(disabled.body.active, false);
  const enabled = await scim(
    "PATCH",
    `/Users/${id}`,
    patchOf({ op: "Replace", path: "active", value: "True" }),
  );
  t.is(enabled.body.active, true);
  t.is((await scim("DELETE", `/Users/${id}`)).status, 204);
  t.deepEqual(await found(t, scim, `/Users${asked(`userName eq "${userName}"`)}`), []);
});

test("Entra ID keeps a group in step without reading its members", async (t) => {
  const scim = await clientNamed("entra groups");
  const displayName = unique("Guides");
  const user = async () =>
    (await scim("POST", "/Users", { schemas: [userSchema], userName: unique("member") })).body.id;
  const [one, two] = [await user(), await user()];
  const look = `/Groups${asked(`displayName eq "${displayName}"`, "&excludedAttributes=members")}`;
  t.deepEqual(await found(t, scim, look), []);
  const made = await scim("POST", "/Groups", {
    schemas: [groupSchema, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
    externalId: unique("g"),
    displayName,
    meta: { resourceType: "Group" },
  });
  t.is(made.status, 201);
  const { id } = made.body;
  const change = (...operations: object[]) => scim("PATCH", `/Groups/${id}`, patchOf(...operations));
  t.true(
    [200, 204].includes(
      (await change({ op: "Add", path: "members", value: [{ $ref: null, value: one }, { value: two }] }))
        .status,
    ),
  );
  const members = async () =>
    ((await scim("GET", `/Groups/${id}`)).body.members ?? [])
      .map(({ value }: { value: string }) => value)
      .toSorted();
  t.deepEqual(await members(), [one, two].toSorted());
  t.false("members" in (await scim("GET", `/Groups/${id}?excludedAttributes=members`)).body);
  t.is((await found(t, scim, `/Groups${asked(`id eq "${id}" and members eq "${one}"`)}`)).length, 1);
  t.true(
    [200, 204].includes(
      (await change({ op: "Remove", path: "members", value: [{ $ref: null, value: one }] })).status,
    ),
  );
  t.deepEqual(await members(), [two]);
  t.true(
    [200, 204].includes(
      (await change({ op: "Replace", path: "displayName", value: `${displayName} 2` })).status,
    ),
  );
  t.is((await scim("DELETE", `/Groups/${id}`)).status, 204);
  t.is((await scim("GET", `/Groups/${id}`)).status, 404);
});

test("Okta imports, creates, replaces, deactivates and assigns again", async (t) => {
  const scim = await clientNamed("okta");
  const [first] = await found(t, scim, "/Users?count=1&startIndex=1");
  t.truthy(first === undefined || first.userName);
  const userName = `${unique("isaac")}@example.com`;
  const profile = {
    schemas: [userSchema],
    userName,
    name: { givenName: "Isaac", familyName: "Brock" },
    emails: [{ primary: true, value: userName, type: "work" }],
    displayName: "Isaac Brock",
    locale: "en-US",
    externalId: "00ujl29u0le5T6Aj10h7",
    groups: [],
    password: "1mz050nq",
    active: true,
  };
  t.deepEqual(
    await found(t, scim, `/Users${asked(`userName eq "${userName}"`, "&startIndex=1&count=100")}`),
    [],
  );
  const { status, body } = await scim("POST", "/Users", profile);
  t.is(status, 201);
  t.false("password" in body);
  t.is((await scim("POST", "/Users", { ...profile, externalId: "another" })).status, 409);
  const { body: read } = await scim("GET", `/Users/${body.id}`);
  const put = await scim("PUT", `/Users/${body.id}`, {
    ...read,
    name: { ...read.name, middleName: "Xavier" },
  });
  t.is(put.status, 200);
  t.is(put.body.name.middleName, "Xavier");
  const off = await scim("PATCH", `/Users/${body.id}`, patchOf({ op: "replace", value: { active: false } }));
  t.is(off.body.active, false);
  const back = await scim("POST", "/Users", profile);
  t.like(back, { status: 201, body: { id: body.id, active: true } });
  t.is((await scim("GET", "/Groups?startIndex=1&count=100")).status, 200);
});

test("OneLogin takes values away by a list of them, and replaces an address", async (t) => {
  const scim = await clientNamed("onelogin");
  const name = unique("olivia");
  const at = (local: string) => `${local}.${name}@example.com`;
  const { body } = await scim("POST", "/Users", {
    schemas: [userSchema],
    userName: name,
    emails: [
      { value: at("one"), type: "work", primary: true },
      { value: at("two"), type: "home" },
    ],
    phoneNumbers: [
      { value: "1", type: "work" },
      { value: "2", type: "mobile" },
    ],
  });
  const change = (...operations: object[]) => scim("PATCH", `/Users/${body.id}`, patchOf(...operations));
  const less = await change({ op: "remove", path: "phoneNumbers", value: [{ value: "1" }] });
  t.deepEqual(less.body.phoneNumbers, [{ value: "2", type: "mobile" }]);
  const gone = await change({ op: "remove", path: 'emails[type eq "home"]' });
  t.deepEqual(
    gone.body.emails.map(({ value }: { value: string }) => value),
    [at("one")],
  );
  const viewer = await asViewer();
  await eventually(async () => {
    const { status, body: user } = await rig.http("GET", `/users/${body.id}`, undefined, viewer);
    assert.deepEqual([status, user.secondarySmtps], [200, []]);
  });
  t.is((await change({ op: "replace", path: "active", value: false })).body.active, false);
});

async function asViewer(): Promise<Record<string, string>> {
  return { authorization: `Bearer ${(await makeKey(rig, "viewer")).key}` };
}

test("JumpCloud disables by a PUT, and knows its users by externalId", async (t) => {
  const scim = await clientNamed("jumpcloud");
  const name = unique("june");
  const externalId = unique("jc");
  const sent = {
    schemas: [userSchema],
    userName: name,
    externalId,
    name: { givenName: "June", familyName: "Hall" },
    emails: [{ value: `${name}@example.com`, type: "work", primary: true }],
    active: true,
  };
  const { body } = await scim("POST", "/Users", sent);
  const [match] = await found(t, scim, `/Users${asked(`externalId eq "${externalId}"`)}`);
  t.is(match.id, body.id);
  const put = await scim("PUT", `/Users/${body.id}`, { ...sent, id: body.id, active: false });
  t.like(put, { status: 200, body: { active: false } });
  const other = await clientNamed("somebody else");
  t.deepEqual(await found(t, other, `/Users${asked(`externalId eq "${externalId}"`)}`), []);
});

test("a key that is limited to domains sees and writes nobody else's", async (t) => {
  const [limited, all] = [await clientNamed("limited", ["one.example"]), await clientNamed("all")];
  const create = (scim: ScimClient, userName: string) =>
    scim("POST", "/Users", { schemas: [userSchema], userName });
  const inside = await create(limited, `${unique("in")}@one.example`);
  t.is(inside.status, 201);
  t.is((await create(limited, `${unique("out")}@two.example`)).status, 403);
  const theirs = await create(all, `${unique("theirs")}@two.example`);
  t.is((await limited("GET", `/Users/${theirs.body.id}`)).status, 404);
  t.is((await limited("DELETE", `/Users/${theirs.body.id}`)).status, 404);
  const seen = await found(t, limited, "/Users?count=200");
  t.deepEqual(
    seen.map(({ id }: { id: string }) => id),
    [inside.body.id],
  );
});
