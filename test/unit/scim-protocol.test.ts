/** Filters and patches of SCIM: what the RFC has, what identity providers send, and what is no filter at all. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { Refusal } from "../../services/contracts/errors.ts";
import { discovered } from "../../services/scim/discovery.ts";
import { fits } from "../../services/scim/evaluate.ts";
import { depthMax, filterCharsMax, parseFilter, parsePath, tokensOf } from "../../services/scim/filter.ts";
import { operationsIn, patched } from "../../services/scim/patch.ts";
import { projected } from "../../services/scim/projection.ts";
import { groupType, userType } from "../../services/scim/schemas.ts";
import { type Members, resourceIn } from "../../services/scim/values.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const vectors = <T>(name: string): T =>
  JSON.parse(readFileSync(join(repositoryRoot, "test/support/fixtures/scim", name), "utf8")) as T;

const scimTypeOf = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) return error.data.scimType;
    throw error;
  }
  return "none";
};

interface Filters {
  readonly users: readonly Members[];
  readonly cases: readonly { readonly f: string; readonly m?: readonly string[]; readonly valid?: false }[];
}
const filters = vectors<Filters>("filters.json");

for (const { f, m, valid } of filters.cases)
  test(`filter ${f} ${valid === false ? "is refused" : `finds ${m?.join(", ") || "nobody"}`}`, (t) => {
    if (valid === false) {
      t.is(
        scimTypeOf(() => parseFilter(userType, f)),
        "invalidFilter",
      );
      return;
    }
    const filter = parseFilter(userType, f);
    t.deepEqual(
      filters.users.filter((user) => fits(filter, user)).map(({ id }) => id),
      m as unknown[],
    );
  });

interface Patches {
  readonly base: Members;
  readonly cases: readonly {
    readonly n: string;
    readonly ops: readonly Members[];
    readonly want?: Members;
    readonly absent?: readonly string[];
    readonly error?: string;
  }[];
}
const patches = vectors<Patches>("patches.json");
const patch = (base: Members, ...Operations: readonly unknown[]): Members =>
  patched(userType, base, operationsIn({ Operations }));

const emailsOf = (value: unknown): unknown =>
  Array.isArray(value)
    ? value
        .map(({ primary = false, ...rest }) => ({ primary, ...rest }))
        .sort((a, b) => String(a.value).localeCompare(String(b.value)))
    : value;

for (const { n, ops, want = {}, absent = [], error } of patches.cases)
  test(`patch: ${n}`, (t) => {
    const before = structuredClone(patches.base);
    if (error !== undefined)
      t.is(
        scimTypeOf(() => patch(before, ...ops)),
        error,
      );
    else {
      const after = patch(before, ...ops);
      for (const [name, value] of Object.entries(want))
        t.deepEqual(emailsOf(after[name]), emailsOf(value), name);
      for (const name of absent) t.is(after[name], undefined, name);
    }
    t.deepEqual(before, patches.base);
  });

test("what Okta, OneLogin and Entra ID send beyond the vectors is understood", (t) => {
  const { base } = patches;
  const emails = (after: Members) => (after.emails as Members[]).map(({ value }) => value);
  t.deepEqual(
    emails(patch(base, { op: "remove", path: "emails", value: [{ value: "ann@home.example" }] })),
    ["ann@example.com"],
    "a remove with values",
  );
  t.is(patch(base, { op: "replace", value: { id: "9", displayName: "B" } }).displayName, "B");
  t.is(patch(base, { op: "replace", value: { noSuchThing: 1, active: "False" } }).active, false);
  const urn = `${enterprise}:department`;
  t.deepEqual(patch(base, { op: "Add", value: { [urn]: "Sales" } })[enterprise], { department: "Sales" });
  t.is(
    patch(patch(base, { op: "add", path: urn, value: "x" }), { op: "Remove", path: urn })[enterprise],
    undefined,
  );
  const dotted = patch(base, { op: "add", value: { 'emails[type eq "other"].value': "o@example.com" } });
  t.is(emails(dotted).length, 3);
  t.is(patch(base, { op: "replace", path: "displayName", value: "" }).displayName, undefined);
  const manager = patch(base, { op: "add", path: `${enterprise}:manager`, value: { value: "7" } });
  t.deepEqual(manager[enterprise], { manager: { value: "7" } });
});

test("a value that becomes primary takes it over", (t) => {
  const after = patch(patches.base, {
    op: "add",
    path: "emails",
    value: [{ value: "o@example.com", type: "other", primary: true }],
  });
  t.deepEqual(
    (after.emails as Members[]).map(({ primary }) => primary ?? false),
    [false, false, true],
  );
});

test("a replace for which no value fits makes one of a canonical type alone, and a remove is content", (t) => {
  const path = 'emails[value eq "x@example.com"]';
  t.is(
    scimTypeOf(() => patch(patches.base, { op: "replace", path, value: { type: "work" } })),
    "noTarget",
  );
  t.is(
    scimTypeOf(() => patch(patches.base, { op: "remove" })),
    "noTarget",
  );
  t.deepEqual(patch(patches.base, { op: "remove", path }), patches.base);
});

test("what is kept of a resource stands under the names of the table, and names of nobody are dropped", (t) => {
  const written = JSON.parse(
    `{"USERNAME":"ann","__proto__":{"admin":true},"constructor":1,"id":"x","password":"p","title":"","emails":{"VALUE":"a@b.c","primary":"True"}}`,
  ) as Members;
  t.deepEqual(resourceIn(userType, written), {
    userName: "ann",
    emails: [{ value: "a@b.c", primary: true }],
  });
  t.is(({} as Members).admin, undefined);
  t.is(
    scimTypeOf(() => resourceIn(userType, { displayName: "Ann" })),
    "invalidValue",
  );
  t.is(
    scimTypeOf(() => resourceIn(userType, { userName: 7 })),
    "invalidValue",
  );
});

test("of a resource is answered what is asked for, and always its id", (t) => {
  const user = { schemas: ["x"], ...patches.base };
  t.deepEqual(Object.keys(projected(userType, user, { attributes: ["USERNAME"] })), [
    "schemas",
    "id",
    "userName",
  ]);
  t.deepEqual(projected(userType, user, { attributes: ["name.familyName"] }).name, { familyName: "Lee" });
  const excluded = projected(userType, user, { excludedAttributes: ["id", "emails.type", "name"] });
  t.is(excluded.id, "1");
  t.is(excluded.name, undefined);
  t.deepEqual((excluded.emails as Members[])[1], { value: "ann@home.example" });
});

test("the documents tell of what there is, honestly", (t) => {
  const ask = (kind: "ServiceProviderConfig" | "ResourceTypes" | "Schemas", id?: string): Members =>
    discovered({ kind, id, baseUrl: "https://x/scim/v2" });
  t.deepEqual((ask("ServiceProviderConfig").bulk as Members).supported, false);
  t.is(ask("Schemas").totalResults, 3);
  t.is(ask("ResourceTypes", "Group").endpoint, "/Groups");
  t.throws(() => ask("Schemas", "nothing"), { instanceOf: Refusal });
});

test("a text of whatever length is read by its tokens once, and refused when it is long or deep", (t) => {
  const refuse = (why: string) => new Error(why);
  const open = `userName eq "${"\n".repeat(filterCharsMax - 20)}`;
  t.throws(() => tokensOf(open, refuse));
  fc.assert(
    fc.property(fc.string({ maxLength: 300, unit: "binary" }), (text) => {
      try {
        return tokensOf(text, refuse).length <= text.length;
      } catch (error) {
        return !(error instanceof TypeError || error instanceof SyntaxError);
      }
    }),
  );
  const nested = (depth: number) => `${"(".repeat(depth)}title pr${")".repeat(depth)}`;
  t.notThrows(() => parseFilter(userType, nested(depthMax)));
  for (const filter of [nested(depthMax + 1), `title eq "${"a".repeat(filterCharsMax)}"`, nested(2_000)])
    t.is(
      scimTypeOf(() => parseFilter(userType, filter)),
      "invalidFilter",
    );
});

const words = fc.constantFrom(
  ..."userName emails title name.familyName active meta.lastModified members value type __proto__ constructor".split(
    " ",
  ),
  ..."eq ne co sw ew gt ge lt le pr and or not ( ) [ ] . true null 7".split(" "),
  ...['"a"', '"True"', '"\\u0041"', '"', "\\", "'", `${enterprise}:manager`, "].value"],
);
const sentences = fc.array(words, { maxLength: 30 }).map((all) => all.join(" "));

test("no text does anything but be read or be refused", (t) => {
  fc.assert(
    fc.property(fc.oneof(sentences, fc.string({ unit: "binary" })), (text) => {
      for (const type of [userType, groupType]) {
        scimTypeOf(() => fits(parseFilter(type, text), filters.users[0]));
        scimTypeOf(() => parsePath(type, text));
      }
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});

test("no patch does anything but be done or be refused, and none reaches what is no resource", (t) => {
  const operation = fc.record(
    {
      op: fc.constantFrom("add", "Replace", "remove", "move"),
      path: fc.oneof(sentences, words),
      value: fc.oneof(fc.jsonValue(), fc.constant({ value: "a@b.c", type: "work" })),
    },
    { requiredKeys: ["op"] },
  );
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 5 }), (Operations) => {
      const before = structuredClone(patches.base);
      scimTypeOf(() => patch(before, ...Operations));
      return (
        Object.keys(Object.prototype).length === 0 && JSON.stringify(before) === JSON.stringify(patches.base)
      );
    }),
    { numRuns: 2_000 },
  );
  t.pass();
});
