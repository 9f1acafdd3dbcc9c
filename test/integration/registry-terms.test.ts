import { randomUUID } from "node:crypto";
import test from "ava";
import { Refusal } from "../../services/contracts/errors.ts";
import { Life } from "../support/life.ts";
import { registryParts, ttlMs } from "../support/registry-parts.ts";

test("A lapsed hold is free for anyone who writes, and nobody is told so before users was asked", async (t) => {
  const rig = await registryParts();
  try {
    const want = ["ann@example.com"];
    await rig.reserve({ want });
    rig.advance(ttlMs - 1);
    t.is((await rig.lookUp("ann@example.com")).status, "reserved");
    await t.throwsAsync(rig.reserve({ want, onTaken: "refuse" }), { instanceOf: Refusal });
    rig.advance(1);
    t.is((await rig.lookUp("ann@example.com")).status, "reserved");
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, "ann@example.com");
    rig.advance(ttlMs);
    t.is(await rig.sweep(), 1);
    t.deepEqual(await rig.lookUp("Ann@example.com"), {
      address: "Ann@example.com",
      status: "available",
      userId: null,
      kind: null,
      since: null,
      until: null,
    });
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, "ann@example.com");
  } finally {
    await rig.close();
  }
});

test("A tombstone goes to nobody else until both terms are over, and back to its owner by a restore", async (t) => {
  const rig = await registryParts();
  try {
    const life = new Life(rig.now());
    await rig.apply(life.create("Ann@example.com", "a.lee@example.com"));
    await rig.apply(life.remove());
    const other = { want: ["ann@example.com"], onTaken: "refuse" as const };
    const owner = { ...other, userId: life.id };
    rig.advance(2_000);
    const expected = { address: "Ann@example.com", userId: life.id, kind: "primary" as const };
    for (const [days, status] of [
      [0, "deleted"],
      [29.9, "deleted"],
      [0.2, "quarantined"],
      [364, "quarantined"],
    ] as const) {
      rig.advanceDays(days);
      t.like(await rig.lookUp("ann@example.com"), { ...expected, status });
      await t.throwsAsync(rig.reserve(other), { instanceOf: Refusal }, `after ${days} days`);
      t.is((await rig.reserve({ want: ["ann@example.com"] })).addresses[0]?.reason, status);
      await rig.reserve(owner);
      await rig.sweep();
    }
    await rig.apply(life.restore());
    t.is((await rig.lookUp("ann@example.com")).status, "active");
    t.is((await rig.lookUp("a.lee@example.com")).kind, "secondary");
    await rig.apply(life.remove());
    rig.advanceDays(31 + 365);
    t.is((await rig.lookUp("ann@example.com")).status, "available");
    t.is((await rig.reserve(other)).addresses[0]?.assigned, "ann@example.com");
  } finally {
    await rig.close();
  }
});

test("The sweep takes lapsed holds and freed tombstones, and nothing else", async (t) => {
  const rig = await registryParts();
  try {
    const gone = new Life(rig.now());
    await rig.apply(gone.create("gone@example.com"), gone.remove());
    await rig.reserve({ want: ["lapsed@example.com", "lapsed.too@example.com"] });
    rig.advanceDays(396);
    const alive = new Life(rig.now());
    const deleted = new Life(rig.now());
    await rig.apply(alive.create("alive@example.com"), deleted.create("deleted@example.com"));
    await rig.apply(deleted.remove());
    await rig.reserve({ want: ["held@example.com"] });
    t.is(await rig.sweep(), 3);
    const { rows } = await rig.sql.query("select key from addresses order by key");
    t.deepEqual(
      rows.map((row: { key: string }) => row.key),
      ["alive@example.com", "deleted@example.com", "held@example.com"],
    );
    t.is(await rig.sweep(), 0);
  } finally {
    await rig.close();
  }
});

test("A counter goes with the name that it numbers, and the next number is found all the same", async (t) => {
  const rig = await registryParts();
  try {
    const counters = async () =>
      (await rig.sql.query("select base_key from suffixes order by base_key")).rows.map(
        (row: { base_key: string }) => row.base_key,
      );
    const [gone, stays] = [new Life(rig.now()), new Life(rig.now())];
    await rig.apply(gone.create("gone@example.com"), gone.remove(), stays.create("stays@example.com"));
    for (const name of ["gone", "stays"])
      for (const number of [2, 3]) {
        const reservation = await rig.reserve({ want: [`${name}@example.com`] });
        t.is(reservation.addresses[0]?.assigned, `${name}${number}@example.com`);
        await rig.apply(new Life(rig.now()).create(`${name}${number}@example.com`));
      }
    t.deepEqual(await counters(), ["gone@example.com", "stays@example.com"]);
    rig.advanceDays(396);
    await rig.sweep();
    t.deepEqual(await counters(), ["stays@example.com"]);
    await rig.apply(new Life(rig.now()).create("gone@example.com"));
    t.is((await rig.reserve({ want: ["gone@example.com"] })).addresses[0]?.assigned, "gone4@example.com");
  } finally {
    await rig.close();
  }
});

test("A repeated reservation keeps its hold although it lapsed, unless another took the address", async (t) => {
  const rig = await registryParts();
  try {
    const reservation = { want: ["ann@example.com"], reservationId: randomUUID(), userId: randomUUID() };
    await rig.reserve(reservation);
    rig.advance(ttlMs + 1);
    t.is((await rig.reserve(reservation)).addresses[0]?.assigned, "ann@example.com");
    rig.advance(ttlMs + 1);
    await rig.reserve({ want: ["ann@example.com"] });
    t.is((await rig.reserve(reservation)).addresses[0]?.assigned, "ann2@example.com");
  } finally {
    await rig.close();
  }
});
