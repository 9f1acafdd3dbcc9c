import test from "ava";
import { recent } from "../../mixins/basics/recent.ts";

test("who asks while the work runs, or soon after, gets its result, and it ran once", async (t) => {
  const gate = Promise.withResolvers<number>();
  let runs = 0;
  const ask = recent(() => {
    runs += 1;
    return gate.promise;
  }, 60_000);
  const waiting = [ask(), ask(), ask()];
  gate.resolve(7);
  t.deepEqual(await Promise.all(waiting), [7, 7, 7]);
  t.is(await ask(), 7);
  t.is(runs, 1);
});

test("a result that is older than it may be is made anew, and a failure is not kept", async (t) => {
  let runs = 0;
  const ask = recent(() => {
    runs += 1;
    return runs === 1 ? Promise.reject(new Error("away")) : Promise.resolve(runs);
  }, 0);
  await t.throwsAsync(ask(), { message: "away" });
  t.is(await ask(), 2);
  t.is(await ask(), 3);
});

test("a result is given to so many, and who comes after them shares the next one", async (t) => {
  let runs = 0;
  const ask = recent(
    () => {
      runs += 1;
      return Promise.resolve(runs);
    },
    20,
    { askersMax: 3 },
  );
  const first = await ask();
  const others = await Promise.all([ask(), ask(), ask(), ask()]);
  t.deepEqual([first, ...others], [1, 1, 1, 2, 2]);
  t.is(runs, 2);
});
