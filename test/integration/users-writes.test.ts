import assert from "node:assert/strict";
import test from "ava";
import { Refusal } from "../../services/contracts/errors.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ services: ["users", "smtp-registry"] });
});
test.after.always(() => rig.stop());

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const create = (primarySmtp: string, secondarySmtps?: string[]) =>
  rig.call("users.create", { displayName: "Ann Lee", primarySmtp, secondarySmtps });
const keysOf = async (userId: string): Promise<string[]> => {
  const found = await rig.usersDb.query("select key from address_keys where user_id = $1 order by key", [
    userId,
  ]);
  return found.rows.map(({ key }) => key);
};

test.serial(
  "a create answers the user and leaves its row, its keys and one event with its whole state",
  async (t) => {
    const meta = { correlationId: "create-1", actor: "hr-portal" };
    const user = await rig.call(
      "users.create",
      {
        displayName: " Zoë ",
        primarySmtp: "Zoe@One.example",
        secondarySmtps: ["z@one.example", "ZOE@one.example"],
      },
      meta,
    );
    t.regex(user.id, uuidV7);
    t.like(user, { displayName: "Zoë", primarySmtp: "Zoe@one.example", version: 1 });
    t.deepEqual(user.secondarySmtps, ["z@one.example"]);
    t.false("requestedSmtp" in user);
    t.false("assignments" in user);
    t.deepEqual(await keysOf(user.id), ["z@one.example", "zoe@one.example"]);
    const events = await rig.eventsOf(user.id);
    t.is(events.length, 1);
    t.like(events[0], {
      type: "user.created.v1",
      sequence: 1,
      time: user.updatedAt,
      correlationid: "create-1",
      causationid: "create-1",
      actor: "hr-portal",
    });
    t.deepEqual(events[0]?.data.user, { ...user, deletedAt: null });
  },
);

test.serial(
  "a taken primary gets a suffix, and answer and event tell what was asked for and why",
  async (t) => {
    await create("bob@two.example");
    const user = await create("Bob@two.example", ["bob@two.example", "robert@two.example"]);
    t.is(user.primarySmtp, "Bob2@two.example");
    t.is(user.requestedSmtp, "Bob@two.example");
    t.is(user.assignments?.length, 1);
    t.like(user.assignments?.[0], {
      requested: "Bob@two.example",
      assigned: "Bob2@two.example",
      kind: "primary",
    });
    t.deepEqual(user.secondarySmtps, ["robert@two.example"]);
    t.deepEqual((await rig.eventsOf(user.id))[0]?.data.assignments, user.assignments);
  },
);

test.serial("a suffix that a secondary asked for does not count as a change of the primary", async (t) => {
  await create("sales.team@three.example");
  const user = await rig.call("users.create", {
    displayName: "Cy",
    primarySmtp: "cy@three.example",
    secondarySmtps: ["sales.team@three.example"],
    onTaken: "suffix",
  });
  t.deepEqual(user.secondarySmtps, ["sales.team2@three.example"]);
  t.is(user.requestedSmtp, undefined);
  t.like(user.assignments?.[0], { kind: "secondary", assigned: "sales.team2@three.example" });
});

test.serial(
  "a replace without secondaries keeps them, one with them sets them and keeps the old primary",
  async (t) => {
    const { id } = await create("dee@four.example", ["d@four.example"]);
    const first = await rig.call("users.replace", {
      id,
      displayName: "Dee",
      primarySmtp: "dee.lee@four.example",
      version: 99,
      createdAt: "ignored",
    });
    t.deepEqual(first?.secondarySmtps, ["d@four.example", "dee@four.example"]);
    const second = await rig.call("users.replace", {
      id,
      displayName: "Dee",
      primarySmtp: "dee@four.example",
      secondarySmtps: ["new@four.example"],
    });
    t.deepEqual(second?.secondarySmtps, ["new@four.example", "dee.lee@four.example"]);
    t.is(second?.version, 3);
    t.deepEqual(await keysOf(id), ["dee.lee@four.example", "dee@four.example", "new@four.example"]);
    t.deepEqual(
      (await rig.eventsOf(id)).map(({ type, sequence }) => [type, sequence]),
      [
        ["user.created.v1", 1],
        ["user.updated.v1", 2],
        ["user.updated.v1", 3],
      ],
    );
  },
);

test.serial("a patch changes the fields given, and null empties the secondaries", async (t) => {
  const { id } = await create("eve@five.example", ["e@five.example"]);
  const named = await rig.call("users.patch", { id, displayName: "Eve" });
  t.like(named, { displayName: "Eve", primarySmtp: "eve@five.example", version: 2 });
  const emptied = await rig.call("users.patch", { id, secondarySmtps: null });
  t.deepEqual(emptied?.secondarySmtps, []);
  t.deepEqual(await keysOf(id), ["eve@five.example"]);
});

test.serial("a write that changes nothing leaves the version as it is and tells nobody", async (t) => {
  const user = await create("fay@six.example", ["f@six.example"]);
  const { id } = user;
  t.deepEqual(await rig.call("users.patch", { id, displayName: "Ann Lee" }), user);
  t.deepEqual(
    await rig.call("users.replace", {
      id,
      displayName: "Ann Lee",
      primarySmtp: "fay@six.example",
      secondarySmtps: ["f@six.example"],
    }),
    user,
  );
  t.is((await rig.eventsOf(id)).length, 1);
});

test.serial(
  "an update to taken addresses is refused, names each of them where the request does, and changes nothing",
  async (t) => {
    await create("gus@seven.example", ["g@seven.example"]);
    const { id } = await create("hal@seven.example");
    const refused = await t.throwsAsync(
      rig.call("users.patch", {
        id,
        primarySmtp: "GUS@seven.example",
        secondarySmtps: ["free@seven.example", "g@seven.example"],
      }),
      { instanceOf: Refusal },
    );
    t.is(refused.type, "address-taken");
    t.deepEqual(
      refused.data.errors?.map(({ pointer }) => pointer),
      ["#/primarySmtp", "#/secondarySmtps/1"],
    );
    t.like(await rig.call("users.get", { id }), { version: 1, primarySmtp: "hal@seven.example" });
    t.is((await rig.eventsOf(id)).length, 1);
    await eventually(async () => {
      const found = await rig.call("smtp-registry.lookup", { address: "free@seven.example" });
      assert.equal(found.status, "available");
    });
  },
);

test.serial(
  "a removed user is gone for reads and writes, keeps its keys, and a restore brings back all of it",
  async (t) => {
    const { id, ...before } = await create("ida@eight.example", ["i@eight.example"]);
    t.is(await rig.call("users.remove", { id }), null);
    t.deepEqual(await keysOf(id), ["i@eight.example", "ida@eight.example"]);
    for (const call of [
      rig.call("users.get", { id }),
      rig.call("users.remove", { id }),
      rig.call("users.patch", { id, displayName: "x" }),
      rig.call("users.replace", { id, displayName: "x", primarySmtp: "x@eight.example" }),
    ])
      t.is((await t.throwsAsync(call, { instanceOf: Refusal })).type, "not-found");
    const restored = await rig.call("users.restore", { id });
    t.like(restored, { version: 3, createdAt: before.createdAt, primarySmtp: "ida@eight.example" });
    t.deepEqual(restored?.secondarySmtps, ["i@eight.example"]);
    t.deepEqual(await keysOf(id), ["i@eight.example", "ida@eight.example"]);
    t.is(
      (await t.throwsAsync(rig.call("users.restore", { id }), { instanceOf: Refusal })).type,
      "not-deleted",
    );
    const [, deleted, undone] = await rig.eventsOf(id);
    t.like(deleted, { type: "user.deleted.v1", sequence: 2 });
    t.is(deleted?.data.user.deletedAt, deleted?.time);
    t.like(undone, { type: "user.restored.v1", sequence: 3, data: { user: { deletedAt: null } } });
  },
);

test.serial("a write on a user that never was is not found", async (t) => {
  const id = "0199a000-0000-7000-8000-00000000dead";
  for (const call of [rig.call("users.patch", { id }), rig.call("users.restore", { id })])
    t.is((await t.throwsAsync(call, { instanceOf: Refusal })).type, "not-found");
});

test.serial("a write that expects another version is refused and leaves nothing behind", async (t) => {
  const { id } = await create("joe@nine.example");
  await rig.call("users.patch", { id, displayName: "Joe", expectedVersions: [1] });
  for (const call of [
    rig.call("users.patch", { id, displayName: "J", expectedVersions: [1] }),
    rig.call("users.remove", { id, expectedVersions: [1, 3] }),
  ])
    t.is((await t.throwsAsync(call, { instanceOf: Refusal })).type, "version-mismatch");
  t.like(await rig.call("users.get", { id }), { version: 2, displayName: "Joe" });
});

test.serial("of concurrent writes that expect the same version one is carried out", async (t) => {
  const { id } = await create("kim@nine.example");
  const other = await rig.another();
  const results = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) =>
      (n % 2 ? rig : other).call("users.patch", { id, displayName: `Kim ${n}`, expectedVersions: [1] }),
    ),
  );
  t.is(results.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of results)
    if (result.status === "rejected") t.is((result.reason as Refusal).type, "version-mismatch");
  t.is((await rig.call("users.get", { id })).version, 2);
});

test.serial(
  "an event that can't be stored undoes the user and its addresses, and frees what was reserved",
  async (t) => {
    await rig.refuseEventsOf("refuse-my-event");
    const poisoned = { correlationId: "refuse-my-event" };
    const { id } = await create("lea@ten.example");
    await t.throwsAsync(
      rig.call("users.create", { displayName: "L", primarySmtp: "lost@ten.example" }, poisoned),
    );
    await t.throwsAsync(rig.call("users.patch", { id, primarySmtp: "never@ten.example" }, poisoned));
    await t.throwsAsync(rig.call("users.remove", { id }, poisoned));
    t.like(await rig.call("users.get", { id }), { version: 1, primarySmtp: "lea@ten.example" });
    t.deepEqual(await keysOf(id), ["lea@ten.example"]);
    t.is((await rig.eventsOf(id)).length, 1);
    t.is((await rig.call("users.list", { smtp: "lost@ten.example" })).items.length, 0);
    await eventually(async () => {
      for (const address of ["lost@ten.example", "never@ten.example"])
        assert.equal((await rig.call("smtp-registry.lookup", { address })).status, "available");
    });
  },
);

test.serial("40 concurrent creates of one address give 40 users with 40 addresses", async (t) => {
  const users = await Promise.all(Array.from({ length: 40 }, () => create("crowd@eleven.example")));
  t.is(new Set(users.map(({ id }) => id)).size, 40);
  t.is(new Set(users.map(({ primarySmtp }) => primarySmtp)).size, 40);
  for (const { primarySmtp } of users) t.regex(primarySmtp, /^crowd\d*@eleven\.example$/);
});

test.serial(
  "concurrent updates of one user in two processes get versions without gaps, events in their order",
  async (t) => {
    const { id } = await create("max@twelve.example");
    const other = await rig.another();
    const users = await Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        (n % 2 ? rig : other).call("users.patch", { id, displayName: `Max ${n}` }),
      ),
    );
    const expected = Array.from({ length: 40 }, (_, n) => n + 2);
    t.deepEqual(
      users.map((user) => Number(user?.version)).toSorted((a, b) => a - b),
      expected,
    );
    t.deepEqual(
      (await rig.eventsOf(id)).map(({ sequence }) => sequence),
      [1, ...expected],
    );
  },
);

test("a user is told again at most 10,000 versions on, and stays writable", async (t) => {
  const { id } = await create("headroom@example.com");
  const absurd = [2 ** 31 - 2, 2 ** 31 - 1, 1e15, 10_002];
  for (const above of absurd) {
    const refusal = await t.throwsAsync(rig.call("users.reemit", { userId: id, above }), {
      instanceOf: Refusal,
    });
    t.is(refusal.type, "invalid-fields", String(above));
  }
  t.deepEqual(await rig.call("users.reemit", { userId: id, above: 10_001 }), { version: 10_002 });
  t.is((await rig.call("users.patch", { id, displayName: "Ann Again" })).version, 10_003);
});
