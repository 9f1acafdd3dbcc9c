/** What was typed, and where it leads: paths of pages, both ways. */
import test from "ava";
import { hrefOf, placeAt, queryText, type Screen } from "../../services/gateway/console/app/core/routes.ts";
import { madeAtMs, typedAs } from "../../services/gateway/console/app/core/typed.ts";

const id = "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";

test("A path leads back to the page that it was made for, whatever stands in it", (t) => {
  const texts = ["ann.lee@example.com", "a/b@example.com", "ä+?#%@exämple.com", "..", "new%20user", id];
  for (const screen of ["address", "user", "trace", "letter"] as const satisfies readonly Screen[])
    for (const text of texts) t.deepEqual(placeAt(hrefOf(screen, text)), { screen, id: text });
  for (const screen of ["home", "users", "newUser", "letters", "system", "audit", "settings"] as const)
    t.deepEqual(placeAt(hrefOf(screen)), { screen, id: "" });
});

test("A path that is no page's is nowhere, and a slash at its end is none", (t) => {
  for (const path of ["/", "/users", "/console/nothing", "/console/users/a/b", "/console/users/%E0%A4%A"])
    t.is(placeAt(path).screen, "nowhere", path);
  t.is(placeAt("/console/").screen, "home");
  t.is(placeAt("/console/users/").screen, "users");
});

test("A query leaves out what is empty", (t) => {
  t.is(queryText({ q: "ann lee", cursor: undefined, domain: "", limit: 2 }), "?q=ann+lee&limit=2");
  t.is(queryText({ q: "" }), "");
});

test("What was typed is told by its form", (t) => {
  const kinds: readonly (readonly [string, object])[] = [
    ["  ", { kind: "nothing" }],
    [" ann.lee@example.com ", { kind: "address", text: "ann.lee@example.com" }],
    ["Ann Lee <ann.lee@example.com>,", { kind: "address", text: "ann.lee@example.com" }],
    ["mailto:ann.lee@example.com", { kind: "address", text: "ann.lee@example.com" }],
    ["@example.com", { kind: "domain", text: "example.com" }],
    [id.toUpperCase(), { kind: "uuid", text: id }],
    ["import-4711", { kind: "word", text: "import-4711" }],
    [`X-Correlation-ID: ${id}`, { kind: "uuid", text: id }],
    ["< x-correlation-id: import-4711", { kind: "word", text: "import-4711" }],
    ["Ann Lee", { kind: "name", text: "Ann Lee" }],
    ["Jürgen", { kind: "name", text: "Jürgen" }],
  ];
  for (const [text, typed] of kinds) t.deepEqual(typedAs(text), typed as ReturnType<typeof typedAs>, text);
});

test("An access key is taken for nothing that is looked for, wherever it stands", (t) => {
  for (const text of ["mrk_live_7Hq2Zk0pXw4R_abc", "key: mrk_test_7Hq2", "a@b mrk_live_7Hq2"])
    t.deepEqual(typedAs(text), { kind: "secret" }, text);
});

test("The id of an event tells when it was made", (t) => {
  t.is(madeAtMs("01997b3a-0d10-7a52-8b7f-1f0c2d3e4f50"), 0x01997b3a0d10);
  t.is(madeAtMs("3f1d5c1e-9d55-4a0a-8f5e-6f1b0a7e2c9d"), undefined);
  t.is(madeAtMs("nothing"), undefined);
});
