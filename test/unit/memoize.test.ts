import test from "ava";
import { memoize } from "../../services/contracts/address.ts";

test("a text among the last ones is not worked on again, and forgotten ones are", (t) => {
  const asked: string[] = [];
  const upper = memoize((text) => {
    asked.push(text);
    return text.toUpperCase();
  }, 2);
  for (const text of ["a", "a", "b", "a", "b"]) t.is(upper(text), text.toUpperCase());
  t.deepEqual(asked, ["a", "b"]);
  for (const text of ["c", "d", "e"]) upper(text);
  t.is(upper("a"), "A");
  t.deepEqual(asked, ["a", "b", "c", "d", "e", "a"]);
});

test("an empty result is remembered like any other", (t) => {
  let asked = 0;
  const nothing = memoize(() => {
    asked += 1;
    return "";
  }, 10);
  t.is(nothing("x"), "");
  t.is(nothing("x"), "");
  t.is(asked, 1);
});
