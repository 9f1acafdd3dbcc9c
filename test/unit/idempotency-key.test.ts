import test from "ava";
import { fingerprintOf, parseIdempotencyKey } from "../../mixins/idempotency.ts";
import { Refusal } from "../../services/contracts/errors.ts";

test("a bare key and the same key as a structured-field string are one", (t) => {
  t.is(parseIdempotencyKey("8e03978e-40d5"), "8e03978e-40d5");
  t.is(parseIdempotencyKey('"8e03978e-40d5"'), "8e03978e-40d5");
  t.is(parseIdempotencyKey(String.raw`"a\"b\\c"`), String.raw`a"b\c`);
});

test("a key has 1 to 255 characters", (t) => {
  t.is(parseIdempotencyKey("k".repeat(255)).length, 255);
  t.is(parseIdempotencyKey(`"${"k".repeat(255)}"`).length, 255);
  for (const text of ["", '""', "k".repeat(256), `"${"k".repeat(256)}"`])
    t.is(t.throws(() => parseIdempotencyKey(text), { instanceOf: Refusal }).type, "idempotency-key-invalid");
});

test("a key of anything but visible ASCII, or with half a quote, is refused", (t) => {
  for (const text of ["a b", "é", "a\u0000", "\t", '"abc', '"abc"; p=1', '"a b"', '"', String.raw`"a\"`])
    t.is(t.throws(() => parseIdempotencyKey(text), { instanceOf: Refusal }).type, "idempotency-key-invalid");
});

test("a fingerprint is of the action and the values, whatever the order of members", (t) => {
  const one = fingerprintOf("users.create", { a: 1, b: { c: [1, 2], d: undefined } });
  t.is(one, fingerprintOf("users.create", { b: { c: [1, 2] }, a: 1 }));
  t.not(one, fingerprintOf("users.patch", { a: 1, b: { c: [1, 2] } }));
  t.not(one, fingerprintOf("users.create", { a: 1, b: { c: [2, 1] } }));
});
