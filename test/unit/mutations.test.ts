/** The mutations fit the code, the tests that they name are there, and docs/guarantees.md names them. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import { mutations } from "../mutations/list.ts";
import { applied, edit, hasTitle } from "../mutations/mutation.ts";
import {
  becomes,
  call,
  clause,
  condition,
  drops,
  type Operator,
  property,
  use,
} from "../mutations/operators.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** The rows of the table: what the first and the last column say. */
const rows = read("docs/guarantees.md")
  .split("\n")
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .filter(([, guarantee = ""]) => /^\d+[a-z]?$/.test(guarantee))
  .map((cells) => ({ guarantee: cells[1] ?? "", named: cells.at(-2) ?? "" }));

/** Of a test file and of the suites beside it that it runs. */
function textOf(file: string): string {
  const own = read(file);
  const beside = [...own.matchAll(/from "(\.\/[\w-]+\.ts)"/g)].map(([, path = ""]) =>
    join(dirname(file), path),
  );
  return [own, ...beside.map(read)].join("\n");
}

for (const { name, edits, file, title } of mutations) {
  test(`${name} applies, each edit once`, (t) => {
    const texts = new Map<string, string>();
    for (const edit of edits) {
      const text = applied(edit, texts.get(edit.file) ?? read(edit.file));
      t.not(text, texts.get(edit.file) ?? read(edit.file));
      texts.set(edit.file, text);
    }
  });

  test(`${name} names a test that is there`, (t) => {
    t.true(existsSync(join(root, file)));
    t.true(hasTitle(textOf(file), title), `${file} has no test "${title}"`);
  });
}

test("each guarantee has a mutation, and docs/guarantees.md names exactly its own", (t) => {
  t.true(rows.length > 20);
  for (const { guarantee, named } of rows) {
    const own = mutations.filter((mutation) => mutation.guarantee === guarantee);
    t.is(named, own.map(({ name }) => `\`${name}\``).join(", "), `the last column of ${guarantee}`);
    t.not(named, "", guarantee);
  }
  const known = rows.map(({ guarantee }) => guarantee);
  t.deepEqual(
    mutations.filter(({ guarantee }) => !known.includes(guarantee)),
    [],
  );
});

test("no two mutations share a name", (t) => {
  t.is(new Set(mutations.map(({ name }) => name)).size, mutations.length);
});

const sample = `
export const statement = sql\`select id from users
  where version   < \${version} and kind = 'a'\`;
export async function save(works: Work[]) {
  if (works.length === 0 || isOver()) return;
  for (const work of works) work.check();
  await store(works, { ttlMs: 5, kept: true });
}`;
const after = (within: string, operator: Operator): string =>
  applied(edit("a.ts", within, operator), sample).replaceAll(/\s+/g, " ");

test("an edit that fits in no place, or in two, is refused", (t) => {
  const refused = { message: /^Cannot mutate \w+ of a\.ts: .* is there \d times$/ };
  t.throws(() => after("load", drops(call("check"))), refused);
  t.throws(() => after("save", drops(call("lock"))), refused);
  t.throws(() => after("save", drops(use("works"))), refused);
});

test("a clause is found however it is spaced and whatever its parameter is", (t) => {
  const year = ["$", "{version}"].join("");
  t.true(after("statement", drops(clause("where version < … and"))).includes("users kind = 'a'"));
  t.true(after("statement", becomes(clause("< … and"), "<= … or")).includes(`version <= ${year} or kind`));
});

test("an operator touches what it names and nothing else", (t) => {
  t.true(after("save", drops(call("check"))).includes("for (const work of works) {} await store"));
  t.true(after("save", becomes(condition("isOver"), "!$")).includes("=== 0 || (!isOver())) return;"));
  t.true(after("save", drops(property("ttlMs"))).includes("store(works, { kept: true });"));
  t.true(after("save", becomes(call("store"), "[$1, $]")).includes("await [works, store(works,"));
});

test("a title is found as a text or as a template, and no other is", (t) => {
  const template = ["`", "$", "{kind}: another`"].join("");
  const text = `test("a fact", x);\ntest.serial(${template}, x);`;
  t.true(hasTitle(text, "a fact"));
  t.true(hasTitle(text, "rabbitmq: another"));
  t.false(hasTitle(text, "another"));
  t.false(hasTitle(text, "a"));
});
