import { randomUUID } from "node:crypto";
import test from "ava";
import { addressKey } from "../../services/contracts/address.ts";
import { Refusal, type RefusalData, Unavailable } from "../../services/contracts/errors.ts";
import { Life } from "../support/life.ts";
import { type RegistryParts, registryParts, ttlMs } from "../support/registry-parts.ts";

let rig: RegistryParts;
test.before(async () => {
  rig = await registryParts();
});
test.after.always(() => rig.close());

let names = 0;
/** An address nobody in this file has. */
const fresh = (): string => `name${++names}.x@example.com`;
const numbered = (address: string, suffix: number): string => address.replace("@", `${suffix}@`);

const assigned = async (wish: Parameters<RegistryParts["reserve"]>[0]): Promise<string[]> =>
  (await rig.reserve(wish)).addresses.map((address) => address.assigned);

async function refusal(work: Promise<unknown>): Promise<RefusalData> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Refusal) return { type: error.type, ...error.data };
    throw error;
  }
  throw new Error("Cannot find a refusal: the request was granted");
}

const heldBy = async (userId: string): Promise<string[]> =>
  (await rig.sql.query("select key from addresses where user_id = $1 order by key", [userId])).rows.map(
    (row: { key: string }) => row.key,
  );

async function active(address: string, ...others: string[]): Promise<Life> {
  const life = new Life(rig.now());
  await rig.apply(life.create(address, ...others));
  return life;
}

test("A free address is reserved until the time to live ends", async (t) => {
  const address = fresh();
  const userId = randomUUID();
  const reservation = await rig.reserve({ want: [address], userId });
  t.deepEqual(reservation.addresses, [{ requested: address, assigned: address, kind: "primary" }]);
  t.is(reservation.expiresAt, new Date(rig.now().getTime() + ttlMs).toISOString());
  t.like(await rig.lookUp(address.toUpperCase()), {
    address,
    status: "reserved",
    userId,
    kind: "primary",
  });
});

test("Reservations that wait together share their statement, and each has its own outcome", async (t) => {
  const own = await registryParts();
  try {
    const taken = "taken@example.com";
    const life = new Life(own.now());
    await own.apply(life.create(taken));
    const repeated = { want: ["Repeated@example.com"], reservationId: randomUUID(), userId: randomUUID() };
    await own.reserve(repeated);
    const before = own.statements();
    const plain = Array.from({ length: 60 }, (_, index) =>
      own.reserve({ want: [`plain.${index}@example.com`] }),
    );
    const odd = [
      own.reserve({ want: [taken] }),
      own.reserve({ want: ["strict@example.com", taken], onTaken: "refuse" }),
      own.reserve({ want: ["postmaster@example.com"] }),
      own.reserve(repeated),
    ];
    for (const [index, { addresses }] of (await Promise.all(plain)).entries())
      t.is(addresses[0]?.assigned, `plain.${index}@example.com`);
    const [suffixed, refused, blocked, again] = await Promise.allSettled(odd);
    const assignedIn = (outcome: typeof suffixed) =>
      outcome?.status === "fulfilled" ? outcome.value.addresses[0]?.assigned : undefined;
    t.is(assignedIn(suffixed), "taken2@example.com");
    t.is(refused?.status, "rejected");
    t.is((await own.lookUp("strict@example.com")).status, "available");
    t.true(blocked?.status === "rejected" && blocked.reason instanceof Refusal);
    t.is(assignedIn(again), "Repeated@example.com");
    t.true(own.statements() - before < 30, `${own.statements() - before} statements for 64 requests`);
  } finally {
    await own.close();
  }
});

test.serial("40 concurrent reservations of one address get 40 addresses, without a gap", async (t) => {
  const address = fresh();
  const all = await Promise.all(Array.from({ length: 40 }, () => assigned({ want: [address] })));
  const expected = [address, ...Array.from({ length: 39 }, (_, index) => numbered(address, index + 2))];
  t.deepEqual(all.flat().sort(), expected.sort());
});

test.serial(
  "40 concurrent reservations of the same three addresses in any order neither deadlock nor share one",
  async (t) => {
    const base = [fresh(), fresh(), fresh()];
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        assigned({ want: [0, 1, 2].map((offset) => base[(index + offset) % 3] ?? "") }),
      ),
    );
    t.is(new Set(all.flat()).size, 120);
  },
);

test.serial("40 concurrent strict reservations of one address: one is granted", async (t) => {
  const address = fresh();
  const all = await Promise.allSettled(
    Array.from({ length: 40 }, () => rig.reserve({ want: [address, fresh()], onTaken: "refuse" })),
  );
  t.is(all.filter((result) => result.status === "fulfilled").length, 1);
  t.true(all.every((result) => result.status === "fulfilled" || result.reason instanceof Refusal));
});

test("The answer tells what was requested, what was assigned and why", async (t) => {
  const address = fresh();
  const { id } = await active(address);
  const { addresses } = await rig.reserve({ want: [address] });
  t.deepEqual(addresses, [
    { requested: address, assigned: numbered(address, 2), kind: "primary", reason: "active" },
  ]);
  t.is((await rig.lookUp(address)).userId, id);
});

test("A suffix that someone took explicitly is passed over, and each number is used once", async (t) => {
  const address = fresh();
  await active(address, numbered(address, 2));
  await active(numbered(address, 4));
  t.deepEqual(await assigned({ want: [address] }), [numbered(address, 3)]);
  t.deepEqual(await assigned({ want: [address] }), [numbered(address, 5)]);
  t.deepEqual(await assigned({ want: [address] }), [numbered(address, 6)]);
});

test("A primary's suffix does not collide with a secondary of the same request", async (t) => {
  const address = fresh();
  await active(address);
  t.deepEqual(await assigned({ want: [address, numbered(address, 2)] }), [
    numbered(address, 3),
    numbered(address, 2),
  ]);
});

test("Primary and secondaries that are taken each get a suffix of their own", async (t) => {
  const [first, second, third] = [fresh(), fresh(), fresh()];
  await active(first, second);
  t.deepEqual(await assigned({ want: [first, second, third, first.toUpperCase()] }), [
    numbered(first, 2),
    numbered(second, 2),
    third,
    numbered(first, 2),
  ]);
});

test("A repeated reservation has the same answer and a new time to live, also under another user id", async (t) => {
  const [address, other] = [fresh(), fresh()];
  await active(address);
  const reservationId = randomUUID();
  const first = await rig.reserve({ want: [address, other], reservationId });
  const mover = await active(fresh());
  rig.advance(1_000);
  const again = await rig.reserve({ want: [address, other], reservationId, userId: mover.id });
  t.deepEqual(again.addresses, first.addresses);
  t.is(again.expiresAt, new Date(rig.now().getTime() + ttlMs).toISOString());
  t.is((await heldBy(mover.id)).length, 3);
});

test.serial("40 concurrent calls of one reservation have one answer", async (t) => {
  const address = fresh();
  await active(address);
  const reservationId = randomUUID();
  const userId = randomUUID();
  const all = await Promise.all(
    Array.from({ length: 40 }, () => assigned({ want: [address], reservationId, userId })),
  );
  t.is(new Set(all.flat()).size, 1);
  t.is((await heldBy(userId)).length, 1);
});

test("Another address set under the same reservation ends the holds it no longer wants", async (t) => {
  const [kept, dropped, added] = [fresh(), fresh(), fresh()];
  await active(dropped);
  const [reservationId, userId] = [randomUUID(), randomUUID()];
  t.deepEqual(await assigned({ want: [kept, dropped], reservationId, userId }), [kept, numbered(dropped, 2)]);
  await rig.reserve({ want: [kept, added], reservationId, userId });
  t.deepEqual(await heldBy(userId), [kept, added].map(addressKey).sort());
});

test("A hold that the caller then knows to be taken is exchanged for the next number", async (t) => {
  const address = fresh();
  await active(address);
  const [reservationId, userId] = [randomUUID(), randomUUID()];
  await rig.reserve({ want: [address], reservationId, userId });
  const alsoTaken = [addressKey(numbered(address, 2))];
  const { addresses } = await rig.reserve({ want: [address], reservationId, userId, alsoTaken });
  t.is(addresses[0]?.assigned, numbered(address, 3));
  t.deepEqual(await heldBy(userId), [addressKey(numbered(address, 3))]);
});

test("A free address that the caller knows to be taken is suffixed, or refused as active", async (t) => {
  const address = fresh();
  const alsoTaken = [addressKey(address)];
  t.deepEqual(await assigned({ want: [address], alsoTaken }), [numbered(address, 2)]);
  const data = await refusal(rig.reserve({ want: [address], alsoTaken, onTaken: "refuse" }));
  t.deepEqual(data.conflicts, [{ address, kind: "primary", status: "active", userId: null }]);
});

test("A strict reservation names every conflict by its place in the request and who has it, and holds nothing", async (t) => {
  const [one, two, three, four, free] = [fresh(), fresh(), fresh(), fresh(), fresh()];
  const holder = await active(one, two);
  const deleted = await active(three);
  await rig.apply(deleted.remove());
  const writer = randomUUID();
  await rig.reserve({ want: [four], userId: writer });
  const userId = randomUUID();
  const want = [one, free, two, "postmaster@example.com", three, four];
  const data = await refusal(rig.reserve({ want, userId, onTaken: "refuse" }));
  t.is(data.type, "address-taken");
  t.deepEqual(
    data.errors?.map(({ pointer }) => pointer),
    ["#/primarySmtp", "#/secondarySmtps/1", "#/secondarySmtps/2", "#/secondarySmtps/3", "#/secondarySmtps/4"],
  );
  const kind = "secondary";
  t.deepEqual(data.conflicts, [
    { address: one, kind: "primary", status: "active", userId: holder.id },
    { address: two, kind, status: "active", userId: holder.id },
    { address: "postmaster@example.com", kind, status: "blocked", userId: null },
    { address: three, kind, status: "deleted", userId: deleted.id },
    { address: four, kind, status: "reserved", userId: writer },
  ]);
  t.deepEqual(await heldBy(userId), []);
});

test("A blocked name is refused and never suffixed, whatever its case, and nothing is held", async (t) => {
  const [userId, free] = [randomUUID(), fresh()];
  for (const onTaken of ["suffix", "suffix-primary", "refuse"] as const) {
    const want = ["PostMaster@blocked.example", free, "CEO@blocked.example"];
    const data = await refusal(rig.reserve({ want, userId, onTaken }));
    t.deepEqual(data.conflicts, [
      { address: "PostMaster@blocked.example", kind: "primary", status: "blocked", userId: null },
      { address: "CEO@blocked.example", kind: "secondary", status: "blocked", userId: null },
    ]);
  }
  t.deepEqual(await heldBy(userId), []);
  t.is((await rig.lookUp("abuse@blocked.example")).status, "blocked");
});

test("A user's own addresses are granted, and no hold weakens them", async (t) => {
  const [address, second, added] = [fresh(), fresh(), fresh()];
  const life = await active(address, second);
  const reservationId = randomUUID();
  const wish = { want: [second, address, added], userId: life.id, reservationId, onTaken: "refuse" as const };
  t.deepEqual(await assigned(wish), wish.want);
  t.is((await rig.lookUp(address)).status, "active");
  t.is(await rig.release(reservationId, life.id), 1);
  t.is((await rig.lookUp(address)).kind, "primary");
  await rig.apply(life.remove());
  t.deepEqual(await assigned({ ...wish, want: [address, second] }), [address, second]);
  t.is((await rig.lookUp(address)).status, "deleted");
});

test("Release ends only holds of that reservation and user, and gives the number to the next", async (t) => {
  const address = fresh();
  await active(address);
  const [reservationId, userId] = [randomUUID(), randomUUID()];
  t.deepEqual(await assigned({ want: [address], reservationId, userId }), [numbered(address, 2)]);
  t.is(await rig.release(reservationId, randomUUID()), 0);
  t.is(await rig.release(randomUUID(), userId), 0);
  t.is(await rig.release(reservationId, userId), 1);
  t.deepEqual(await assigned({ want: [address] }), [numbered(address, 2)]);
});

test("A suffix does not split a character and stays within 64 octets", async (t) => {
  const fits = `${"a".repeat(60)}é@example.com`;
  const cut = `${"b".repeat(56)}👩🏽@example.com`;
  await active(fits, cut);
  t.deepEqual(await assigned({ want: [fits, cut] }), [
    `${"a".repeat(60)}é2@example.com`,
    `${"b".repeat(56)}2@example.com`,
  ]);
});

test("Two long names that are cut to the same one share their numbers", async (t) => {
  const [one, two] = ["y", "z"].map((last) => `${"c".repeat(63)}${last}@example.com`) as [string, string];
  await active(one, two);
  t.deepEqual(await assigned({ want: [one, two] }), [
    `${"c".repeat(63)}2@example.com`,
    `${"c".repeat(63)}3@example.com`,
  ]);
});

test("Addresses with quotes, question marks and dollar signs are kept as they are", async (t) => {
  const want = ["o'neil?$1{x}@example.com", "what??@example.com"];
  t.deepEqual(await assigned({ want }), want);
  t.deepEqual(await assigned({ want }), ["o'neil?$1{x}2@example.com", "what??2@example.com"]);
});

test("what is granted after its caller has given up is let go", async (t) => {
  const [userId, taken] = [randomUUID(), fresh()];
  await active(taken);
  for (const want of [[fresh()], [taken]])
    await t.throwsAsync(rig.reserve({ userId, want, callerWaitsMs: 0 }), { instanceOf: Unavailable });
  t.deepEqual(await heldBy(userId), []);
});
