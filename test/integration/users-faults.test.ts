import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import { unkeyed } from "../../mixins/idempotency.ts";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { Refusal, Unavailable } from "../../services/contracts/errors.ts";
import { committer, writeBudget, writeBudgetMs } from "../../services/users/commit.ts";
import { usersEntities } from "../../services/users/entities.ts";
import { generations } from "../../services/users/generation.ts";
import { stateFinder } from "../../services/users/queries.ts";
import { registryClient } from "../../services/users/registry-client.ts";
import { decideCreate } from "../../services/users/rules.ts";
import { turns } from "../../services/users/turns-of-a-user.ts";
import { userWrites } from "../../services/users/write.ts";
import { eventually } from "../support/eventually.ts";
import { held } from "../support/held.ts";
import { testLogger } from "../support/logs.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, startRig } from "../support/rig.ts";

let rig: Rig;
test.before(async () => {
  rig = await startRig({ services: ["users", "smtp-registry", "outbox"] });
});
test.after.always(() => rig.stop());

/** The contract's bound for a refusal when something needed can't be reached. */
const refusedWithinMs = 2_000;

const create = (primarySmtp: string, secondarySmtps?: string[]) =>
  rig.call("users.create", { displayName: "Ann", primarySmtp, secondarySmtps });

async function refusedInTime(t: ExecutionContext, dependency: string, write: () => Promise<unknown>) {
  const started = performance.now();
  const error = await t.throwsAsync(write, { instanceOf: Unavailable });
  t.is(error.data.dependency, dependency);
  t.true(performance.now() - started < refusedWithinMs);
}

const statusOf = async (address: string) => (await rig.call("smtp-registry.lookup", { address })).status;

test.serial("the registry learns of each change, and the outbox is empty after", async (t) => {
  const { id } = await create("a@one.example", ["b@one.example"]);
  await rig.call("users.patch", { id, primarySmtp: "c@one.example", secondarySmtps: [] });
  await eventually(async () => assert.deepEqual(await rig.eventsOf(id), []));
  t.is(await statusOf("c@one.example"), "active");
  t.is(await statusOf("a@one.example"), "active");
  t.is(await statusOf("b@one.example"), "available");
});

test.serial("a removed user's addresses go to nobody else, and come back with it", async (t) => {
  const { id } = await create("a@two.example", ["b@two.example"]);
  await rig.call("users.remove", { id });
  await eventually(async () => assert.equal(await statusOf("a@two.example"), "deleted"));
  const other = await create("a@two.example");
  t.is(other.primarySmtp, "a2@two.example");
  t.is(other.assignments?.[0]?.reason, "deleted");
  const restored = await rig.call("users.restore", { id });
  t.like(restored, { primarySmtp: "a@two.example", version: 3 });
  t.deepEqual(restored?.secondarySmtps, ["b@two.example"]);
  await eventually(async () => assert.equal(await statusOf("b@two.example"), "active"));
});

test.serial(
  "a create that the registry wrongly grants gets a suffix through the users' own constraint",
  async (t) => {
    const first = await create("a@three.example", ["b@three.example"]);
    await eventually(async () => assert.equal(await statusOf("a@three.example"), "active"));
    await rig.registryDb.query("delete from addresses where user_id = $1", [first.id]);
    const second = await rig.call("users.create", {
      displayName: "Ann",
      primarySmtp: "a@three.example",
      secondarySmtps: ["b@three.example", "c@three.example"],
      onTaken: "suffix",
    });
    t.is(second.primarySmtp, "a2@three.example");
    t.is(second.requestedSmtp, "a@three.example");
    t.deepEqual(second.secondarySmtps, ["b2@three.example", "c@three.example"]);
  },
);

test.serial(
  "a create that the registry wrongly grants and that takes no other says by the users' own constraint who has it",
  async (t) => {
    const first = await create("a@eight.example");
    await eventually(async () => assert.equal(await statusOf("a@eight.example"), "active"));
    await rig.registryDb.query("delete from addresses where user_id = $1", [first.id]);
    const refused = await t.throwsAsync(
      rig.call("users.create", { displayName: "Ann", primarySmtp: "A@eight.example", onTaken: "refuse" }),
      { instanceOf: Refusal },
    );
    const conflict = { address: "A@eight.example", status: "active", userId: first.id };
    t.deepEqual(refused.data.errors, [
      { pointer: "#/primarySmtp", detail: "is not available: it is active", conflict },
    ]);
  },
);

test.serial(
  "an update that the registry wrongly grants is refused by the users' own constraint",
  async (t) => {
    const first = await create("a@four.example");
    const { id } = await create("z@four.example");
    await eventually(async () => assert.equal(await statusOf("a@four.example"), "active"));
    await rig.registryDb.query("delete from addresses where user_id = $1", [first.id]);
    const refused = await t.throwsAsync(
      rig.call("users.patch", { id, secondarySmtps: ["free@four.example", "A@four.example"] }),
      { instanceOf: Refusal },
    );
    t.is(refused.type, "address-taken");
    const conflict = { address: "A@four.example", status: "active", userId: first.id };
    t.deepEqual(refused.data.errors, [
      { pointer: "#/secondarySmtps/1", detail: "is not available: it is active", conflict },
    ]);
    await eventually(async () => assert.equal(await statusOf("free@four.example"), "available"));
  },
);

test.serial("two users never hold one key, though the registry grants it to 20 at once", async (t) => {
  const first = await create("a@five.example");
  await eventually(async () => assert.equal(await statusOf("a@five.example"), "active"));
  await rig.registryDb.query("delete from addresses where user_id = $1", [first.id]);
  const users = await Promise.all(Array.from({ length: 20 }, () => create("a@five.example")));
  t.is(new Set([first, ...users].map(({ primarySmtp }) => primarySmtp)).size, 21);
});

test.serial("a write whose time is over is not committed", async (t) => {
  const db = await openDatabase(rig.urls.users, [...usersEntities, OutboxMessage]);
  const id = "0199a000-0000-7000-8000-00000000aaaa";
  const decision = decideCreate(
    id,
    { displayName: "Late" },
    [{ address: "late@six.example", kind: "primary" }],
    new Date(),
  );
  const ticket = unkeyed();
  const cause = { action: "users.create", correlationId: "late", actor: "anonymous" } as const;
  const work = { before: undefined, decision, answer: null, ticket, cause };
  const commit = committer({ db, freed: () => new Date(0) });
  try {
    // There is time left when its transaction begins, and none when it ends.
    const budget = { leftMs: () => 1, check: writeBudget(0).check };
    await t.throwsAsync(commit({ ...work, budget }), { instanceOf: Unavailable });
    t.is((await rig.usersDb.query("select from users where id = $1", [id])).rowCount, 0);
    t.is((await rig.usersDb.query("select from address_keys where user_id = $1", [id])).rowCount, 0);
    await t.notThrowsAsync(commit({ ...work, budget: writeBudget() }));
    t.is((await rig.usersDb.query("select from users where id = $1", [id])).rowCount, 1);
  } finally {
    await db.close();
  }
});

test.serial("a write whose time is over before it asks the registry leaves no hold behind", async (t) => {
  const { id } = await create("a@nine.example");
  const db = await openDatabase(rig.urls.users, [...usersEntities, OutboxMessage]);
  const monotonicMs = performance.now.bind(performance);
  let aheadMs = 0;
  performance.now = () => monotonicMs() + aheadMs;
  try {
    const times = { freed: () => new Date(0), now: () => new Date() };
    const deps = { db, inTurn: turns(), ...times, log: testLogger(), nudge() {} };
    const find = stateFinder(db);
    const registry = registryClient(rig.broker, processMetrics(), testLogger());
    const writes = userWrites({
      ...deps,
      accepted: { known: new Set(), look: async () => new Set() },
      commit: committer(deps),
      registry,
      generation: generations({ ...deps, give: registry.generationAbove }),
      // As long as the whole budget of a write.
      async findState(userId) {
        const found = await find(userId);
        aheadMs += writeBudgetMs;
        return found;
      },
    });
    const ticket = unkeyed();
    const cause = { action: "users.patch", correlationId: "late", actor: "anonymous" } as const;
    const edit = { kind: "edit", secondarySmtps: ["late@nine.example"] } as const;
    const late = writes.change(id, edit, undefined, { ticket, cause, budget: writeBudget() });
    await t.throwsAsync(late, { instanceOf: Unavailable });
  } finally {
    performance.now = monotonicMs;
    await db.close();
  }
  // Whatever was on its way to the registry has come before this.
  await create("b@nine.example");
  t.is(await statusOf("late@nine.example"), "available");
});

test.serial(
  "a write whose time is over when its key has been looked up ends there and leaves nothing behind",
  async (t) => {
    const monotonicMs = performance.now.bind(performance);
    let aheadMs = 0;
    const blocker = await rig.usersDb.connect();
    await blocker.query("begin");
    await blocker.query("lock table idempotency in access exclusive mode");
    performance.now = () => monotonicMs() + aheadMs;
    try {
      const create = { displayName: "Late", primarySmtp: "late@ten.example" };
      const write = rig.callOnce("users.create", create, { idempotencyKey: randomUUID() });
      const refused = t.throwsAsync(write, { instanceOf: Unavailable });
      await eventually(async () => {
        const waiting = await rig.usersDb.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        );
        assert.equal(waiting.rowCount, 1);
      });
      aheadMs = writeBudgetMs;
      await blocker.query("rollback");
      t.is((await refused).data.dependency, "users");
    } finally {
      performance.now = monotonicMs;
      blocker.release();
    }
    t.is(await statusOf("late@ten.example"), "available");
    t.deepEqual((await rig.call("users.list", { q: "@ten.example" })).items, []);
  },
);

test.serial(
  "a write that can't be done in time is refused while no statement of any could run, and done later",
  async (t) => {
    const blocker = await rig.usersDb.connect();
    await blocker.query("begin");
    await blocker.query("lock table idempotency in access exclusive mode");
    const requestOf = (key: number) =>
      [
        "users.create",
        { displayName: "Many", primarySmtp: `many.${key}@eleven.example` },
        { idempotencyKey: `many-${key}` },
      ] as const;
    const refused: { key: number; error: Unavailable }[] = [];
    const all = Array.from({ length: 400 }, (_, key) =>
      rig.callOnce(...requestOf(key)).catch((error: Unavailable) => refused.push({ key, error })),
    );
    try {
      await eventually(() => assert.notEqual(refused.length, 0));
      for (const { error } of refused) {
        t.is(error.data.dependency, "users");
        t.true(error.data.retryAfterMs >= 1_000);
      }
      const told = (await rig.metrics.admissionRefused.get()).values;
      t.is(told.find(({ labels }) => labels.work === "users.write")?.value, refused.length);
    } finally {
      await blocker.query("rollback");
      blocker.release();
    }
    await Promise.all(all);
    const key = refused[0]?.key ?? 0;
    t.is((await rig.callWithMeta(...requestOf(key))).meta.idempotentReplayed, undefined);
  },
);

test.serial("a write that waits for a lock is refused within 2 s and leaves nothing behind", async (t) => {
  const { id } = await create("a@seven.example");
  const release = await held(t, rig.usersDb, "select from users where id = $1 for update", [id]);
  await refusedInTime(t, "database", () =>
    rig.callOnce("users.patch", { id, primarySmtp: "b@seven.example" }),
  );
  await release();
  t.is((await rig.call("users.get", { id })).version, 1);
  await eventually(async () => assert.equal(await statusOf("b@seven.example"), "available"));
});

test.serial("a write whose database connections are cut is refused, and the next one succeeds", async (t) => {
  const { id } = await create("a@eight.example");
  const release = await held(t, rig.usersDb, "select from users where id = $1 for update", [id]);
  const write = refusedInTime(t, "database", () => rig.callOnce("users.patch", { id, displayName: "B" }));
  await eventually(async () => {
    const cut = await rig.usersDb.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'mailroster-users' and datname = current_database() and wait_event_type = 'Lock'`,
    );
    assert.notEqual(cut.rowCount, 0);
  });
  await write;
  await release();
  t.is((await rig.call("users.patch", { id, displayName: "C" }))?.version, 2);
});

test.serial(
  "a registry that does not answer in time refuses the write, and the wait is measured",
  async (t) => {
    const { id } = await create("a@nine.example");
    await eventually(async () => assert.equal(await statusOf("a@nine.example"), "active"));
    const waits = async () =>
      (await rig.metrics.smtpCheckDuration.get()).values.find((v) => v.metricName?.endsWith("_count"));
    const before = (await waits())?.value ?? 0;
    const release = await held(t, rig.registryDb, "lock table addresses in access exclusive mode");
    const other = { displayName: "Ann", primarySmtp: "b@nine.example" };
    await refusedInTime(t, "smtp-registry", () => rig.callOnce("users.create", other));
    t.is((await waits())?.value, before + 1);
    await release();
    t.is((await rig.call("users.get", { id })).version, 1);
  },
);

test.serial(
  "without the registry every write is refused within 2 s, leaves nothing behind, and reads go on",
  async (t) => {
    const user = await create("a@ten.example");
    const gone = await create("gone@ten.example");
    await rig.call("users.remove", { id: gone.id });
    const { id } = user;
    await eventually(async () => {
      const waiting = await rig.usersDb.query("select from outbox");
      assert.equal(waiting.rowCount, 0);
    });
    const registry = rig.broker.getLocalService("smtp-registry");
    await rig.broker.destroyService(registry);
    const idempotencyKey = randomUUID();
    for (const write of [
      () =>
        rig.callOnce("users.create", { displayName: "B", primarySmtp: "b@ten.example" }, { idempotencyKey }),
      () => rig.callOnce("users.patch", { id, displayName: "B" }),
      () => rig.callOnce("users.replace", { id, displayName: "B", primarySmtp: "b@ten.example" }),
      () => rig.callOnce("users.remove", { id }),
      () => rig.callOnce("users.restore", { id: gone.id }),
    ])
      await refusedInTime(t, "smtp-registry", write);
    const { assignments: _, requestedSmtp: __, ...shown } = user;
    t.deepEqual(await rig.call("users.get", { id }), shown);
    t.is((await rig.call("users.list", { q: "@ten.example" })).items.length, 1);
    t.is((await rig.usersDb.query("select from outbox")).rowCount, 0);
    t.is((await rig.usersDb.query("select from idempotency where key = $1", [idempotencyKey])).rowCount, 0);
  },
);
