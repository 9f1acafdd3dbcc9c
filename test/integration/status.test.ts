/** How an installation stands, in one snapshot. */
import assert from "node:assert/strict";
import test from "ava";
import { counting } from "../../mixins/postgres/counting.ts";
import type { Status } from "../../services/contracts/status.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { rigOf } from "../support/rig.ts";

test("one answer tells checks, outbox, queues, circuit, letters and counts by status and domain", async (t) => {
  const rig = await rigOf(t);
  const create = (primarySmtp: string, secondarySmtps: string[] = []) =>
    rig.http("POST", "/users", { displayName: "Ann", primarySmtp, secondarySmtps });
  const { body: ann } = await create("ann@one.example", ["a.lee@two.example"]);
  await create("ben@one.example");
  await rig.http("DELETE", `/users/${ann.id}`);
  await eventually(async () => {
    const { status, body } = await rig.http("GET", "/status");
    assert.equal(status, 200);
    const told = body as Status;
    assert.equal(told.status, "up");
    assert.deepEqual(told.unseen, []);
    for (const service of [
      "users",
      "smtp-registry",
      "audit",
      "outbox",
      "dead-letters",
      "reconciler",
      "access",
    ])
      assert.deepEqual(told.checks[service], { status: "up" }, service);
    assert.deepEqual(told.outbox, { pending: 0, oldestAgeS: 0 });
    assert.deepEqual(
      told.queues?.map(({ messages }) => messages),
      [0, 0],
    );
    assert.equal(told.circuit, "closed");
    assert.deepEqual(told.deadLetters, { pending: 0, causes: [] });
    const { countedAt, ...users } = told.users ?? assert.fail("users are not counted");
    assert.ok(Date.parse(countedAt));
    assert.deepEqual(users, { active: 1, deleted: 1, erased: 0 });
    const { countedAt: _, ...addresses } = told.addresses ?? assert.fail("addresses are not counted");
    const none = { reserved: 0, quarantined: 0 };
    assert.deepEqual(addresses, {
      ...none,
      active: 1,
      deleted: 2,
      domains: [
        { domain: "one.example", users: 1, active: 1, deleted: 1, ...none },
        { domain: "two.example", users: 0, active: 0, deleted: 1, ...none },
      ],
      domainsTotal: 2,
    });
  });
  t.pass();
});

test("all who ask within a second get one snapshot, and 304 while nothing else is told", async (t) => {
  const rig = await rigOf(t);
  const answers = await Promise.all(Array.from({ length: 20 }, () => rig.http("GET", "/status")));
  const asked = new Set(answers.map(({ body }) => body.at)).size;
  t.true(asked <= 2, `${asked} snapshots`);
  let tag = "";
  await eventually(async () => {
    const { headers, body } = await rig.http("GET", "/status");
    tag = headers.get("etag") ?? "";
    assert.equal(tag, `"${body.version}"`);
    await eventually(async () => assert.notEqual((await rig.http("GET", "/status")).body.at, body.at));
    const again = await fetch(`${rig.url}/status`, { headers: { "if-none-match": tag } });
    assert.equal(again.status, 304, "a later snapshot tells the same");
  });
  await rig.call("reconciler.run", {});
  await eventually(async () => {
    assert.equal((await fetch(`${rig.url}/status`, { headers: { "if-none-match": tag } })).status, 200);
  });
});

test("while a service is away the rest is told, and who is away is named", async (t) => {
  const rig = await rigOf(t);
  const registry = rig.broker.getLocalService("smtp-registry");
  assert.ok(registry);
  await rig.broker.destroyService(registry);
  const body = await eventually(async () => {
    const { status, body } = await rig.http("GET", "/status");
    assert.equal(status, 200);
    const told = body as Status;
    assert.ok(told.users, "the first count may take longer than an answer waits for it");
    return told;
  });
  t.like(body, {
    status: "partial",
    addresses: null,
    unseen: [{ service: "smtp-registry", reason: "can't be asked" }],
    checks: { users: { status: "up" } },
    users: { active: 0 },
  });
});

test("a count is made by one at a time, seldom, and waited for no longer than it may take", async (t) => {
  let release: (n: number) => void = () => undefined;
  let made = 0;
  const count = () => {
    made += 1;
    return new Promise<{ n: number }>((resolve) => {
      release = (n) => resolve({ n });
    });
  };
  const counted = counting(count, { now: () => new Date(0), log: testLogger({ lines: [] }) });
  t.deepEqual(await Promise.all([counted(), counted()]), [null, null]);
  t.is(made, 1);
  const later = counted();
  release(7);
  const known = { n: 7, countedAt: new Date(0).toISOString() };
  t.deepEqual(await later, known);
  t.deepEqual(await counted(), known);
  t.is(made, 1, "it took a quarter of a second, so the next one is due in 15 s");
});
