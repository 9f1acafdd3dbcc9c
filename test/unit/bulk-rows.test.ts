/** A file of people for `npm run bulk`: its bytes become text as those of an import do. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import iconv from "iconv-lite";
import { type FileOptions, rowsOf } from "../../services/commands/bulk/rows.ts";

const folder = mkdtempSync(join(tmpdir(), "mailroster-test-"));
test.after.always(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, content: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function valuesOf(file: FileOptions): Promise<string[]> {
  const values: string[] = [];
  for await (const { kind, value, line } of rowsOf(file).rows) values.push(`${line} ${kind} ${value}`);
  return values;
}

const list = "name;email\nJörg;jörg@one.example\nZoë;zoë@one.example\n";
const wanted = ["2 address jörg@one.example", "3 address zoë@one.example"];

test("a list of people is read in the encoding of its mark, else in the one that is named", async (t) => {
  for (const encoding of ["utf-8", "utf-16le", "utf-16be"] as const) {
    const path = fileOf(`${encoding}.csv`, iconv.encode(list, encoding, { addBOM: true }));
    t.deepEqual(await valuesOf({ path }), wanted, encoding);
    t.deepEqual(await valuesOf({ path, encoding: "windows-1252" }), wanted, "the mark is right");
  }
  t.deepEqual(await valuesOf({ path: fileOf("plain.csv", Buffer.from(list)) }), wanted);
  const path = fileOf("windows.csv", iconv.encode(list, "windows-1252"));
  t.deepEqual(await valuesOf({ path, encoding: "windows-1252" }), wanted);
});

test("bytes that are none of it are told with line and column", async (t) => {
  const path = fileOf("wrong.csv", iconv.encode(list, "windows-1252"));
  await t.throwsAsync(valuesOf({ path }), {
    name: "DataError",
    message: `Cannot read ${path}: line 2, column 2: the byte 0xF6 is no UTF-8 (say --encoding windows-1252 if it is that)`,
  });
});
