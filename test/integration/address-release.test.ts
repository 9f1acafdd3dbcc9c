/** A release ends tombstone and quarantine at once, for good, and in both databases: docs/adr/0055. */
import assert from "node:assert/strict";
import test from "ava";
import { dayMs } from "../../services/contracts/terms.ts";
import { eventually } from "../support/eventually.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const reason = "Her successor takes over, ticket 4712";
const environment = { RECONCILE_GRACE_MS: "100", RECONCILE_MINUTES: "0" };
const ann = { displayName: "Ann", primarySmtp: "ann@one.example", secondarySmtps: ["a.lee@one.example"] };
const ben = { displayName: "Ben", primarySmtp: "Ann@one.example", onTaken: "refuse" };

type Headers = Record<string, string>;
const release = (rig: Rig, address: string, headers: Headers = {}) =>
  rig.http("POST", `/smtp/${address}/release`, { reason }, headers);
const statusOf = async (rig: Rig, address: string) => (await rig.http("GET", `/smtp/${address}`)).body.status;

const erase = (rig: Rig, id: string) =>
  eventually(async () => {
    const { status } = await rig.http("POST", `/users/${id}/erase`, { reason });
    assert.equal(status, 204);
  });

async function deletedUser(rig: Rig): Promise<string> {
  const { body } = await rig.http("POST", "/users", ann);
  const id = String(body.id);
  assert.equal((await rig.http("DELETE", `/users/${id}`)).status, 204);
  await eventually(async () => assert.equal(await statusOf(rig, ann.primarySmtp), "deleted"));
  return id;
}

const arrived = (rig: Rig, id: string, version: number) =>
  eventually(async () => {
    for (const [pool, text] of [
      [rig.registryDb, "select from watermarks where user_id = $1 and version >= $2"],
      [rig.usersDb, "select from audit_entries where user_id = $1 and version >= $2"],
    ] as const)
      assert.ok((await pool.query(text, [id, version])).rows.length > 0);
  });

async function agree(rig: Rig): Promise<void> {
  await eventually(async () => {
    const report = await rig.call("reconciler.run", {});
    assert.deepEqual([report.violations, report.pending.count], [{}, 0]);
  });
}

/** The registry's database takes no row out of a table while the condition, on the row `old`, holds. */
const refuseDeletes = ({ registryDb }: Rig, table: string, condition: string) =>
  registryDb.query(`
    create function refuse() returns trigger as $$
    begin
      if ${condition} then raise exception 'refused'; end if;
      return old;
    end $$ language plpgsql;
    create trigger refused before delete on ${table} for each row execute function refuse()`);

for (const bus of ["in-process", "rabbitmq"] as const)
  test.serial(
    `what was released is anybody's at once, and no event, repair or restore keeps it again, over ${bus}`,
    async (t) => {
      const rig = await rigOf(t, { environment, bus });
      const id = await deletedUser(rig);
      const past = new Date().toISOString();
      t.is((await rig.http("POST", "/users", ben)).status, 409);
      t.is((await release(rig, "ANN@one.example")).status, 204);
      t.is(await statusOf(rig, "ann@one.example"), "available");
      t.is(await statusOf(rig, "a.lee@one.example"), "deleted", "her other address stays");
      const { status, body } = await rig.http("POST", "/users", ben);
      t.is(status, 201);
      t.is(body.primarySmtp, "Ann@one.example");
      await arrived(rig, id, 3);
      t.is((await rig.http("GET", "/smtp/ann@one.example")).body.userId, body.id);
      t.like((await rig.http("GET", `/smtp/ann@one.example?at=${past}`)).body, {
        status: "deleted",
        userId: id,
      });
      await agree(rig);
      await rig.call("users.reemit", { userId: id, above: 3 });
      await arrived(rig, id, 4);
      await agree(rig);
      t.is((await rig.http("GET", "/smtp/ann@one.example")).body.userId, body.id);
      t.is((await rig.http("POST", `/users/${id}/restore`)).status, 409);
      t.is(
        (
          await rig.http("PUT", `/users/${body.id}`, {
            displayName: "Ben",
            primarySmtp: "ben@one.example",
            secondarySmtps: [],
          })
        ).status,
        200,
      );
      t.is((await rig.http("PATCH", `/users/${body.id}`, { secondarySmtps: [] })).status, 200);
      await eventually(async () => {
        const restored = await rig.http("POST", `/users/${id}/restore`);
        assert.equal(restored.status, 200);
        t.like(restored.body, ann);
      });
      await agree(rig);
      const { body: history } = await rig.http("GET", "/smtp/ann@one.example/history");
      t.deepEqual(
        history.items.map((item: { userId: string; status: string }) => [item.userId === id, item.status]),
        [
          [true, "active"],
          [false, "active"],
          [false, "active"],
          [true, "deleted"],
          [true, "active"],
        ],
      );
    },
  );

test.serial("who released what, and why, is on record, once for a request and its repeats", async (t) => {
  const rig = await rigOf(t, { environment });
  const id = await deletedUser(rig);
  const key = { "idempotency-key": "release-1" };
  t.is((await release(rig, ann.primarySmtp, key)).status, 204);
  t.is((await rig.http("POST", "/users", ben)).status, 201);
  const again = await release(rig, ann.primarySmtp, key);
  t.is(again.status, 204);
  t.is(again.headers.get("idempotent-replayed"), "true");
  await arrived(rig, id, 3);
  const { body: audit } = await rig.http("GET", `/audit?userId=${id}`);
  t.like(audit.items.at(-1), {
    action: "address.released",
    actor: "local",
    changes: [{ field: "released", from: null, to: [ann.primarySmtp] }],
  });
  await eventually(async () => {
    const { body } = await rig.http("GET", "/activity?action=users.release");
    assert.deepEqual(
      body.items.map((item: Record<string, unknown>) => [item.principal, item.scope, item.reason]),
      [["local", "addresses:release", reason]],
    );
  });
});

test.serial(
  "what somebody has is not released, nor what is kept for nobody, nor without a reason",
  async (t) => {
    let passed = 0;
    const rig = await rigOf(t, { environment, now: () => new Date(Date.now() + passed) });
    t.is(
      (await rig.http("POST", "/users", { ...ann, primarySmtp: "here@one.example", secondarySmtps: [] }))
        .status,
      201,
    );
    for (const [address, status, type] of [
      ["here@one.example", 409, "/problems/address-held"],
      ["free@one.example", 404, "/problems/not-found"],
      ["postmaster@one.example", 404, "/problems/not-found"],
      ["no-address", 422, "/problems/invalid-fields"],
    ] as const)
      t.like(await release(rig, address), { status, body: { type } }, address);
    await rig.call("smtp-registry.reserve", {
      reservationId: "r1",
      userId: "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
      onTaken: "refuse",
      addresses: [{ address: "promised@one.example", kind: "primary" }],
    });
    t.is((await release(rig, "promised@one.example")).status, 409);
    const id = await deletedUser(rig);
    for (const body of [{}, { reason: "" }, { reason, address: "here@one.example" }, { reason, id }])
      t.is((await rig.http("POST", "/smtp/ann@one.example/release", body)).status, 422, JSON.stringify(body));
    passed = 100 * dayMs;
    t.is(await statusOf(rig, "ann@one.example"), "quarantined");
    t.is((await release(rig, "ann@one.example")).status, 204);
    t.is((await release(rig, "ann@one.example")).status, 404, "once is enough");
    passed = 396 * dayMs;
    t.is((await release(rig, "a.lee@one.example")).status, 404);
  },
);

test.serial(
  "what an erased person has left is released too, also when the registry hears of it later",
  async (t) => {
    const rig = await rigOf(t, { environment });
    const id = await deletedUser(rig);
    await erase(rig, id);
    await arrived(rig, id, 3);
    t.is((await release(rig, "ann@one.example")).status, 204);
    t.is(await statusOf(rig, "ann@one.example"), "available");
    t.is((await rig.http("POST", "/users", ben)).status, 201);
    await refuseDeletes(rig, "erased_addresses", "true");
    t.is((await release(rig, "a.lee@one.example")).status, 204);
    t.is(await statusOf(rig, "a.lee@one.example"), "deleted");
    await rig.registryDb.query("drop trigger refused on erased_addresses");
    await eventually(async () => assert.equal(await statusOf(rig, "a.lee@one.example"), "available"));
    await eventually(async () => {
      const { rows } = await rig.usersDb.query(
        "select from releases_under_way union all select from erased_keys",
      );
      assert.equal(rows.length, 0);
    });
    const { body } = await rig.http("GET", "/smtp/a.lee@one.example/history");
    t.is(body.items.length, 2);
    t.true(Date.parse(body.items[0].until) <= Date.now(), "it is kept no longer");
  },
);

test.serial("when the registry was not told by a call, the event tells it", async (t) => {
  const rig = await rigOf(t, { environment });
  const id = await deletedUser(rig);
  await refuseDeletes(
    rig,
    "addresses",
    "not exists (select from watermarks where user_id = old.user_id and version > 2)",
  );
  t.is((await release(rig, ann.primarySmtp)).status, 204);
  await arrived(rig, id, 3);
  t.is(await statusOf(rig, ann.primarySmtp), "available");
  await agree(rig);
});

test.serial("while the registry can't be asked nothing is released", async (t) => {
  const rig = await rigOf(t, { environment });
  const id = await deletedUser(rig);
  const registry = rig.broker.getLocalService("smtp-registry");
  assert.ok(registry);
  await rig.broker.destroyService(registry);
  t.is((await rig.httpOnce("POST", `/smtp/${ann.primarySmtp}/release`, { reason })).status, 503);
  const { rows } = await rig.usersDb.query("select version from users where id = $1", [id]);
  t.is(rows[0].version, 2);
});
