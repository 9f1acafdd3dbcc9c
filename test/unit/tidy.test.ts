/** The house rules hold for this repository, and each is noticed when broken. */
import { fileURLToPath } from "node:url";
import test from "ava";
import { ESLint, Linter } from "eslint";
import { repositoryFiles } from "../support/gate/repository.ts";
import { functionLinesMax, rules, untidy } from "../support/gate/tidy.ts";

const lines = (count: number): string =>
  Array.from({ length: count }, (_, index) => `  const v${index} = 0;`).join("\n");
const doc = "/** Promise. */\n";
const inner = (count: number): string =>
  Array.from({ length: count / 10 }, (_, index) => `const f${index} = () => {\n${lines(8)}\n};`).join("\n");

const broken: Record<string, { path: string; text: string }> = {
  "function-length": {
    path: "services/users/a.ts",
    text: `${doc}function long() {\n${lines(functionLinesMax)}\n}\n`,
  },
  "doc-comment": { path: "mixins/a.ts", text: "export const a = 1;\n" },
  unfinished: { path: "docs/a.md", text: `${"to"}${"do"}: write\n`.toUpperCase() },
  "skipped-test": { path: "test/unit/a.test.ts", text: 'test.serial.skip("x", () => {});\n' },
  "sleeping-test": { path: "test/unit/a.test.ts", text: "await new Promise((r) => setTimeout(r, 5));\n" },
  "unkept-log": { path: "test/unit/a.test.ts", text: 'import { pino } from "pino";\n' },
  environment: { path: "services/users/a.ts", text: `${doc}export const port = process.env.PORT;\n` },
  "environment-passed": { path: "services/users/a.ts", text: `${doc}read(process.env);\n` },
  "deno-only": { path: "services/users/a.ts", text: `${doc}Deno.exit(1);\n` },
  "unchecked-types": { path: "test/unit/a.test.ts", text: "// @ts-ignore because\n" },
  unlinted: { path: "mixins/a.ts", text: `${doc}// eslint-disable-next-line\n` },
  "machine-path": { path: "docs/a.md", text: "see /home/ann/mailroster\n" },
};

for (const [rule, file] of Object.entries(broken))
  test(`${rule} is noticed when broken`, (t) => {
    const found = untidy([file]);
    t.true(
      found.some((finding) => finding.includes(` ${rule}: `)),
      found.join("\n"),
    );
  });

test("no rule is without its proof here", (t) => {
  t.deepEqual(rules.map(({ name }) => name).sort(), Object.keys(broken).sort());
});

test("a name that two files export is noticed, whatever it is and however it is written", (t) => {
  const files = [
    {
      path: "services/users/a.ts",
      text: `${doc}export function load() {}\nexport default function service() {}\n`,
    },
    {
      path: "services/audit/b.ts",
      text: `${doc}export const load = () => 1;\nexport default function service() {}\n`,
    },
    { path: "mixins/c.ts", text: `${doc}const load = () => 1;\nexport const loaded = load();\n` },
    { path: "mixins/d.ts", text: `${doc}export type load = 1;\n` },
    { path: "mixins/e.ts", text: `${doc}export const load = [1];\n` },
  ];
  t.deepEqual(untidy(files), [
    "services/audit/b.ts:1 shared-name: load is also exported by services/users/a.ts",
    "mixins/e.ts:1 shared-name: load is also exported by services/users/a.ts",
  ]);
});

const factory = (count: number): string => `${doc}function factory() {\n${inner(count)}\n}\n`;

test("a factory is measured without its inner functions", (t) => {
  t.deepEqual(untidy([{ path: "services/users/a.ts", text: factory(2 * functionLinesMax) }]), []);
});

test("a file of more than 300 lines, and a function of more than 150 with all inside it, is noticed in production code", async (t) => {
  const eslint = new ESLint({ cwd: fileURLToPath(new URL("../..", import.meta.url)) });
  const noticed = async (path: string, text: string): Promise<(string | null)[]> => {
    const { rules: all } = await eslint.calculateConfigForFile(path);
    const limits = Object.entries(all).filter(([name]) => name.startsWith("max-lines"));
    const found = new Linter().verify(text, { rules: Object.fromEntries(limits) as Linter.RulesRecord });
    return found.map(({ ruleId }) => ruleId);
  };
  for (const path of ["services/users/a.ts", "mixins/a.ts", "migrations/users/a.ts", "moleculer.config.ts"]) {
    t.deepEqual(await noticed(path, `${lines(300)}\n`), [], path);
    t.deepEqual(await noticed(path, `${lines(301)}\n`), ["max-lines"], path);
    t.deepEqual(await noticed(path, factory(140)), [], path);
    t.deepEqual(await noticed(path, factory(150)), ["max-lines-per-function"], path);
  }
  t.deepEqual(await noticed("test/unit/a.test.ts", factory(400)), []);
});

test("a comment or text that only sounds like a rule is no violation", (t) => {
  const text = `${doc}// the environment is process.environment, the method is todoist\nexport const url = "https://example.com/home/x";\n`;
  t.deepEqual(untidy([{ path: "services/users/a.ts", text }]), []);
});

test("the repository is tidy", async (t) => {
  const files = await repositoryFiles();
  t.true(files.some(({ path }) => path === "moleculer.config.ts"));
  t.deepEqual(untidy(files), []);
});
