import test from "ava";
import { fingerprintOf } from "../../mixins/idempotency.ts";
import { idempotencyKeyOf } from "../../services/gateway/http/request-head.ts";
import { HttpProblem } from "../../services/gateway/problems/problems.ts";

const keyOf = (text: string): string | undefined => idempotencyKeyOf({ "idempotency-key": text });

test("a bare key and the same key as a structured-field string are one", (t) => {
  t.is(keyOf("8e03978e-40d5"), "8e03978e-40d5");
  t.is(keyOf('"8e03978e-40d5"'), "8e03978e-40d5");
  t.is(keyOf(String.raw`"a\"b\\c"`), String.raw`a"b\c`);
});

test("a quoted key is unquoted once: quotes and spaces inside belong to it", (t) => {
  t.is(keyOf(String.raw`"\"a\""`), '"a"');
  t.is(keyOf('"a b"'), "a b");
});

test("a key has 1 to 255 characters", (t) => {
  t.is(keyOf("k".repeat(255))?.length, 255);
  t.is(keyOf(`"${"k".repeat(255)}"`)?.length, 255);
  for (const text of ["", '""', "k".repeat(256), `"${"k".repeat(256)}"`])
    t.is(t.throws(() => keyOf(text), { instanceOf: HttpProblem }).slug, "idempotency-key-invalid");
});

test("a key of anything but printable ASCII, a bare one with a space, or one with half a quote is refused", (t) => {
  for (const text of [
    "a b",
    "é",
    "a\u0000",
    "\t",
    '"abc',
    '"abc"; p=1',
    '"',
    String.raw`"a\"`,
    String.raw`"a\b"`,
  ])
    t.is(t.throws(() => keyOf(text), { instanceOf: HttpProblem }).slug, "idempotency-key-invalid");
});

test("a fingerprint is of the action and the values, whatever the order of members", (t) => {
  const one = fingerprintOf("users.create", { a: 1, b: { c: [1, 2], d: undefined } });
  t.is(one, fingerprintOf("users.create", { b: { c: [1, 2] }, a: 1 }));
  t.not(one, fingerprintOf("users.patch", { a: 1, b: { c: [1, 2] } }));
  t.not(one, fingerprintOf("users.create", { a: 1, b: { c: [2, 1] } }));
});
