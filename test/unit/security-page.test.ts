/** docs/security.md: every finding has its row, and a test that a row names is there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { repositoryRoot } from "../support/gate/run-tool.ts";

const findingsCount = 26;
const page = readFileSync(join(repositoryRoot, "docs/security.md"), "utf8");
const rows = [...page.matchAll(/^\| F(\d+) \| (.+) \| (.+) \| (.*?) ?\|$/gm)];

test("each of the 26 findings is told in order, with what became of it", (t) => {
  t.deepEqual(
    rows.map(([, number]) => Number(number)),
    Array.from({ length: findingsCount }, (_, index) => index + 1),
  );
  for (const [row, , , now = ""] of rows) t.regex(now, /\w{4}/, row);
});

test("a test that a finding names is there, and who names none says why it stays", (t) => {
  const tiers = ["unit", "contract", "integration", "system"];
  const files = new Set(tiers.flatMap((tier) => readdirSync(join(repositoryRoot, "test", tier))));
  for (const [row, , , now = "", tests = ""] of rows) {
    const named = [...tests.matchAll(/`([\w-]+\.test\.ts)`/g)].map(([, name = ""]) => name);
    for (const name of named) t.true(files.has(name), name);
    if (named.length === 0) t.regex(now, /^stays/, row);
  }
});
