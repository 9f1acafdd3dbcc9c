/** A standby that lacks what was acknowledged is promoted: no version tells two things, and no number is given twice. */
import assert from "node:assert/strict";
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { failover } from "../support/failover.ts";
import { rigOf } from "../support/rig.ts";

const timeoutMs = 180_000;

test("after a failover that lost writes no version is given again, and the registry follows", async (t) => {
  t.timeout(timeoutMs, "two PostgreSQL are started");
  const pair = await failover();
  t.teardown(pair.remove);
  const users = await pair.database("users");
  const rig = await rigOf(t, {
    services: ["users", "smtp-registry", "audit", "outbox", "reconciler", "dead-letters"],
    databases: { users },
    environment: { RECONCILE_GRACE_MS: "100", RECONCILE_MINUTES: "0" },
  });
  const other = await rig.another();
  const create = (local: string) =>
    rig.call("users.create", { displayName: "Ann", primarySmtp: `${local}@one.example` });
  const rename = (instance: typeof other, id: string, displayName: string) =>
    instance.call("users.patch", { id, displayName });
  const marks = async () => {
    const { rows } = await rig.registryDb.query<{ user_id: string; version: number }>(
      "select user_id, version from watermarks",
    );
    return new Map(rows.map((row) => [row.user_id, row.version]));
  };
  const isToldAs = (id: string, version: number) =>
    eventually(async () => assert.equal((await marks()).get(id), version));

  const [ann, ben] = [await create("ann"), await create("ben")];
  await rename(other, ben.id, "Ben"); // so that the other process knows the generation
  await isToldAs(ben.id, 2);
  await pair.cutOff();
  t.is((await rename(rig, ann.id, "Lost")).version, 2);
  await isToldAs(ann.id, 2);

  await pair.failOver();
  t.is((await rename(rig, ann.id, "Found")).version, 1_000_000);
  t.is((await rename(other, ben.id, "Bert")).version, 1_000_000);
  t.is((await rename(other, ann.id, "Ann")).version, 1_000_001);
  t.is((await create("cay")).version, 1_000_000);
  await isToldAs(ann.id, 1_000_001);
  const { rows } = await rig.usersDb.query("select generation from generations");
  t.deepEqual(rows, [{ generation: 1 }]);
  await eventually(async () => {
    const { violations } = await rig.call("reconciler.run", {});
    assert.deepEqual(violations, {});
  });
});

test("one decision settles every orphan, and tells for whom it can't be carried out", async (t) => {
  const rig = await rigOf(t, { environment: { RECONCILE_GRACE_MS: "100", RECONCILE_MINUTES: "0" } });
  const address = (local: string) => `${local}@three.example`;
  const create = (local: string) =>
    rig.call("users.create", { displayName: "Ann", primarySmtp: address(local), onTaken: "refuse" });
  const statusOf = async (local: string) =>
    (await rig.call("smtp-registry.lookup", { address: address(local) })).status;
  const users = [await create("one"), await create("two"), await create("three")];
  const stays = await create("stays");
  for (const local of ["one", "two", "three", "stays"])
    await eventually(async () => assert.equal(await statusOf(local), "active"));
  const ids = users.map(({ id }) => id);
  for (const table of ["users where id", "address_keys where user_id"])
    await rig.usersDb.query(`delete from ${table} = any($1)`, [ids]);
  await rig.usersDb.query("insert into address_keys (key, user_id) values ($1, $2)", [
    address("three"),
    stays.id,
  ]);

  const reason = "lost in the failover, ticket 4711";
  const { decided, left } = await rig.call("reconciler.decide", { as: "restored", reason });
  t.is(decided, 2);
  t.deepEqual(
    left.map(({ userId }) => userId),
    [ids[2]],
  );
  t.regex(left[0]?.why ?? "", /another has an address/);
  t.like(await rig.call("users.get", { id: ids[0] ?? "" }), { primarySmtp: address("one") });

  t.deepEqual(await rig.call("reconciler.decide", { as: "released", reason }), { decided: 1, left: [] });
  await eventually(async () => assert.equal(await statusOf("three"), "available"));
  await eventually(async () => assert.deepEqual((await rig.call("reconciler.run", {})).violations, {}));
  t.deepEqual(await rig.call("reconciler.decide", { as: "released", reason }), { decided: 0, left: [] });
  t.is((await rig.call("users.get", { id: stays.id })).version, 1);
});

test("an orphan is released, so that its addresses are free, or restored with them unless another has one", async (t) => {
  const rig = await rigOf(t, { environment: { RECONCILE_GRACE_MS: "100", RECONCILE_MINUTES: "0" } });
  const create = (local: string) =>
    rig.call("users.create", {
      displayName: "Ann",
      primarySmtp: `${local}@two.example`,
      onTaken: "refuse",
    });
  const statusOf = async (local: string) =>
    (await rig.call("smtp-registry.lookup", { address: `${local}@two.example` })).status;
  const is = (local: string, status: string) =>
    eventually(async () => assert.equal(await statusOf(local), status));
  const [gone, back, late] = [await create("gone"), await create("back"), await create("late")];
  for (const local of ["gone", "back", "late"]) await is(local, "active");
  const ids = [gone.id, back.id, late.id];
  for (const table of ["users where id", "address_keys where user_id"])
    await rig.usersDb.query(`delete from ${table} = any($1)`, [ids]);
  await t.throwsAsync(create("gone"), undefined, "the orphan blocks it");

  const reason = "lost in the failover, ticket 4711";
  await rig.call("reconciler.release", { userId: gone.id, reason }, { actor: "helpdesk" });
  await is("gone", "available");
  t.is((await create("gone")).primarySmtp, "gone@two.example");

  await rig.call("reconciler.restore", { userId: back.id, reason });
  t.like(await rig.call("users.get", { id: back.id }), { primarySmtp: "back@two.example" });

  await rig.usersDb.query("insert into address_keys (key, user_id) values ('late@two.example', $1)", [
    back.id,
  ]);
  await t.throwsAsync(rig.call("reconciler.restore", { userId: late.id, reason }), {
    message: /another has an address/,
  });
  await rig.call("reconciler.release", { userId: late.id, reason });
  await is("late", "available");

  await eventually(async () => assert.deepEqual((await rig.call("reconciler.run", {})).violations, {}));
  await t.throwsAsync(rig.call("reconciler.release", { userId: back.id, reason }), {
    message: /no.* with this id/,
  });
  const { rows } = await rig.usersDb.query(
    "select distinct acknowledged_by, reason from consistency_acknowledgements where user_id = $1",
    [gone.id],
  );
  t.deepEqual(rows, [{ acknowledged_by: "helpdesk", reason }]);
});
