import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import test from "ava";
import { PassingMap } from "../../mixins/basics/passing-map.ts";

test("a passing map tells what it holds, in the order in which it came", (t) => {
  const map = new PassingMap<string, { n: number }>();
  map.set("a", { n: 1 }).set("b", { n: 2 }).set("c", { n: 3 }).set("a", { n: 4 });
  t.true(map.delete("b"));
  t.is(map.size, 2);
  t.deepEqual([...map.keys()], ["a", "c"]);
  t.deepEqual([...map.values()], [{ n: 4 }, { n: 3 }]);
  t.deepEqual([map.get("a"), map.get("b"), map.has("c"), map.has("b")], [{ n: 4 }, undefined, true, false]);
  t.false(map.delete("b"));
});

test("a passing map can be emptied while it is walked", (t) => {
  const map = new PassingMap<number, { n: number }>();
  for (const n of [1, 2, 3]) map.set(n, { n });
  const seen: number[] = [];
  map.forEach(({ n }, key) => {
    seen.push(n);
    map.delete(key);
    map.delete(3);
  });
  t.deepEqual(seen, [1, 2]);
  t.is(map.size, 0);
});

const passed = 50_000;
const inHand = 32;

setFlagsFromString("--expose-gc");
// What the first map teaches V8 of this file's objects must not decide where it makes those of the second.
setFlagsFromString("--no-allocation-site-pretenuring");
const collect = runInNewContext("gc") as () => void;

/** Megabytes by which the old generation grew, all in all, while 40 MB went through. */
function promotedBy(map: Map<number, object> | PassingMap<number, object>): number {
  const oldMb = () =>
    (getHeapSpaceStatistics().find(({ space_name }) => space_name === "old_space")?.space_used_size ?? 0) /
    1_000_000;
  const pass = (key: number): void => {
    map.set(key, { content: new Array(100).fill(key) });
    map.delete(key - inHand);
  };
  for (let key = -inHand; key < 0; key += 1) pass(key);
  // Its table is in the old generation from here on.
  collect();
  collect();
  let [last, grown] = [oldMb(), 0];
  for (let key = 0; key < passed; key += 1) {
    pass(key);
    if (key % 1_000 > 0) continue;
    const now = oldMb();
    grown += Math.max(0, now - last);
    last = now;
  }
  return grown;
}

test.serial("what has passed through a passing map does not wait for a collection of the whole heap", (t) => {
  const [byMap, byPassingMap] = [promotedBy(new Map()), promotedBy(new PassingMap())];
  t.true(byMap > 10, `a Map kept ${byMap} MB: there is nothing to compare with`);
  t.true(byPassingMap < byMap / 2, `${byPassingMap} MB, ${byMap} MB by a Map`);
});
