import test from "ava";
import fc from "fast-check";
import * as z from "zod";
import { decodeCursor, encodeCursor, page } from "../../mixins/postgres/keyset-cursor.ts";
import { Refusal } from "../../services/contracts/errors.ts";

const schema = z.tuple([z.string(), z.int()]);

test("a cursor gives back the values it was made of", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.maxSafeInteger(), (text, number) => {
      const cursor = encodeCursor([text, number]);
      t.regex(cursor, /^[A-Za-z0-9_-]+$/);
      t.deepEqual(decodeCursor(cursor, schema), [text, number]);
    }),
  );
});

test("a cursor that the list did not make is refused at #/cursor", (t) => {
  const foreign = [
    "x",
    "%%%",
    encodeCursor([1, "a"]),
    encodeCursor(["a"]),
    `${encodeCursor(["a", 1])}=`,
    Buffer.from("{").toString("base64url"),
  ];
  for (const cursor of foreign) {
    const error = t.throws(() => decodeCursor(cursor, schema), { instanceOf: Refusal });
    t.is(error.type, "invalid-fields");
    t.is(error.data.errors?.[0]?.pointer, "#/cursor");
  }
});

test("a page shows its limit, and leads on from its last item when one more was read", (t) => {
  const rows = [1, 2, 3];
  t.deepEqual(
    page(rows, 2, (row) => [row]),
    { items: [1, 2], nextCursor: encodeCursor([2]) },
  );
  t.deepEqual(
    page(rows, 3, (row) => [row]),
    { items: rows, nextCursor: null },
  );
  t.deepEqual(
    page([], 3, (row) => [row]),
    { items: [], nextCursor: null },
  );
});
