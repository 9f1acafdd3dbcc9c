import test from "ava";
import fc from "fast-check";
import { applyBisecting } from "../../mixins/bus/bisect.ts";

test("bisecting applies every sound item once and in order, and settles exactly the poison ones", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 300 }), async (poisons) => {
      const items = poisons.map((poison, index) => ({ poison, index }));
      const applied: number[] = [];
      const results = await applyBisecting(
        items,
        async (batch) => {
          if (batch.some(({ poison }) => poison)) throw new Error("poison");
          applied.push(...batch.map(({ index }) => index));
          return batch.map(({ index }) => `applied ${index}`);
        },
        async ({ index }) => `refused ${index}`,
      );
      t.deepEqual(
        results,
        items.map(({ poison, index }) => `${poison ? "refused" : "applied"} ${index}`),
      );
      t.deepEqual(
        applied,
        items.filter(({ poison }) => !poison).map(({ index }) => index),
      );
    }),
  );
});

test("one poison item in a hundred costs at most fifteen transactions", async (t) => {
  let transactions = 0;
  await applyBisecting(
    Array.from({ length: 100 }, (_, index) => index),
    async (batch) => {
      transactions += 1;
      if (batch.includes(37)) throw new Error("poison");
      return batch;
    },
    async (item) => item,
  );
  t.true(transactions <= 15, `${transactions} transactions`);
});
