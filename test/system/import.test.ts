/** The command as a mail administrator types it, against a system that runs. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { eventually } from "../support/eventually.ts";
import { fixedPort } from "../support/fixed-port.ts";
import { Processes, type Runtime, request, runtimes, type TestProcess } from "../support/processes.ts";

const script = "services/commands/import/index.ts";
const header = "displayName,primarySmtp,secondarySmtps,externalId\n";

interface Told {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly summary: Record<string, number>;
}

/** A test's own processes and files. */
function alone(t: ExecutionContext) {
  const processes = new Processes();
  t.teardown(() => processes.end());
  const folder = processes.folder();
  const start = async (env: Record<string, string> = {}): Promise<TestProcess> => {
    const system = await processes.start({ env: { DATA_DIR: processes.folder(), ...env } });
    await system.ready();
    return system;
  };
  const begin = (system: TestProcess, args: readonly string[], runtime: Runtime = "node") =>
    processes.start({ runtime, script, args: ["--url", system.httpUrl, ...args] });
  const type = async (system: TestProcess, args: readonly string[], runtime?: Runtime): Promise<Told> => {
    const command = await begin(system, args, runtime);
    const { code } = await command.exited();
    const last = command.stdout().trim().split("\n").at(-1) ?? "";
    return {
      code,
      stdout: command.stdout(),
      stderr: command.stderr(),
      summary: last.startsWith("{") ? JSON.parse(last) : {},
    };
  };
  const file = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return { processes, start, begin, type, file };
}

const usersOf = async ({ httpUrl }: TestProcess): Promise<number> => {
  const { items } = (await request(`${httpUrl}/users?limit=100`)).json<{ items: unknown[] }>();
  return items.length;
};

for (const runtime of runtimes)
  test.serial(`on ${runtime} an import does what its dry run said, and a repeat finds it done`, async (t) => {
    const { start, type, file } = alone(t);
    const system = await start();
    const path = file(
      "people.csv",
      `${header}"Lee, Ann",ann@example.com,a.lee@example.com;al@example.com,E-1\n,bo@example.com,,E-2\nCi,ann@example.com,,E-3\nDi,di@example.com,,E-4\n`,
    );
    const dry = await type(system, [path, "--dry-run"], runtime);
    t.is(dry.code, 1);
    t.is(
      dry.stdout.replace(/in [\d.]+ s/, "in … s"),
      [
        "line 2: created ann@example.com",
        "line 3: refused bo@example.com: displayName is missing",
        "line 4: refused ann@example.com: the address ann@example.com is also in line 2, which comes first",
        "line 5: created di@example.com",
        "4 rows of csv in … s: 2 created, 0 changed, 0 unchanged, 0 suffixed, 2 refused\n",
      ].join("\n"),
    );
    t.is(dry.stderr, "");
    t.is(await usersOf(system), 0);
    t.false(existsSync(`${path}.rejected.csv`));

    const first = await type(system, [path, "--json"], runtime);
    t.is(first.code, 1);
    t.deepEqual(Object.keys(first.summary), [
      ...["rows", "created", "changed", "unchanged", "suffixed", "refused", "seconds"],
    ]);
    t.like(first.summary, { rows: 4, created: 2, changed: 0, unchanged: 0, suffixed: 0, refused: 2 });
    t.is(
      readFileSync(`${path}.rejected.csv`, "utf8"),
      "\ufeffdisplayName,primarySmtp,secondarySmtps,externalId,reason\r\n,bo@example.com,,E-2,displayName is missing\r\n" +
        'Ci,ann@example.com,,E-3,"the address ann@example.com is also in line 2, which comes first"\r\n',
    );
    const [, run] = /correlation id (import-[\da-f]{8}) /.exec(first.stderr) ?? [];
    await eventually(async () => {
      const audit = await request(`${system.httpUrl}/audit?correlationId=${run}`);
      const { items } = audit.json<{ items: unknown[] }>();
      if (items.length !== 2) throw new Error(`The audit log has ${items.length} entries`);
    });

    const again = await type(system, [path, "--json"], runtime);
    t.like(again.summary, { rows: 4, created: 0, unchanged: 2, refused: 2 });
    file("people.csv", `${header}"Lee, Ann",ann@example.com,,E-1\nCi,ci@example.com,,E-3\n`);
    const mended = await type(system, [path, "--json"], runtime);
    t.is(mended.code, 0);
    t.like(mended.summary, { rows: 2, created: 1, unchanged: 1 });
    t.false(existsSync(`${path}.rejected.csv`), "nothing was refused");
  });

test.serial(
  "a run that is killed at any moment and typed again ends as one that was left alone",
  async (t) => {
    const { start, begin, type, file } = alone(t);
    const [killed, whole] = [await start(), await start()];
    const rows = Array.from({ length: 400 }, (_, index) => {
      const address = index % 20 === 19 ? `p${index - 7}@example.com` : `p${index}@example.com`;
      return `P${index},${address},${index % 3 === 0 ? `s${index}@example.com` : ""},E-${index}\n`;
    });
    const path = file("many.csv", header + rows.join(""));
    for (const count of [1, 30, 90]) {
      const command = await begin(killed, [path]);
      await eventually(async () => {
        if ((await usersOf(killed)) < count) throw new Error("too few");
      });
      command.kill("SIGKILL");
      await command.exited();
    }
    const last = await type(killed, [path, "--json"]);
    t.is((last.summary.created ?? 0) + (last.summary.unchanged ?? 0), 380);
    t.is(last.summary.refused, 20);
    t.like((await type(whole, [path, "--json"])).summary, { rows: 400, created: 380, refused: 20 });
    const directory = async ({ httpUrl }: TestProcess): Promise<string[]> => {
      const { text } = await request(`${httpUrl}/users?limit=100&q=P`);
      const lines: string[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const page: { items: Record<string, unknown>[]; nextCursor: string | null } = JSON.parse(
          cursor === "" ? text : (await request(`${httpUrl}/users?limit=100&q=P&cursor=${cursor}`)).text,
        );
        for (const { displayName, primarySmtp, secondarySmtps, externalId } of page.items)
          lines.push(JSON.stringify([displayName, primarySmtp, secondarySmtps, externalId]));
        cursor = page.nextCursor;
      }
      return lines.sort();
    };
    t.deepEqual(await directory(killed), await directory(whole));
  },
);

test.serial("who may not is told so, and a token comes from a file", async (t) => {
  const { processes, start, type, file } = alone(t);
  const env = { DATA_DIR: processes.folder(), AUTH: "required" };
  const key = async (role: string): Promise<string> => {
    const args = ["create", "--name", role, "--role", role];
    const made = await processes.start({ script: "services/commands/key/index.ts", env, args });
    await made.exited();
    return made.stdout();
  };
  const [viewer, admin] = [await key("viewer"), await key("mail-admin")];
  const system = await start(env);
  const path = file("people.csv", `${header}Ann,ann@example.com,,\n`);
  const nobody = await type(system, [path]);
  t.is(nobody.code, 77);
  t.regex(nobody.stderr, /Cannot import: The request has no token/);
  const reader = await type(system, [path, "--token-file", file("viewer", viewer)]);
  t.is(reader.code, 77);
  t.regex(reader.stderr, /users:write/);
  const { code, summary } = await type(system, [path, "--json", "--token-file", file("admin", admin)]);
  t.deepEqual([code, summary.created], [0, 1]);
});

test.serial("what can't be read or reached ends with its code and one sentence", async (t) => {
  const { processes, start, type, file } = alone(t);
  const system = await start();
  const ragged = file("ragged.csv", `${header}Ann,ann@example.com,,\nBo,bo@example.com\n`);
  for (const [path, why] of [
    [ragged, "line 3, column 3: the row has 2 cells, the header has 4"],
    [
      file("latin.csv", Buffer.from(`${header}J\xf6rg,j@example.com,,\n`, "latin1")),
      "line 2, column 2: the byte 0xF6 is no UTF-8 (say --encoding windows-1252 if it is that)",
    ],
    [join(processes.folder(), "none.csv"), "the file can't be read (ENOENT)"],
  ] as const) {
    const told = await type(system, [path]);
    t.deepEqual([told.code, told.stdout], [65, ""]);
    t.is(told.stderr, `Cannot import ${path}: ${why}\n`);
  }
  t.is(await usersOf(system), 0, "nothing of the rows before");
  const word = await type(system, [ragged, "--on-taken", "sufix"]);
  t.is(word.code, 64);
  t.regex(word.stderr, /the nearest is "suffix"/);
  const url = `http://127.0.0.1:${await fixedPort()}`;
  const away = await processes.start({ script, args: [ragged, "--url", url] });
  t.is((await away.exited()).code, 69);
  t.is(
    away.stderr(),
    `Cannot import: ${url} refuses the connection (ECONNREFUSED) (npm start, or set MAILROSTER_URL)\n`,
  );
});
