import test from "ava";
import { Life, registryRig } from "../support/registry-rig.ts";

const numbered = (suffix: number): string => `ann${suffix}@example.com`;
const want = ["ann@example.com"];

test("A gap of 700 explicitly taken numbers is crossed, and after it only one is tried", async (t) => {
  const rig = await registryRig();
  try {
    await rig.reserve({ want });
    for (let first = 2; first < 702; first += 100) {
      const numbers = Array.from({ length: 99 }, (_, index) => numbered(first + 1 + index));
      await rig.apply(new Life(rig.now()).create(numbered(first), ...numbers));
    }
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(702));
    const before = rig.statements();
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(703));
    t.is(rig.statements() - before, 4);
  } finally {
    await rig.close();
  }
});

test("The 300th reservation of a name sends four statements, as the second does", async (t) => {
  const rig = await registryRig();
  try {
    await rig.reserve({ want });
    const costs = new Set<number>();
    for (let count = 2; count <= 300; count += 1) {
      const before = rig.statements();
      t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(count));
      costs.add(rig.statements() - before);
    }
    t.deepEqual([...costs], [4]);
  } finally {
    await rig.close();
  }
});
