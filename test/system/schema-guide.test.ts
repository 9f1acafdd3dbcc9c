/** docs/guides/schema-evolution.md does what it says, section by section, each in a clean working copy. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { runBlocks, sectionsOf, workingCopy } from "../support/executable-page.ts";
import { repositoryRoot } from "../support/gate/run-tool.ts";

const page = readFileSync(join(repositoryRoot, "docs/guides/schema-evolution.md"), "utf8");
/** Needs a git repository with nothing uncommitted, and runs the whole gate. */
const notRunHere = "Cutting a release";
const sections = [...sectionsOf(page)].filter(([title]) => title !== notRunHere);

test("the guide has its three walks", (t) => {
  t.deepEqual(
    sections.map(([title]) => title),
    ["An optional member", "A new event", "A breaking change"],
  );
});

for (const [title, blocks] of sections)
  test.serial(`the guide's walk through ${title.toLowerCase()} goes as told`, async (t) => {
    const copy = await workingCopy();
    try {
      t.deepEqual(await runBlocks(blocks, copy.folder), []);
    } finally {
      copy.remove();
    }
  });
