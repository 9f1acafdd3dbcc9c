/** mixins/patches/README.md is the truth about what reaches into a library, and for which version it was made. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { repositoryRoot } from "../support/gate/run-tool.ts";

const page = "mixins/patches/README.md";
const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const manifestOf = (library: string) =>
  JSON.parse(read(`node_modules/${library}/package.json`)) as {
    version: string;
    dependencies: Record<string, string>;
  };
const unquoted = (cell: string): string => cell.replaceAll("`", "");

const rows = read(page)
  .split("\n")
  .filter((line) => line.startsWith("| `"))
  .map((line) => {
    const [place = "", madeFor = "", why = "", upstream = "", goes = "", look = "", heldBy = ""] = line
      .slice(2, -2)
      .split(" | ");
    const [library = "", version = ""] = madeFor.split(" ");
    return { place: unquoted(place), library, version, why, upstream, goes, look, heldBy };
  });

for (const { place, library, version, look, heldBy, goes } of rows)
  test(`${place} is made for the ${library} that is installed`, (t) => {
    const { version: installed } = manifestOf(library);
    t.is(
      installed,
      version,
      `${library} is ${installed}. Can the patch go (${goes})? Else look again at ${look}, run ${heldBy}, and write the version into ${page}`,
    );
  });

test("every patch has its row, and every row its place, reason, upstream, end and tests", (t) => {
  const places = rows.map(({ place }) => place);
  const patches = globSync("mixins/patches/*.ts", { cwd: repositoryRoot }).sort();
  t.deepEqual(places.filter((place) => place.startsWith("mixins/patches/")).sort(), patches);
  for (const { place, heldBy, ...cells } of rows) {
    t.true(existsSync(join(repositoryRoot, place)), place);
    for (const [name, cell] of Object.entries(cells)) t.true(cell.length > 0, `${name} of ${place}`);
    for (const file of heldBy.split(", ").map(unquoted)) t.true(existsSync(join(repositoryRoot, file)), file);
  }
});

const { overrides } = JSON.parse(read("package.json")) as { overrides: Record<string, string> };
const askedBy: Readonly<Record<string, string>> = { kysely: "@mikro-orm/postgresql", "sonic-boom": "pino" };
for (const [whose, by] of Object.entries(overrides)) {
  const who = askedBy[whose] ?? "nobody";
  test(`${who} still asks for an older ${whose} than the override`, (t) => {
    const asked = (manifestOf(who).dependencies[whose] ?? "").replace(/^\^/, "");
    t.true(
      asked.localeCompare(by, "en", { numeric: true }) < 0,
      `${who} asks for ${whose} ${asked}: the override can go`,
    );
    t.is(manifestOf(whose).version, by);
  });
}
