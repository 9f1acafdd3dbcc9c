/** The page of retention knows every table. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";

const root = join(import.meta.dirname, "../..");

test("docs/retention.md says of every table of the migrations why it is bounded, or need not be", (t) => {
  const page = readFileSync(join(root, "docs/retention.md"), "utf8");
  const migrations = ["users", "registry"].flatMap((name) => {
    const folder = join(root, "migrations", name);
    return readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  });
  const tables = migrations.flatMap((text) =>
    [...text.matchAll(/create table (\w+)/g)].map(([, table]) => table ?? ""),
  );
  t.true(tables.length >= 10);
  t.deepEqual(
    tables.filter((table) => !page.includes(`| \`${table}\``)),
    [],
  );
});
