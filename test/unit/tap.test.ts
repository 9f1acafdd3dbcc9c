import test from "ava";
import { tapReader } from "../support/tap.ts";

function read(lines: readonly string[], code: number | null) {
  const printed: string[] = [];
  const reader = tapReader({ verbose: false, print: (line) => printed.push(line) });
  for (const line of lines) reader.line(line);
  return { ...reader.end(code), printed };
}

test("passed and failed tests are counted, and only failed ones are shown", (t) => {
  const { passed, failed, printed } = read(
    ["TAP version 13", "ok 1 - a fact", "not ok 2 - another", "  ---", "  message: no", "  ...", "1..2"],
    1,
  );
  t.deepEqual([passed, failed], [1, 1]);
  t.deepEqual(printed, ["  ✘ another", "      message: no"]);
});

test("a skipped or postponed test counts as failed", (t) => {
  const { passed, failed } = read(["ok 1 - a fact # SKIP", "not ok 2 - later # todo", "ok 3 - a third"], 0);
  t.deepEqual([passed, failed], [1, 2]);
});

test("a program that ends badly without telling of a failure counts as one failure", (t) => {
  t.is(read(["ok 1 - a fact"], 1).failed, 1);
  t.is(read(["ok 1 - a fact"], null).failed, 1);
});

test("a program that runs no test counts as one failure", (t) => {
  t.is(read(["1..0"], 0).failed, 1);
});

test("while a program runs, its results so far are known, and how many files they are from", (t) => {
  const reader = tapReader({ verbose: false, print: () => {} });
  for (const line of ["ok 1 - address › a fact", "ok 2 - address › another", "not ok 3 - outbox › a third"])
    reader.line(line);
  t.deepEqual(reader.progress(), { passed: 2, failed: 1, files: 2 });
});
