/** Rounds of small batches: how many, how long they are, and when the next one comes. */
import test from "ava";
import { sweepInBatches, untilNextRoundMs } from "../../mixins/postgres/sweeping.ts";

/** A table of so many rows, and the batches that were taken from it. */
function table(rows: number) {
  const batches: number[] = [];
  return {
    batches,
    left: () => rows,
    take: async (rowsMax: number) => {
      const taken = Math.min(rows, rowsMax);
      rows -= taken;
      batches.push(taken);
      return Array.from({ length: taken });
    },
  };
}

const isSoon = (gone: number): boolean => untilNextRoundMs(gone, 1) === 1_000;

test("A round takes small batches until one is not full", async (t) => {
  const some = table(1_200);
  t.is(await sweepInBatches(some.take), 1_200);
  t.deepEqual(some.batches, [500, 500, 200]);
  t.is(await sweepInBatches(table(0).take), 0);
});

test("A round has an end, and while there is a backlog the next one comes within seconds", async (t) => {
  const many = table(25_000);
  const rounds: boolean[] = [];
  while (many.left() > 0) {
    const gone = await sweepInBatches(many.take);
    t.true(gone <= 10_000);
    rounds.push(isSoon(gone));
  }
  t.deepEqual(rounds, [true, true, false]);
});

test("Without a backlog processes that started together do not sweep together", (t) => {
  t.is(untilNextRoundMs(0, 0), 60_000);
  t.is(untilNextRoundMs(9_999, 1), 90_000);
});
