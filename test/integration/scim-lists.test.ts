/** Lists of users for clients of SCIM: what indexes find is what a look at everybody finds; pages, totals, bounds. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import type { Database } from "../../mixins/postgres/database.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { fits } from "../../services/scim/evaluate.ts";
import { parseFilter } from "../../services/scim/filter.ts";
import { stateWanted } from "../../services/scim/mapping.ts";
import { listedPage } from "../../services/scim/paging.ts";
import { knownById, scimResourceOf } from "../../services/scim/read.ts";
import { userType } from "../../services/scim/schemas.ts";
import { type ListAsker, listLimits, userLists } from "../../services/scim/user-lists.ts";
import { type Members, resourceIn } from "../../services/scim/values.ts";
import { UserRow } from "../../services/users/entities.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, startRig } from "../support/rig.ts";

const baseUrl = "https://directory.example.com/scim/v2";
/** So that few users are many pages. */
const small = { ...listLimits, rowsMax: 3, markEvery: 5 };
const okta: ListAsker = { client: "okta", domains: undefined };

interface World {
  readonly rig: Rig;
  readonly db: Database;
  create(resource: Members, client?: string): Promise<string>;
  remove(id: string): Promise<unknown>;
  /** Whom a filter finds, by the list. */
  found(filter: string, asker?: ListAsker): Promise<unknown[]>;
  close(): Promise<void>;
}

async function world(): Promise<World> {
  const rig = await startRig({ services: ["users", "smtp-registry"] });
  const db = await openDatabase(rig.urls.users, [UserRow], { poolMax: 4 });
  const lists = userLists({ db, walks: db, nowMs: () => performance.now(), limits: small });
  return {
    rig,
    db,
    async create(resource, client = "okta") {
      const { user, scim } = stateWanted(undefined, resourceIn(userType, resource), {
        client,
        defaultDomain: "default.example",
      });
      return (await rig.call("users.provision", { user, scim: { ...scim, emails: [...scim.emails] } })).user
        .id;
    },
    remove: (id) => rig.call("users.remove", { id }),
    async found(filter, asker = okta) {
      const list = await listedPage([lists(asker)], { filter, baseUrl, count: 200 });
      const ids = (list.Resources as Members[]).map(({ id }) => id);
      if (list.totalResults !== ids.length) throw new Error(`The total of ${filter} is another one`);
      return ids;
    },
    async close() {
      await db.close();
      await rig.stop();
    },
  };
}

const idsIn = (list: Members): string[] => (list.Resources as Members[]).map(({ id }) => String(id));
const scimTypeOf = (error: unknown): unknown => (error instanceof Refusal ? error.data.scimType : error);

interface Vectors {
  readonly users: readonly (Members & {
    readonly id: string;
    readonly meta: { readonly lastModified: string };
  })[];
  readonly cases: readonly { readonly f: string; readonly m?: readonly string[]; readonly valid?: false }[];
}
const vectors = JSON.parse(
  readFileSync(join(repositoryRoot, "test/support/fixtures/scim/filters.json"), "utf8"),
) as Vectors;

test("the list finds for every filter of the vectors whom it should", async (t) => {
  const here = await world();
  t.teardown(here.close);
  const names = new Map<string, string>();
  for (const { id, meta, ...user } of vectors.users) {
    const ours = await here.create(user);
    names.set(ours, id);
    for (const [table, column] of [
      ["users", "id"],
      ["scim_users", "user_id"],
    ])
      await here.rig.usersDb.query(`update ${table} set updated_at = $1 where ${column} = $2`, [
        meta.lastModified,
        ours,
      ]);
  }
  for (const { f, m, valid } of vectors.cases)
    if (valid === false) t.is(scimTypeOf(await t.throwsAsync(here.found(f))), "invalidFilter", f);
    else
      t.deepEqual(
        (await here.found(f)).map((id) => names.get(String(id))),
        m as string[],
        f,
      );
});

const words = ["ann", "Bob", "ünal", "Straße", "carol"];
const domains = ["one.example", "two.example", "bücher.example"];
const address = fc
  .tuple(fc.constantFrom(...words), fc.nat(5), fc.constantFrom(...domains))
  .map(([word, n, domain]) => `${word}${n}@${domain}`);
const person = fc.record({
  client: fc.constantFrom("okta", "entra", "nobody"),
  isDeleted: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  resource: fc.record(
    {
      userName: fc.oneof(address, fc.constantFrom(...words)),
      externalId: fc.constantFrom("E1", "e1", "E2"),
      title: fc.constantFrom(...words),
      active: fc.boolean(),
      emails: fc.array(fc.record({ value: address, type: fc.constantFrom("work", "home") }), {
        maxLength: 2,
      }),
    },
    { requiredKeys: ["userName"] },
  ),
});

/** Users as they come; an address or a name that is taken makes none. */
async function populated(here: World): Promise<Members[]> {
  const ids: string[] = [];
  for (const { client, isDeleted, resource } of fc.sample(person, 60)) {
    const primarySmtp = String(resource.emails?.[0]?.value ?? "else@one.example");
    const made =
      client === "nobody"
        ? here.rig.call("users.create", { displayName: "Somebody", primarySmtp }).then(({ id }) => id)
        : here.create(resource, client);
    const id = await made.catch(() => undefined);
    if (id === undefined) continue;
    if (isDeleted) await here.remove(id);
    else ids.push(id);
  }
  const users = await Promise.all(ids.toSorted().map((id) => knownById(here.db, id)));
  return users as never;
}

const spelling = fc.constantFrom<(text: string) => string>(
  (text) => text,
  (text) => text.toUpperCase(),
  (text) => text.toLowerCase(),
);

type Shown = Parameters<typeof scimResourceOf>[0];

function pairsOf(known: Shown): [string, unknown][] {
  const { userName, emails = [], title } = scimResourceOf(known, { client: "okta", baseUrl });
  const values = (emails as Members[]).flatMap(({ value }): [string, unknown][] => [
    ["emails.value", value],
    ['emails[type eq "work"].value', value],
  ]);
  const { externalId } = known.document ?? {};
  const others: [string, unknown][] = [
    ["userName", userName],
    ["id", known.user.id],
    ["externalId", externalId],
    ["title", title],
  ];
  return [...others, ...values].filter(([, value]) => value != null);
}

test("what the indexes find is what a look at everybody finds, for any filter and any asker", async (t) => {
  const here = await world();
  t.teardown(here.close);
  const users = (await populated(here)) as unknown as Shown[];
  t.true(users.length > 15, `${users.length}`);
  const attributes = ["userName", "emails", "emails.value", 'emails[type eq "work"].value', "externalId"];
  const pair = fc.tuple(
    fc.constantFrom(...attributes, "id", "title"),
    fc.oneof(address, fc.constant("a\0b")),
  );
  const quoted = (text: unknown, spell: (text: string) => string) => JSON.stringify(spell(String(text)));
  /** What somebody has, by an index. */
  const lookUp = fc
    .tuple(fc.constantFrom(...users.flatMap(pairsOf)), spelling)
    .map(([[name, value], spell]) => `${name} eq ${quoted(value, spell)}`);
  const comparison = fc
    .tuple(
      fc.oneof(pair, fc.constantFrom(...users.flatMap(pairsOf))),
      fc.constantFrom("eq", "ne", "co", "sw"),
      spelling,
    )
    .map(([[name, value], by, spell]) => `${name} ${by} ${quoted(value, spell)}`);
  const { filter } = fc.letrec<{ filter: string }>((tie) => ({
    filter: fc.oneof(
      { depthSize: "small" },
      lookUp,
      comparison,
      fc.constantFrom("active eq true", "title pr"),
      fc
        .tuple(tie("filter"), fc.constantFrom("and", "or"), tie("filter"))
        .map((parts) => `(${parts.join(" ")})`),
      tie("filter").map((inner) => `not (${inner})`),
      comparison.map((inner) => (inner.startsWith("emails.value") ? `emails[${inner.slice(7)}]` : inner)),
    ),
  }));
  const asker = fc.record({
    client: fc.constantFrom("okta", "entra"),
    domains: fc.constantFrom(undefined, ["one.example"], ["two.example", "xn--bcher-kva.example"]),
  });
  const isSeen = ({ user }: (typeof users)[number], allowed: readonly string[] | undefined): boolean =>
    allowed === undefined ||
    [user.primarySmtp, ...user.secondarySmtps].some((each) =>
      allowed.includes(each.replace(/^.*@/, "").replace("bücher", "xn--bcher-kva")),
    );
  await fc.assert(
    fc.asyncProperty(filter, asker, async (written, who) => {
      const parsed = parseFilter(userType, written);
      const expected = users
        .filter((known) => isSeen(known, who.domains))
        .filter((known) => fits(parsed, scimResourceOf(known, { client: who.client, baseUrl })))
        .map(({ user }) => user.id);
      t.deepEqual(await here.found(written, who), expected, written);
    }),
    { numRuns: 150 },
  );
  t.pass();
});

/** `count` users of two domains in turn, oldest first, and one who was deleted behind each third. */
async function manyUsers(here: World, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const domain = n % 2 === 0 ? "even.example" : "odd.example";
    const name = `many${n}@${domain}`;
    ids.push(await here.create({ userName: name, emails: [{ value: name }, { value: `second.${name}` }] }));
    if (n % 3 === 0) await here.remove(await here.create({ userName: `gone${n}@${domain}` }));
  }
  return ids;
}

test("pages show every living user once, in the order of ids, and whoever is limited those of their domains", async (t) => {
  const here = await world();
  t.teardown(here.close);
  const ids = await manyUsers(here, 23);
  const lists = userLists({ db: here.db, walks: here.db, nowMs: () => performance.now(), limits: small });
  for (const [allowed, expected] of [
    [undefined, ids],
    [["even.example", "odd.example"], ids],
    [["odd.example", "none.example"], ids.filter((_, n) => n % 2 === 1)],
    [["none.example"], []],
  ] as const)
    for (const filter of [undefined, 'userName co "example"', 'userName co "example" and active eq true']) {
      const list = lists({ client: "okta", domains: allowed });
      const paged: string[] = [];
      for (let startIndex = 1; startIndex <= expected.length + 4; startIndex += 4) {
        const page = await listedPage([list], { baseUrl, startIndex, count: 4, ...(filter && { filter }) });
        t.like(page, { totalResults: expected.length, startIndex }, `${filter} from ${startIndex}`);
        t.is(page.itemsPerPage, idsIn(page).length);
        paged.push(...idsIn(page));
      }
      t.deepEqual(paged, expected, filter);
    }
});

test("count and startIndex are read as RFC 7644 has them, and what is asked for alone is shown", async (t) => {
  const here = await world();
  t.teardown(here.close);
  const [first] = await manyUsers(here, 3);
  const list = userLists({ db: here.db, walks: here.db, nowMs: () => performance.now() })(okta);
  const asked = (params: object) => listedPage([list], { baseUrl, ...params });
  t.like(await asked({ startIndex: -7 }), { startIndex: 1, itemsPerPage: 3, totalResults: 3 });
  t.like(await asked({ count: -1 }), { itemsPerPage: 0, totalResults: 3, Resources: [] });
  t.like(await asked({ count: 0, filter: "userName pr" }), { itemsPerPage: 0, totalResults: 3 });
  t.like(await asked({ count: 1_000, startIndex: 3 }), { startIndex: 3, itemsPerPage: 1, totalResults: 3 });
  t.like(await asked({ startIndex: Number.MAX_SAFE_INTEGER }), { itemsPerPage: 0, totalResults: 3 });
  const { Resources } = await asked({ count: 1, attributes: ["userName"] });
  const schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"];
  t.deepEqual(Resources, [{ schemas, id: first, userName: "many0@even.example" }]);
  const both = await listedPage([list, list], { baseUrl, startIndex: 3, count: 2 });
  t.like(both, { totalResults: 6, startIndex: 3, itemsPerPage: 2 });
  t.is(idsIn(both)[1], first);
});

test("a total is 2 s old at most, and never less than what is shown", async (t) => {
  const here = await world();
  t.teardown(here.close);
  await manyUsers(here, 4);
  let nowMs = 0;
  const list = userLists({ db: here.db, walks: here.db, nowMs: () => nowMs, limits: small })(okta);
  const totalAt = async (ms: number, params: object) => {
    nowMs = ms;
    return (await listedPage([list], { baseUrl, ...params })).totalResults;
  };
  t.is(await totalAt(0, { count: 1 }), 4);
  for (const n of [1, 2]) await here.create({ userName: `new${n}@even.example` });
  t.is(await totalAt(1_999, { count: 1 }), 4);
  t.is(await totalAt(1_999, { count: 5 }), 5);
  t.is(await totalAt(1_999, { count: 200 }), 6);
  t.is(await totalAt(2_000, { count: 1 }), 6);
});

test("a filter that no index knows is given up after its time, and one that an index knows is not", async (t) => {
  const here = await world();
  t.teardown(here.close);
  const [first] = await manyUsers(here, 8);
  let nowMs = 0;
  const nextMs = (): number => {
    nowMs += 3_000;
    return nowMs;
  };
  const list = userLists({ db: here.db, walks: here.db, nowMs: nextMs, limits: small })(okta);
  const asked = (filter: string) => listedPage([list], { baseUrl, filter });
  const error = await t.throwsAsync(asked('userName co "many"'));
  t.is(scimTypeOf(error), "tooMany");
  t.deepEqual(idsIn(await asked('userName eq "many0@even.example" and userName co "many"')), [first]);
});

test("of many who ask the same at once those who wait share one answer, and a later one is newer", async (t) => {
  const here = await world();
  t.teardown(here.close);
  await manyUsers(here, 2);
  let reads = 0;
  let others: Promise<Members>[] = [];
  // The others ask when the first one is being answered.
  const walks: Database = {
    ...here.db,
    read(work) {
      reads += 1;
      if (reads === 1) others = Array.from({ length: 40 }, asked);
      return here.db.read(work);
    },
  };
  const list = userLists({ db: here.db, walks, nowMs: () => performance.now() })(okta);
  const asked = () => listedPage([list], { baseUrl, filter: 'userName co "example"' });
  t.is((await asked()).totalResults, 2);
  for (const { totalResults } of await Promise.all(others)) t.is(totalResults, 2);
  t.is(reads, 2);
  await here.create({ userName: "later@even.example" });
  t.is((await asked()).totalResults, 3);
});
