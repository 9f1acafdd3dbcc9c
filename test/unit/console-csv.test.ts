/** Files that the console makes: each cell is one cell, and none is a formula. */

import test from "ava";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { formulaSafe, fromFormulaSafe } from "../../services/contracts/csv-cells.ts";
import { csvOf } from "../../services/gateway/console/app/core/csv.ts";

const rowsOf = (text: string): string[][] => parse(text, { relax_column_count: true });
const starts = ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'=", "''@"];
const cell = fc.oneof(
  fc.string({ unit: "grapheme", minLength: 1 }),
  fc.tuple(fc.constantFrom(...starts), fc.string()).map((parts) => parts.join("")),
  fc.string({ unit: fc.constantFrom('"', ",", "\r", "\n", "'", "=", "a"), minLength: 1 }),
);

test("no text is a formula to a spreadsheet, as in every other file of ours", (t) => {
  for (const text of [...starts.map((start) => `${start}1+1`), '=HYPERLINK("http://evil.example")']) {
    const [, [written] = []] = rowsOf(csvOf(["a"], [[text]]));
    t.is(written, formulaSafe(text));
    t.regex(written ?? "", /^'/);
  }
  t.is(csvOf(["a", "b"], [[-1, "-1"]]), "a,b\r\n-1,'-1\r\n", "a number is a number");
});

test("what is written is read again as what it was, whatever is in it", (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { maxLength: 5 }), (rows) => {
      const read = rowsOf(csvOf(["a", "b"], rows)).slice(1);
      t.deepEqual(
        read.map((row) => row.map(fromFormulaSafe)),
        rows,
      );
    }),
  );
});

test("nothing is an empty cell, and what has parts is one cell of JSON", (t) => {
  const changes = [{ field: "displayName", from: null, to: '=1+1, "x"' }];
  const [, row = []] = rowsOf(csvOf(["a", "b", "c"], [[null, undefined, changes]]));
  t.deepEqual(row.slice(0, 2), ["", ""]);
  t.deepEqual(JSON.parse(row[2] ?? ""), changes);
});
