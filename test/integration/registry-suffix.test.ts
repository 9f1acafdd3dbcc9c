import { randomUUID } from "node:crypto";
import test from "ava";
import { Refusal } from "../../services/contracts/errors.ts";
import { reserveAlone } from "../../services/smtp-registry/reserve-alone.ts";
import { wantedOf } from "../../services/smtp-registry/reserve-together.ts";
import { Life } from "../support/life.ts";
import { type RegistryParts, registryParts } from "../support/registry-parts.ts";

const numbered = (suffix: number): string => `ann${suffix}@example.com`;
const want = ["ann@example.com"];

test("A gap of 700 explicitly taken numbers is crossed, and after it only one is tried", async (t) => {
  const rig = await registryParts();
  try {
    await rig.reserve({ want });
    for (let first = 2; first < 702; first += 100) {
      const numbers = Array.from({ length: 99 }, (_, index) => numbered(first + 1 + index));
      await rig.apply(new Life(rig.now()).create(numbered(first), ...numbers));
    }
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(702));
    const before = rig.statements();
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(703));
    t.is(rig.statements() - before, 3);
  } finally {
    await rig.close();
  }
});

test("The 300th reservation of a name sends three statements, as the second does", async (t) => {
  const rig = await registryParts();
  try {
    await rig.reserve({ want });
    const costs = new Set<number>();
    for (let count = 2; count <= 300; count += 1) {
      const before = rig.statements();
      t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(count));
      costs.add(rig.statements() - before);
    }
    t.deepEqual([...costs], [3]);
  } finally {
    await rig.close();
  }
});

/** Numbers that people took explicitly, up to this one. */
const takeNumbers = (rig: RegistryParts, last: number) =>
  rig.sql.query(
    `insert into addresses (key, address, user_id, kind, status)
     select name, name, gen_random_uuid(), 'primary', 'active'
     from (select 'ann' || n || '@example.com' as name from generate_series(2, $1::int) n) numbered`,
    [last],
  );

test("A gap of 40,000 numbers is crossed within one reservation, and by the next one without a look", async (t) => {
  const rig = await registryParts();
  try {
    await rig.reserve({ want });
    await takeNumbers(rig, 40_000);
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(40_001));
    const before = rig.statements();
    t.is((await rig.reserve({ want })).addresses[0]?.assigned, numbered(40_002));
    t.is(rig.statements() - before, 3);
  } finally {
    await rig.close();
  }
});

test("A gap that can't be crossed in time is a refusal, and the next request goes on where it ended", async (t) => {
  const rig = await registryParts();
  try {
    await rig.reserve({ want });
    await takeNumbers(rig, 35);
    const addresses = [{ address: "ann@example.com", kind: "primary" as const }];
    const reserveLate = () => {
      const request = {
        reservationId: randomUUID(),
        userId: randomUUID(),
        onTaken: "suffix" as const,
        addresses,
      };
      return reserveAlone(rig.db, rig.rules, { request, wanted: wantedOf(request) }, performance.now());
    };
    for (const told of ["was found in time", "was found in time"]) {
      const refusal = await t.throwsAsync(reserveLate(), { instanceOf: Refusal });
      t.like((refusal.data.conflicts as object[])[0], { status: "reserved", noSuffix: told });
    }
    t.is((await reserveLate()).addresses[0]?.assigned, numbered(36));
  } finally {
    await rig.close();
  }
});

test("A hundred taken addresses send as many statements as one", async (t) => {
  const rig = await registryParts();
  try {
    const many = Array.from({ length: 100 }, (_, index) => `a${index}.team@example.com`);
    await rig.reserve({ want: many });
    const before = rig.statements();
    const { addresses } = await rig.reserve({ want: many });
    t.is(rig.statements() - before, 3);
    t.deepEqual(
      addresses.map(({ assigned }) => assigned),
      many.map((address) => address.replace("@", "2@")),
    );
  } finally {
    await rig.close();
  }
});
