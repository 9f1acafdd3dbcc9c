/** Statements of SQL stand where docs/architecture.md says, each by its name; all else goes through entities. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test from "ava";
import ts from "typescript";
import { nodesIn } from "../mutations/scope.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), "utf8");
/** What the tag is made of. */
const mechanism = ["mixins/postgres/columns.ts", "mixins/postgres/statement.ts"];

const files = ["mixins", "services"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true }).map((path) => `${folder}/${String(path)}`),
  )
  .filter((file) => file.endsWith(".ts"));

const section = read("docs/architecture.md").split("\n## Statements\n")[1]?.split("\n## ")[0] ?? "";
const listed = new Map(
  [...section.matchAll(/^\| `([^`]+\.ts)` \| ([^|]+) \| ([^|]+) \|$/gm)].map(
    ([, file = "", names = "", reason = ""]) => [
      file,
      { names: [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name), reason },
    ],
  ),
);

const isTagged = (node: ts.Node): boolean =>
  ts.isTaggedTemplateExpression(node) && node.tag.getText() === "sql";

/** The names at the top of a file under which something is written with the tag. */
function taggedNames(file: string): string[] {
  const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true);
  return source.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => [...declarationList.declarations])
    .filter((declaration) => nodesIn(declaration).some(isTagged))
    .map(({ name }) => name.getText());
}

test("the tag is imported by the files of the list, and no other", (t) => {
  const importing = files.filter((file) => /from "kysely"/.test(read(file)));
  t.deepEqual(
    importing.filter((file) => !mechanism.includes(file)).toSorted(),
    [...listed.keys()].toSorted(),
  );
});

test("each statement is named in the list, with why it is one", (t) => {
  for (const [file, { names, reason }] of listed) {
    t.deepEqual(taggedNames(file).toSorted(), names.toSorted(), file);
    t.not(reason.trim(), "", file);
  }
});

test("no statement is a text that MikroORM is given", (t) => {
  const given = files.filter((file) => /\bem\.execute[(<]|\bgetConnection\(\)\.execute[(<]/.test(read(file)));
  t.deepEqual(given, []);
});
