/** Groups of identity providers on a real PostgreSQL, over HTTP; whoever is limited to domains by a call. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test from "ava";
import { idempotency } from "../../mixins/idempotency.ts";
import { idempotencyEntities } from "../../mixins/idempotency-rows.ts";
import { params } from "../../mixins/moleculer/validation.ts";
import type { Principal } from "../../services/contracts/access.ts";
import { actions } from "../../services/contracts/actions.ts";
import { operations } from "../../services/gateway/routes/index.ts";
import { scimOperations } from "../../services/gateway/routes/scim.ts";
import { scimGroupEntities } from "../../services/scim/group-rows.ts";
import { groupActions } from "../../services/scim/groups.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Instance, type Rig, startGateway, startRig } from "../support/rig.ts";

const limits = { membersMax: 20_000, walkMsMax: 5_000 };
let rig: Rig;
let gateway: Instance;
let closeDb: () => Promise<void>;
/** Of the service's database. */
const lines: Record<string, unknown>[] = [];

test.before(async () => {
  rig = await startRig();
  const db = await openDatabase(rig.urls.users, [...scimGroupEntities, ...idempotencyEntities], {
    poolMax: 10,
    log: testLogger({ lines, level: "debug" }),
  });
  closeDb = db.close;
  const now = () => new Date();
  const keys = idempotency(db, { ttlMs: 60_000, now, log: testLogger({}) });
  const handlers = Object.entries(groupActions({ db, keys, now, limits }));
  const scim = {
    name: "scim",
    actions: Object.fromEntries(
      handlers.map(([name, handler]) => [
        name,
        { params: params(actions[`scim.${name}` as "scim.group-create"].params), handler },
      ]),
    ),
  };
  gateway = await startGateway({
    standIns: [scim as never],
    table: [...new Set([...operations, ...scimOperations])],
  });
});
test.after.always(async () => {
  await gateway.stop();
  await closeDb();
  await rig.stop();
});

const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await fetch(`${gateway.url}/scim/v2/Groups${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/scim+json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === "" ? undefined : JSON.parse(text) };
}

let made = 0;
const next = (): number => {
  made += 1;
  return made;
};
const nameOf = (title: string): string => `${title} ${next()}`;
async function user(domain = "groups.example", displayName = "Ann Lee"): Promise<string> {
  const primarySmtp = `u${next()}@${domain}`;
  return (await rig.call("users.create", { displayName, primarySmtp })).id;
}
const valued = (ids: readonly string[]) => ids.map((value) => ({ value }));
async function group(ids: readonly string[], more: object = {}): Promise<string> {
  const body = { schemas: [groupSchema], displayName: nameOf("group"), members: valued(ids), ...more };
  const answer = await call("POST", "", body);
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return answer.body.id;
}
const patch = (id: string, operations: readonly object[], headers: Record<string, string> = {}) =>
  call("PATCH", `/${id}`, { Operations: operations }, headers);
const membersOf = async (id: string): Promise<string[]> =>
  (await call("GET", `/${id}`)).body.members.map(({ value }: { value: string }) => value);
const search = (filter: string, more = "") => call("GET", `?filter=${encodeURIComponent(filter)}${more}`);
const idsOf = (answer: { body: { Resources: { id: string }[] } }): string[] =>
  answer.body.Resources.map(({ id }) => id);

/** What the statements of the work have returned, rows of groups and members alike. */
async function rowsRead(work: () => Promise<unknown>): Promise<number> {
  const from = lines.length;
  await work();
  return lines.slice(from).reduce((sum, { rows }) => sum + (typeof rows === "number" ? rows : 0), 0);
}

test("a group is answered as it was sent, its members by their ids, with version and location", async (t) => {
  const [ann, bob] = [await user(), await user("groups.example", "Bob Ray")];
  const displayName = nameOf("Sales");
  const answer = await call("POST", "", {
    schemas: [groupSchema],
    displayName,
    externalId: "g-1",
    members: [{ value: ann.toUpperCase(), display: "nobody" }, bob, { value: ann, type: "User" }],
    nonsense: 1,
  });
  t.is(answer.status, 201);
  t.is(answer.headers.get("etag"), 'W/"1"');
  const { id } = answer.body;
  const location = `${gateway.url}/scim/v2/Groups/${id}`;
  t.is(answer.headers.get("location"), location);
  const { created, lastModified } = answer.body.meta;
  const member = (value: string, display: string) => ({
    value,
    $ref: `${gateway.url}/scim/v2/Users/${value}`,
    display,
    type: "User",
  });
  t.deepEqual(answer.body, {
    schemas: [groupSchema],
    id,
    externalId: "g-1",
    meta: { resourceType: "Group", created, lastModified, location, version: 'W/"1"' },
    displayName,
    members: [member(ann, "Ann Lee"), member(bob, "Bob Ray")],
  });
  t.deepEqual((await call("GET", `/${id.toUpperCase()}`)).body, answer.body);
  t.is((await call("GET", `/${id}`, undefined, { "if-none-match": 'W/"1"' })).status, 304);
  const without = (await call("GET", `/${id}?excludedAttributes=members`)).body;
  t.false("members" in without);
  t.deepEqual(Object.keys((await call("GET", `/${id}?attributes=displayName`)).body), [
    "schemas",
    "id",
    "displayName",
  ]);
});

test("a name is one group's, compared without case, also of eight at once", async (t) => {
  const displayName = nameOf("Zürich");
  const all = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      call("POST", "", { displayName: n % 2 === 0 ? displayName : displayName.toUpperCase() }),
    ),
  );
  t.deepEqual(all.map(({ status }) => status).sort(), [201, 409, 409, 409, 409, 409, 409, 409]);
  t.is(all.find(({ status }) => status === 409)?.body.scimType, "uniqueness");
  const other = await group([]);
  t.like(await call("PUT", `/${other}`, { displayName }), { status: 409 });
  t.like(await patch(other, [{ op: "replace", path: "displayName", value: displayName }]), { status: 409 });
  t.is((await call("GET", `/${other}`)).headers.get("etag"), 'W/"1"');
});

test("what can't be a group or a member is refused, and nothing of it is kept", async (t) => {
  const [ann, gone] = [await user(), await user()];
  await rig.call("users.remove", { id: gone });
  for (const [body, scimType] of [
    [{ displayName: null }, "invalidValue"],
    [{ displayName: " " }, "invalidValue"],
    [{ displayName: "x".repeat(1_025) }, "invalidValue"],
    [{ displayName: 1 }, "invalidValue"],
    [{ members: [{ value: randomUUID() }] }, "invalidValue"],
    [{ members: [{ value: ann }, { value: gone }] }, "invalidValue"],
    [{ members: ["ann@groups.example"] }, "invalidValue"],
    [{ members: [{ type: "User" }] }, "invalidValue"],
    [{ members: [{ value: ann, type: "Group" }] }, "invalidValue"],
    [{ externalId: "x".repeat(257) }, "invalidValue"],
  ] as const) {
    const displayName = nameOf("refused");
    const answer = await call("POST", "", { displayName, ...body });
    t.like(answer, { status: 400, body: { scimType } }, JSON.stringify(body));
    t.is((await search(`displayName eq "${displayName}"`)).body.totalResults, 0);
  }
  const id = await group([ann]);
  for (const [operation, scimType] of [
    [{ op: "add", path: "members", value: [{ value: gone }] }, "invalidValue"],
    [{ op: "remove", path: "displayName" }, "mutability"],
    [{ op: "replace", path: "id", value: "x" }, "mutability"],
    [{ op: "replace", path: `members[value eq "${ann}"].display`, value: "x" }, "mutability"],
    [{ op: "replace", path: `members[value eq "${ann}"].value`, value: gone }, "mutability"],
    [{ op: "remove", path: 'members[display eq "Ann Lee"]' }, "invalidFilter"],
    [{ op: "remove" }, "noTarget"],
    [{ op: "add", path: "nothing", value: 1 }, "invalidPath"],
  ] as const)
    t.like(
      await patch(id, [{ op: "remove", path: "members" }, operation]),
      { status: 400, body: { scimType } },
      JSON.stringify(operation),
    );
  t.deepEqual(await membersOf(id), [ann]);
  for (const path of [`/${randomUUID()}`, "/1"])
    for (const method of ["GET", "PUT", "PATCH", "DELETE"])
      t.is(
        (
          await call(
            method,
            path,
            method === "PUT"
              ? { displayName: nameOf("x") }
              : method === "PATCH"
                ? { Operations: [{ op: "remove", path: "members" }] }
                : undefined,
          )
        ).status,
        404,
        method,
      );
});

test("members come and go as each identity provider says it, with 204 and a version for each change", async (t) => {
  const [ann, bob, cem] = [await user(), await user(), await user()];
  const id = await group([]);
  const steps: [object[], string[]][] = [
    [[{ op: "Add", path: "members", value: [{ value: ann }, { value: bob }] }], [ann, bob]],
    [[{ op: "Remove", path: `members[value eq "${ann}"]` }], [bob]],
    [[{ op: "add", value: { members: [{ value: cem }], displayName: nameOf("renamed") } }], [bob, cem]],
    [[{ op: "remove", path: "members", value: [{ value: cem }, { value: "nobody" }] }], [bob]],
    [[{ op: "replace", path: "members", value: [{ value: ann }, { value: cem }] }], [ann, cem]],
    [
      [
        { op: "remove", path: `members[value eq "${ann}" or value eq "${bob}"]` },
        { op: "add", path: "members", value: ann },
        { op: "remove", path: "members", value: cem },
      ],
      [ann],
    ],
    [[{ op: "remove", path: "members" }], []],
  ];
  for (const [at, [operations, want]] of steps.entries()) {
    const answer = await patch(id, operations);
    t.is(answer.status, 204, JSON.stringify(answer.body));
    t.is(answer.headers.get("etag"), `W/"${at + 2}"`);
    t.deepEqual(await membersOf(id), want, JSON.stringify(operations));
  }
  const answer = await call("PATCH", `/${id}?attributes=displayName`, {
    Operations: [{ op: "add", path: "externalId", value: "g-2" }],
  });
  t.is(answer.status, 200);
  t.truthy(answer.body.displayName);
});

test("what changes nothing writes nothing", async (t) => {
  const [ann, bob] = [await user(), await user()];
  const id = await group([ann], { externalId: "same" });
  const before = (await call("GET", `/${id}`)).body;
  for (const operation of [
    { op: "add", path: "members", value: [{ value: ann }] },
    { op: "add", path: "members", value: [] },
    { op: "remove", path: "members", value: [] },
    { op: "remove", path: `members[value eq "${bob}"]` },
    { op: "replace", path: "members", value: [{ value: ann }] },
    { op: "replace", value: { id, displayName: before.displayName } },
  ])
    t.is((await patch(id, [operation])).headers.get("etag"), 'W/"1"', JSON.stringify(operation));
  t.is((await call("PUT", `/${id}`, before)).headers.get("etag"), 'W/"1"');
  t.deepEqual((await call("GET", `/${id}`)).body, before);
  const put = await call("PUT", `/${id}`, { displayName: before.displayName });
  t.like(put.body, { members: [], meta: { version: 'W/"2"' } });
  t.false("externalId" in put.body);
});

test("a version that has passed is 412, and of eight writes that name one a single one is done", async (t) => {
  const members = await Promise.all(Array.from({ length: 8 }, () => user()));
  const id = await group([]);
  const answers = await Promise.all(
    members.map((value) =>
      patch(id, [{ op: "add", path: "members", value: [{ value }] }], { "if-match": 'W/"1"' }),
    ),
  );
  t.deepEqual(answers.map(({ status }) => status).sort(), [204, 412, 412, 412, 412, 412, 412, 412]);
  t.is((await membersOf(id)).length, 1);
  await Promise.all(members.map((value) => patch(id, [{ op: "add", path: "members", value: [{ value }] }])));
  t.deepEqual(await membersOf(id), members.toSorted());
  t.is((await call("GET", `/${id}`)).headers.get("etag"), 'W/"9"');
  t.is((await call("DELETE", `/${id}`, undefined, { "if-match": 'W/"1"' })).status, 412);
  t.is((await call("DELETE", `/${id}`, undefined, { "if-match": '"9"' })).status, 204);
  t.is((await call("DELETE", `/${id}`)).status, 404);
  const { rows } = await rig.usersDb.query("select from scim_group_members where group_id = $1", [id]);
  t.is(rows.length, 0);
});

test("a repeat of a key has one effect", async (t) => {
  const displayName = nameOf("once");
  const key = { "idempotency-key": randomUUID() };
  const answers = await Promise.all([1, 2].map(() => call("POST", "", { displayName }, key)));
  answers.push(await call("POST", "", { displayName }, key));
  t.deepEqual(new Set(answers.map(({ body }) => body.id)).size, 1);
  t.deepEqual(
    answers.map(({ status }) => status),
    [201, 201, 201],
  );
  const id = answers[0]?.body.id;
  const removal = { "idempotency-key": randomUUID() };
  t.is((await call("DELETE", `/${id}`, undefined, removal)).status, 204);
  const again = await call("DELETE", `/${id}`, undefined, removal);
  t.is(again.status, 204);
  t.is(again.headers.get("idempotent-replayed"), "true");
});

test("who is deleted is not shown, changes the tag, stays over a replace and is back with a restore", async (t) => {
  const [ann, bob] = [await user(), await user()];
  const id = await group([ann, bob]);
  await rig.call("users.remove", { id: bob });
  const answer = await call("GET", `/${id}`, undefined, { "if-none-match": 'W/"1"' });
  t.is(answer.status, 200, "the answer that the client has is another one");
  t.deepEqual(await membersOf(id), [ann]);
  t.is((await search(`members.value eq "${bob}"`)).body.totalResults, 0);
  const put = await call("PUT", `/${id}`, answer.body, { "if-match": answer.headers.get("etag") ?? "" });
  t.is(put.headers.get("etag"), answer.headers.get("etag"));
  t.is((await patch(id, [{ op: "add", path: "members", value: bob }])).status, 204, "is one already");
  await rig.call("users.restore", { id: bob });
  t.deepEqual(await membersOf(id), [ann, bob]);
  await rig.call("users.remove", { id: bob });
  t.is((await patch(id, [{ op: "remove", path: "members", value: bob }])).headers.get("etag"), 'W/"2"');
  await rig.call("users.restore", { id: bob });
  t.deepEqual(await membersOf(id), [ann]);
});

test("an erasure takes the memberships with it", async (t) => {
  const [ann, bob] = [await user(), await user()];
  const id = await group([ann, bob]);
  await rig.call("users.remove", { id: bob });
  await eventually(async () => {
    assert.equal((await rig.http("POST", `/users/${bob}/erase`, { reason: "asked" })).status, 204);
  });
  const { rows } = await rig.usersDb.query("select user_id from scim_group_members where group_id = $1", [
    id,
  ]);
  t.deepEqual(rows, [{ user_id: ann }]);
  t.is((await patch(id, [{ op: "add", path: "members", value: bob }])).status, 400);
});

test("a filter finds by name, id, external id and member, and by anything else", async (t) => {
  const [ann, bob] = [await user("filter.example", "Filter Ann"), await user("filter.example", "Filter Bob")];
  const displayName = nameOf("Fílter one");
  const one = await group([ann, bob], { displayName, externalId: "filter-1" });
  const two = await group([bob], { displayName: nameOf("Fílter two"), externalId: "filter-2" });
  for (const [filter, want] of [
    [`displayName eq "${displayName.toUpperCase()}"`, [one]],
    ['externalId eq "filter-2"', [two]],
    ['externalId eq "FILTER-2"', []],
    [`id eq "${one}"`, [one]],
    ['id eq "1"', []],
    ['displayName eq "\\u0000"', []],
    [`members.value eq "${bob}"`, [one, two]],
    [`members eq "${ann}"`, [one]],
    [`members[value eq "${ann}"]`, [one]],
    [`id eq "${two}" and members eq "${ann}"`, []],
    [`members eq "${ann}" and members eq "${bob}"`, [one]],
    ['displayName sw "fílter" and externalId pr', [one, two]],
    ['members[display eq "Filter Ann"]', [one]],
    [`externalId eq "filter-1" or externalId eq "filter-2"`, [one, two]],
    [`displayName sw "Fílter" and not (members.value eq "${ann}")`, [two]],
  ] as const) {
    const answer = await search(filter);
    t.is(answer.status, 200, filter);
    t.deepEqual(idsOf(answer), [...want], filter);
    t.is(answer.body.totalResults, want.length, filter);
  }
  const page = await search('displayName sw "Fílter"', "&startIndex=2&count=1&excludedAttributes=members");
  t.deepEqual(idsOf(page), [two]);
  t.like(page.body, { totalResults: 2, startIndex: 2, itemsPerPage: 1 });
  t.false("members" in page.body.Resources[0]);
  t.like(await search("nothing eq 1"), { status: 400, body: { scimType: "invalidFilter" } });
});

test.serial("pages follow one another in the order of creation", async (t) => {
  const own = [await group([]), await group([]), await group([])];
  const all: string[] = [];
  for (let startIndex = 1; ; startIndex += 2) {
    const { body } = await call("GET", `?startIndex=${startIndex}&count=2&attributes=id`);
    t.is(body.itemsPerPage, body.Resources.length);
    all.push(...body.Resources.map(({ id }: { id: string }) => id));
    if (body.Resources.length < 2) break;
  }
  t.is(new Set(all).size, all.length);
  t.deepEqual(
    all.filter((id) => own.includes(id)),
    own,
  );
  const none = await call("GET", "?count=0&startIndex=-5");
  t.like(none.body, { Resources: [], startIndex: 1, itemsPerPage: 0 });
  t.true(none.body.totalResults >= 3);
});

test.serial("a change of one member of many reads and writes that one alone", async (t) => {
  const [ann, bob] = [await user(), await user()];
  const id = await group([bob]);
  await rig.usersDb.query(
    "insert into scim_group_members select $1, gen_random_uuid() from generate_series(1, 50000)",
    [id],
  );
  await rig.usersDb.query("analyze scim_group_members");
  const read = await rowsRead(async () => {
    t.is((await patch(id, [{ op: "add", path: "members", value: ann }])).status, 204);
    t.is((await patch(id, [{ op: "remove", path: `members[value eq "${bob}"]` }])).status, 204);
    t.is((await search(`displayName pr`, "&excludedAttributes=members&count=200")).status, 200);
    t.is(
      (await search(`id eq "${id}" and members eq "${ann}"`, "&excludedAttributes=members")).body
        .totalResults,
      1,
    );
    t.is((await call("GET", `/${id}?excludedAttributes=members`)).status, 200);
  });
  t.true(read < 200, `${read} rows`);
  t.true(read > 5, "the statements are seen");
  for (const path of [`/${id}`, `?filter=${encodeURIComponent(`id eq "${id}"`)}`])
    t.like(await call("GET", path), { status: 400, body: { scimType: "tooMany" } }, path);
  t.is((await call("DELETE", `/${id}`)).status, 204);
});

test.serial(
  "a group of thousands is read and replaced in time before the server has counted them",
  async (t) => {
    const domain = `${next()}.many.example`;
    await rig.usersDb.query(
      `insert into users (id, display_name, primary_smtp, secondary_smtps, active, search_text, version, created_at, updated_at)
     select gen_random_uuid(), 'User ' || n, n || '@' || $1, '{}', true, '', 1, now(), now() from generate_series(1, 15000) n`,
      [domain],
    );
    const { rows } = await rig.usersDb.query<{ id: string }>(
      "select id from users where primary_smtp like $1",
      [`%@${domain}`],
    );
    const ids = rows.map((row) => row.id).toSorted();
    const id = await group(ids);
    t.deepEqual(await membersOf(id), ids);
    const { displayName } = (await call("GET", `/${id}?attributes=displayName`)).body;
    const put = (members: readonly string[]) =>
      call("PUT", `/${id}`, { displayName, members: valued(members) });
    t.is((await put(ids)).headers.get("etag"), 'W/"1"');
    t.is((await put(ids.slice(1))).body.members.length, 14_999);
  },
);

const limited = (client: string, ...domains: string[]): { user: Principal } => ({
  user: { id: `key:${client}`, via: "key", roles: ["provisioner"], client, domains },
});

test("whoever is limited to domains sees its own groups, and in them the members of its domains", async (t) => {
  const [near, far] = [await user("near.example"), await user("far.example")];
  const baseUrl = "https://scim.example";
  const foreign = await group([near]);
  const meta = limited("near", "near.example");
  const displayName = nameOf("near");
  const make = (members: string[]) =>
    gateway.call("scim.group-create", { resource: { displayName, members }, baseUrl }, meta);
  t.like(await t.throwsAsync(make([near, far])), { data: { scimType: "invalidValue" } });
  const id = String((await make([near])).resource?.id);
  await t.throwsAsync(gateway.call("scim.group-get", { id: foreign, baseUrl }, meta), {
    message: /none with this id/,
  });
  t.is((await patch(id, [{ op: "add", path: "members", value: far }])).status, 204, "nobody limits this one");
  const mine = async () => {
    const { resource } = await gateway.call("scim.group-list", { baseUrl }, meta);
    return (resource.Resources as { id: string; members: { value: string }[] }[]).map((each) => [
      each.id,
      each.members.map(({ value }) => value),
    ]);
  };
  t.deepEqual(await mine(), [[id, [near]]]);
  await gateway.call("scim.group-replace", { id, resource: { displayName, members: [] }, baseUrl }, meta);
  await gateway.call(
    "scim.group-patch",
    { id, patch: { Operations: [{ op: "remove", path: "members", value: far }] }, baseUrl },
    meta,
  );
  t.deepEqual(await mine(), [[id, []]]);
  t.deepEqual(await membersOf(id), [far]);
  await t.throwsAsync(gateway.call("scim.group-remove", { id: foreign }, meta), {
    message: /none with this id/,
  });
  const { resource } = await gateway.call(
    "scim.group-list",
    { baseUrl, filter: `members.value eq "${far}"` },
    meta,
  );
  t.is(resource.totalResults, 0);
});

test("an external id is its client's own", async (t) => {
  const baseUrl = "https://scim.example";
  const as = (client: string) => ({
    user: { id: `key:${client}`, via: "key", roles: ["provisioner"], client } as Principal,
  });
  const displayName = nameOf("owned");
  const { resource } = await gateway.call(
    "scim.group-create",
    { resource: { displayName, externalId: "mine" }, baseUrl },
    as("one"),
  );
  const id = String(resource?.id);
  const seen = async (client: string) =>
    (await gateway.call("scim.group-get", { id, baseUrl }, as(client))).resource?.externalId;
  t.deepEqual([await seen("one"), await seen("two")], ["mine", undefined]);
  await gateway.call("scim.group-replace", { id, resource: { displayName }, baseUrl }, as("two"));
  t.is(await seen("one"), "mine");
  await gateway.call(
    "scim.group-replace",
    { id, resource: { displayName, externalId: "theirs" }, baseUrl },
    as("two"),
  );
  t.deepEqual([await seen("one"), await seen("two")], [undefined, "theirs"]);
});
