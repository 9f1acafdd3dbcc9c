/** What commands write for people: cells that no spreadsheet takes for a formula, rejected rows, progress. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import test from "ava";
import fc from "fast-check";
import { progressBar, progressText } from "../../services/commands/progress.ts";
import { rejectedRows } from "../../services/commands/rejected-rows.ts";
import { formulaSafe, fromFormulaSafe } from "../../services/contracts/csv-cells.ts";

test("a cell that a spreadsheet would take for a formula begins with a quote", (t) => {
  for (const text of ["=1+1", "+49 30", "-2", "@cmd", "\tx", "＝1"]) t.is(formulaSafe(text), `'${text}`);
  for (const text of ["Ann", "", "a=b", "'quoted'", "ann@example.com"]) t.is(formulaSafe(text), text);
});

test("a cell is read as what was written, whatever it holds", (t) => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^'{0,3}[=+@-].{0,5}$/));
  fc.assert(fc.property(text, (written) => fromFormulaSafe(formulaSafe(written)) === written));
  t.pass();
});

test("rejected rows stand in a file with their reason, and a run without any leaves no file", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rejected-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "people.csv.rejected.csv");
  const rows = rejectedRows(path, () => ["displayName", "primarySmtp"]);
  await rows.add(["Lee, Ann", "=x@example.com"], "primarySmtp is taken");
  t.false(existsSync(path), "not before the end");
  t.is(await rows.end(), path);
  t.is(
    readFileSync(path, "utf8"),
    '\ufeffdisplayName,primarySmtp,reason\r\n"Lee, Ann",\'=x@example.com,primarySmtp is taken\r\n',
  );
  t.is(await rejectedRows(path, () => []).end(), undefined);
  t.false(existsSync(path));
});

test("progress tells how many, how fast and how long still", (t) => {
  t.is(progressText(0.25, 1000, 10, "rows"), "1000 rows, 100/s, 00:30 left");
  t.is(progressText(0.01, 100, 100, "rows"), "100 rows, 1/s, 2:45:00 left");
  t.is(progressText(0, 0, 0, "rows"), "0 rows, 0/s, … left");
});

test("where there is no terminal, progress is silent", (t) => {
  const stream = new PassThrough();
  const bar = progressBar("rows", stream as unknown as NodeJS.WriteStream);
  bar.update(1, 2, 10);
  bar.stop();
  t.is(stream.read(), null);
});
