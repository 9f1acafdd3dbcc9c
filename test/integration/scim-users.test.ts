/** Users as a client of SCIM writes them, over HTTP: each row of the contract's table (docs/adr/0056). */
import { randomUUID } from "node:crypto";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";
import {
  enterpriseSchema,
  patchOf,
  person,
  refusal,
  type ScimClient,
  scimClient,
  unique,
  userSchema,
} from "../support/scim-client.ts";

let rig: Rig;
let scim: ScimClient;
test.before(async () => {
  rig = await startRig({ environment: { SCIM_DEFAULT_DOMAIN: "example.com" } });
  scim = scimClient(rig.url);
});
test.after.always(() => rig.stop());

const create = (userName: string, more: object = {}) => scim("POST", "/Users", person(userName, more));
const stored = async (id: string) => (await rig.http("GET", `/users/${id}`)).body;

test("a created user is as it was sent, and its address is the one of its name", async (t) => {
  const name = unique("ann");
  const { status, body, headers } = await create(name, {
    name: { givenName: "Ann", familyName: "Lee" },
    title: "Guide",
    password: "secret",
    groups: [{ value: "x" }],
    unheardOf: 1,
    [enterpriseSchema]: { department: "Tours", manager: "boss-1" },
  });
  t.is(status, 201);
  t.like(body, {
    userName: name,
    active: true,
    title: "Guide",
    name: { givenName: "Ann", familyName: "Lee" },
  });
  t.deepEqual(body[enterpriseSchema], { department: "Tours", manager: { value: "boss-1" } });
  t.deepEqual(body.schemas, [userSchema, enterpriseSchema]);
  for (const absent of ["password", "groups", "unheardOf", "emails", "displayName"])
    t.false(absent in body, absent);
  t.like(body.meta, {
    resourceType: "User",
    version: headers.get("etag"),
    location: headers.get("location"),
  });
  t.like(await stored(body.id), {
    primarySmtp: `${name}@example.com`,
    displayName: "Ann Lee",
    userName: name,
  });
  const { body: again } = await scim("GET", `/Users/${body.id}`);
  t.deepEqual(again, body);
});

test("emails become the primary and the secondary addresses, each once", async (t) => {
  const name = unique("ben");
  const at = (local: string, more: object) => ({ value: `${local}.${name}@example.com`, ...more });
  const { body } = await create(name, {
    emails: [at("home", { type: "home" }), at("work", { type: "work" }), at("plain", {}), at("HOME", {})],
  });
  t.like(await stored(body.id), {
    primarySmtp: `work.${name}@example.com`,
    secondarySmtps: [`home.${name}@example.com`, `plain.${name}@example.com`],
  });
  t.deepEqual(body.emails, [
    at("home", { type: "home" }),
    at("work", { type: "work" }),
    at("plain", { type: "other" }),
  ]);
  const { body: two } = await create(unique("two"), {
    emails: [at("one2", { primary: true }), at("two2", { primary: true, type: "home" })],
  });
  t.is((await stored(two.id)).primarySmtp, `two2.${name}@example.com`);
  t.deepEqual(
    two.emails.map((email: { primary?: boolean }) => email.primary),
    [false, true],
  );
});

test("a taken userName or address is 409 uniqueness, never a suffix, and says why and until when", async (t) => {
  const name = unique("cay");
  const { body } = await create(name, { emails: [{ value: `first.${name}@example.com` }] });
  t.deepEqual(refusal(await create(name)), [409, "uniqueness"]);
  t.deepEqual(refusal(await create(name.toUpperCase())), [409, "uniqueness"]);
  const same = await create(unique("other"), { emails: [{ value: `First.${name}@example.com` }] });
  t.deepEqual(refusal(same), [409, "uniqueness"]);
  t.regex(
    same.body.detail,
    /^First\.cay\.\w+@example\.com is not available: (another user has it|somebody is about to get it)$/,
  );
  t.is((await scim("DELETE", `/Users/${body.id}`)).status, 204);
  const kept = await create(unique("other"), { emails: [{ value: `first.${name}@example.com` }] });
  t.deepEqual(refusal(kept), [409, "uniqueness"]);
  t.regex(kept.body.detail, /a deleted user had it, for whom it is kept until \d{4}-\d\d-\d\dT/);
  const blocked = await create(unique("other"), { emails: [{ value: "postmaster@example.com" }] });
  t.deepEqual(refusal(blocked), [409, "uniqueness"]);
  t.regex(blocked.body.detail, /nobody can have it/);
  const { body: plain } = await rig.http("POST", "/users", {
    displayName: "Elsewhere",
    primarySmtp: `made.${name}@example.com`,
  });
  t.deepEqual(refusal(await create(plain.primarySmtp, { emails: [{ value: `new.${name}@example.com` }] })), [
    409,
    "uniqueness",
  ]);
  const { body: free } = await rig.http("GET", `/smtp/new.${name}@example.com`);
  t.is(free.status, "available", "nothing is left behind");
});

test("of eight equal creates one is made", async (t) => {
  const name = unique("race");
  const answers = await Promise.all(Array.from({ length: 8 }, () => create(name)));
  t.deepEqual(answers.map(({ status }) => status).toSorted(), [201, ...Array(7).fill(409)]);
  for (const answer of answers) if (answer.status === 409) t.is(answer.body.scimType, "uniqueness");
});

test("what can't be is 400 with its word, and nobody is made", async (t) => {
  const before = (await scim("GET", "/Users?count=0")).body.totalResults;
  const many = Array.from({ length: 102 }, (_, index) => ({ value: `many.${index}@example.com` }));
  const cases: [object, string][] = [
    [{ schemas: [userSchema] }, "invalidValue"],
    [person(" "), "invalidValue"],
    [person(unique("bad"), { emails: [{ value: "no address" }] }), "invalidValue"],
    [person(unique("bad"), { emails: many }), "invalidValue"],
    [person(unique("bad"), { active: "perhaps" }), "invalidValue"],
    [person("two words"), "invalidValue"],
    [person(unique("bad"), { title: "x".repeat(40_000) }), "invalidValue"],
    [person("x".repeat(300), { emails: [{ value: `${unique("long")}@example.com` }] }), "invalidValue"],
  ];
  for (const [body, word] of cases)
    t.deepEqual(refusal(await scim("POST", "/Users", body)), [400, word], JSON.stringify(body).slice(0, 100));
  t.deepEqual(refusal(await scim("POST", "/Users", "{")), [400, "invalidSyntax"]);
  await eventually(async () => {
    if ((await scim("GET", "/Users?count=0")).body.totalResults < before) throw new Error("fewer");
  });
});

test("who was deleted and is created again is back under the same id, as it is wanted now", async (t) => {
  const name = unique("dee");
  const { body } = await create(name, { externalId: "e-1", emails: [{ value: `old.${name}@example.com` }] });
  await scim("DELETE", `/Users/${body.id}`);
  t.is((await scim("GET", `/Users/${body.id}`)).status, 404);
  t.is((await scim("DELETE", `/Users/${body.id}`)).status, 404);
  const back = await create(name.toUpperCase(), {
    externalId: "e-1",
    title: "Back",
    emails: [{ value: `new.${name}@example.com` }],
  });
  t.is(back.status, 201);
  t.like(back.body, { id: body.id, userName: name.toUpperCase(), title: "Back", active: true });
  t.like(await stored(body.id), {
    primarySmtp: `new.${name}@example.com`,
    secondarySmtps: [`old.${name}@example.com`],
  });
  await scim("DELETE", `/Users/${body.id}`);
  const other = await create(name, { externalId: "e-2", emails: [{ value: `third.${name}@example.com` }] });
  t.is(other.status, 201);
  t.not(other.body.id, body.id, "another externalId is another person");
});

test("an inactive user of this client is active again by a create with the externalId", async (t) => {
  const name = unique("eve");
  const externalId = unique("okta");
  const { body } = await create(name, { externalId });
  await scim("PATCH", `/Users/${body.id}`, patchOf({ op: "replace", value: { active: false } }));
  t.is((await scim("GET", `/Users/${body.id}`)).body.active, false);
  const back = await create(name, { externalId });
  t.is(back.status, 201);
  t.like(back.body, { id: body.id, active: true });
  t.deepEqual(refusal(await create(name, { externalId })), [409, "uniqueness"]);
});

test("a repeat under its key gets the first answer, also of a create that restores", async (t) => {
  const name = unique("fay");
  const key = { "idempotency-key": randomUUID() };
  const first = await scim("POST", "/Users", person(name), key);
  const again = await scim("POST", "/Users", person(name), key);
  t.deepEqual([again.status, again.body], [201, first.body]);
  t.is(again.headers.get("idempotent-replayed"), "true");
  await scim("DELETE", `/Users/${first.body.id}`);
  const other = { "idempotency-key": randomUUID() };
  const back = await scim("POST", "/Users", person(name), other);
  const same = await scim("POST", "/Users", person(name), other);
  t.deepEqual([same.status, same.body], [201, back.body]);
  t.is((await scim("POST", "/Users", person(unique("fay")), other)).status, 422);
});
