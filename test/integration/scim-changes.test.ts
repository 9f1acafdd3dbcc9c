/** Changes of users by a client of SCIM, over HTTP: PUT, PATCH and DELETE, with versions and with what others changed. */
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";
import { patchOf, person, refusal, type ScimClient, scimClient, unique } from "../support/scim-client.ts";

let rig: Rig;
let scim: ScimClient;
test.before(async () => {
  rig = await startRig({ environment: { SCIM_DEFAULT_DOMAIN: "example.com" } });
  scim = scimClient(rig.url);
});
test.after.always(() => rig.stop());

const create = async (userName: string, more: object = {}) =>
  (await scim("POST", "/Users", person(userName, more))).body;
const stored = async (id: string) => (await rig.http("GET", `/users/${id}`)).body;
/** Of a user there is no event but the first, seen once a later one has come. */
async function onlyCreated(t: ExecutionContext, id: string): Promise<void> {
  await rig.http("PATCH", `/users/${id}`, { displayName: "A later change" });
  const { items } = await eventually(async () => {
    const { body } = await rig.http("GET", `/audit?userId=${id}`);
    if (body.items.at(-1)?.version !== 2) throw new Error("not yet there");
    return body;
  });
  t.is(items.length, 2);
}

test("PUT takes away what is left out, but for active, and ignores what is read-only", async (t) => {
  const name = unique("ann");
  const { id } = await create(name, { title: "Guide", active: false, externalId: "e" });
  const { status, body } = await scim(
    "PUT",
    `/Users/${id}`,
    person(name, { id: "other", meta: { version: "x" }, nickName: "A" }),
  );
  t.is(status, 200);
  t.like(body, { id, nickName: "A", active: false });
  t.false("title" in body || "externalId" in body);
  t.is((await scim("PUT", `/Users/${randomUUID()}`, person(name))).status, 404);
  t.is((await scim("PUT", `/Users/${"none"}`, person(name))).status, 404);
});

test("a write that changes nothing leaves version and date alone, and makes no event", async (t) => {
  const name = unique("ben");
  const sent = { title: "Guide", emails: [{ value: `${name}@example.com`, type: "work" }] };
  const made = await create(name, sent);
  const put = await scim("PUT", `/Users/${made.id}`, person(name, sent));
  t.deepEqual(put.body, made);
  const patched = await scim(
    "PATCH",
    `/Users/${made.id}`,
    patchOf({ op: "replace", path: "title", value: "Guide" }),
  );
  t.deepEqual([patched.status, patched.body], [200, made]);
  await onlyCreated(t, made.id);
});

test("a change of the document alone is another version to SCIM, and none of the user", async (t) => {
  const name = unique("cay");
  const made = await create(name);
  const { body, headers } = await scim(
    "PATCH",
    `/Users/${made.id}`,
    patchOf({ op: "add", path: "title", value: "Guide" }),
  );
  t.is(body.title, "Guide");
  t.not(headers.get("etag"), made.meta.version);
  t.true(body.meta.lastModified > made.meta.lastModified);
  t.is((await stored(made.id)).version, 1);
  await onlyCreated(t, made.id);
});

test("If-Match takes the version, weak or strong, and a stale one is 412", async (t) => {
  const { id, meta } = await create(unique("dee"));
  const change = (title: string, ifMatch: string) =>
    scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "title", value: title }), {
      "if-match": ifMatch,
    });
  const first = await change("One", meta.version);
  t.is(first.status, 200);
  t.is((await change("Two", meta.version)).status, 412);
  t.is((await change("Two", first.body.meta.version.replace("W/", ""))).status, 200);
  t.is((await scim("PUT", `/Users/${id}`, person(unique("dee")), { "if-match": meta.version })).status, 412);
  t.is((await scim("DELETE", `/Users/${id}`, undefined, { "if-match": meta.version })).status, 412);
  const { body } = await scim("GET", `/Users/${id}`);
  t.is((await scim("GET", `/Users/${id}`, undefined, { "if-none-match": body.meta.version })).status, 304);
  t.is((await scim("DELETE", `/Users/${id}`, undefined, { "if-match": body.meta.version })).status, 204);
});

test("a patch that can't be done is 400 with its word, and all of it is undone", async (t) => {
  const name = unique("eve");
  const { id, meta } = await create(name, { title: "Guide" });
  const cases: [object[], string][] = [
    [[{ op: "remove", path: "userName" }], "mutability"],
    [[{ op: "replace", path: "id", value: "x" }], "mutability"],
    [[{ op: "remove" }], "noTarget"],
    [[{ op: "replace", path: 'emails[type eq "odd"].value', value: "x@example.com" }], "noTarget"],
    [
      [
        { op: "replace", path: "title", value: "X" },
        { op: "replace", path: "nothing", value: 1 },
      ],
      "invalidPath",
    ],
    [[{ op: "move", path: "title" }], "invalidSyntax"],
    [[{ op: "replace", path: "active", value: "perhaps" }], "invalidValue"],
  ];
  for (const [operations, word] of cases)
    t.deepEqual(refusal(await scim("PATCH", `/Users/${id}`, patchOf(...operations))), [400, word], word);
  t.is((await scim("GET", `/Users/${id}`)).body.meta.version, meta.version);
  t.is((await scim("PATCH", `/Users/${id}`, patchOf({ op: "remove", path: "nickName" }))).status, 200);
});

test("an alias that an administrator added stays through a PUT of one e-mail, and is not shown", async (t) => {
  const name = unique("fay");
  const sent = { emails: [{ value: `${name}@example.com`, type: "work", primary: true }] };
  const { id } = await create(name, sent);
  await rig.http("PATCH", `/users/${id}`, { secondarySmtps: [`alias.${name}@example.com`] });
  const { body } = await scim("PUT", `/Users/${id}`, person(name, { ...sent, title: "New" }));
  t.deepEqual(body.emails, sent.emails);
  t.deepEqual((await stored(id)).secondarySmtps, [`alias.${name}@example.com`]);
  const moved = await scim(
    "PUT",
    `/Users/${id}`,
    person(name, { emails: [{ value: `new.${name}@example.com`, type: "work" }] }),
  );
  t.is(moved.body.emails.length, 1);
  t.like(await stored(id), {
    primarySmtp: `new.${name}@example.com`,
    secondarySmtps: [`${name}@example.com`, `alias.${name}@example.com`],
  });
});

test("a primary that an administrator chose stays while the provider says what it said before", async (t) => {
  const name = unique("flo");
  const sent = person(name, {
    emails: [{ value: `one.${name}@example.com` }, { value: `two.${name}@example.com` }],
  });
  const { body: made } = await scim("POST", "/Users", sent);
  t.is((await stored(made.id)).primarySmtp, `one.${name}@example.com`);
  await rig.http("PATCH", `/users/${made.id}`, { primarySmtp: `two.${name}@example.com` });
  const { body } = await scim("PUT", `/Users/${made.id}`, sent);
  t.is((await stored(made.id)).primarySmtp, `two.${name}@example.com`);
  t.deepEqual(body.emails, made.emails);
});

test("a user made elsewhere is known by the primary address, and a patch of anything else gives it no name", async (t) => {
  const address = `${unique("gus")}@example.com`;
  const { body: made } = await rig.http("POST", "/users", { displayName: "Gus", primarySmtp: address });
  const { body } = await scim("GET", `/Users/${made.id}`);
  t.like(body, {
    userName: address,
    displayName: "Gus",
    active: true,
    emails: [{ value: address, primary: true }],
  });
  const patched = await scim(
    "PATCH",
    `/Users/${made.id}`,
    patchOf({ op: "replace", path: "active", value: "False" }),
  );
  t.like(patched.body, { active: false, userName: address });
  t.like(await stored(made.id), { active: false, userName: null });
  const named = await scim(
    "PATCH",
    `/Users/${made.id}`,
    patchOf({ op: "replace", path: "userName", value: unique("gus") }),
  );
  t.is(named.status, 200);
  t.is((await stored(made.id)).userName, named.body.userName);
  t.is((await stored(made.id)).primarySmtp, address);
});

test("patches of one user at once are all done", async (t) => {
  const { id } = await create(unique("hal"));
  const names = ["title", "nickName", "locale", "preferredLanguage", "timezone"];
  const answers = await Promise.all(
    names.map((path) => scim("PATCH", `/Users/${id}`, patchOf({ op: "add", path, value: `a ${path}` }))),
  );
  t.deepEqual(
    answers.map(({ status }) => status),
    names.map(() => 200),
  );
  const { body } = await scim("GET", `/Users/${id}`);
  for (const name of names) t.is(body[name], `a ${name}`);
});

test("a userName that another user has, or is shown by, can't be given", async (t) => {
  const [one, two] = [unique("ian"), unique("ida")];
  await create(one);
  const { id } = await create(two);
  const rename = (value: string) =>
    scim("PATCH", `/Users/${id}`, patchOf({ op: "replace", path: "userName", value }));
  t.deepEqual(refusal(await rename(one.toUpperCase())), [409, "uniqueness"]);
  const address = `${unique("plain")}@example.com`;
  await rig.http("POST", "/users", { displayName: "Plain", primarySmtp: address });
  t.deepEqual(refusal(await rename(address)), [409, "uniqueness"]);
  t.is((await rename(two.toUpperCase())).status, 200);
});
