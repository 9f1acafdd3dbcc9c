/** What is taken out of one installation and brought into an empty one is the same directory there. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import anyTest, { type ExecutionContext } from "ava";
import { formatNames } from "../../services/commands/export/formats.ts";
import { eventually } from "../support/eventually.ts";
import { Processes } from "../support/processes.ts";
import { type Rig, rigOf } from "../support/rig.ts";

// One after the other: each is two systems and four databases.
const test = anyTest.serial;

/** Whatever a file could get wrong. */
const people = [
  {
    displayName: "Ann Lee",
    primarySmtp: "ann@one.example",
    secondarySmtps: ["z@one.example", "a@two.example"],
  },
  { displayName: 'Björn "Bo" Müller, Dr.; Prof.', primarySmtp: "björn@bücher.example", externalId: "E-1" },
  { displayName: "=HYPERLINK(1)", primarySmtp: "+plus@one.example", externalId: "'=1+1" },
  { displayName: "'tis O'Hara", primarySmtp: "=equals@one.example", secondarySmtps: ["+more@one.example"] },
  {
    displayName: "田中 太郎",
    primarySmtp: "taro.tanaka@one.example",
    externalId: "00012",
    secondarySmtps: ["太郎@one.example"],
    userName: "taro",
    active: false,
  },
  { displayName: "Chloé ".repeat(40).trim(), primarySmtp: `${"c".repeat(64)}@one.example` },
  { displayName: ": colon", primarySmtp: "colon@one.example", externalId: "a;b,c d" },
  ...Array.from({ length: 60 }, (_, index) => ({
    displayName: `Person ${index}`,
    primarySmtp: `p${index}@one.example`,
    secondarySmtps: Array.from({ length: index % 4 }, (_, alias) => `p${index}.${alias}@two.example`),
    ...(index % 3 === 0 ? { externalId: `id-${index}` } : {}),
  })),
];

async function typed(processes: Processes, script: string, args: string[], env: Record<string, string> = {}) {
  const command = await processes.start({ script: `services/commands/${script}/index.ts`, args, env });
  const { code } = await command.exited();
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

const system = (t: ExecutionContext): Promise<Rig> => rigOf(t, { environment: { RECONCILE_MINUTES: "0" } });

for (const format of formatNames)
  test(`${format}: what an empty installation is given exports the same file, and again changes nothing`, async (t) => {
    const processes = new Processes();
    const folder = mkdtempSync(join(tmpdir(), "mailroster-test-"));
    t.teardown(async () => {
      await processes.end();
      rmSync(folder, { recursive: true });
    });
    const [one, two] = [await system(t), await system(t)];
    for (const body of people)
      await eventually(async () => {
        const { status, body: answer } = await one.http("POST", "/users", body);
        assert.equal(status, 201, JSON.stringify(answer));
      });
    const gone = await one.http("GET", "/users?smtp=p59@one.example");
    assert.equal((await one.http("DELETE", `/users/${gone.body.items[0].id}`)).status, 204);
    const fileOf = async (name: string, rig: Rig, ...more: string[]): Promise<string> => {
      const file = join(folder, name);
      const args = ["--format", format, "--out", file, ...more];
      const { code, stderr } = await typed(processes, "export", args, { DATABASE_URL: rig.urls.users });
      t.is(code, 0, stderr);
      return file;
    };
    const first = await fileOf("first", one);
    const imported = async (file: string) => {
      const { code, stdout, stderr } = await typed(processes, "import", [file, "--url", two.url, "--json"]);
      t.is(code, 0, stdout + stderr);
      return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    };
    t.like(await imported(first), { created: people.length - 1, refused: 0, suffixed: 0 });
    const second = await fileOf("second", two);
    t.is(readFileSync(second, "utf8"), readFileSync(first, "utf8"));
    // Deleted people are for reading: an import passes over them.
    const all = await fileOf("all", one, "--deleted");
    t.like(await imported(all), { created: 0, changed: 0, unchanged: people.length - 1, refused: 0 });
  });
