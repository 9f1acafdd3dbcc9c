/** Differences made by hand in real databases: each is reported as itself and nothing else, and repaired where it can be. */
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import type { Bus } from "../../mixins/bus/port.ts";
import { callAction } from "../../mixins/moleculer/calls.ts";
import type {
  ConsistencyCheck,
  ReconcileReport,
  RepairReport,
} from "../../services/contracts/reconciliation.ts";
import { passOverAll } from "../../services/reconciler/pass.ts";
import { patientAsk } from "../../services/reconciler/sources.ts";
import { eventually } from "../support/eventually.ts";
import { held } from "../support/held.ts";
import { lettersOf } from "../support/letters.ts";
import { done, type Rig, rigOf } from "../support/rig.ts";

interface ReconcilerRig extends Rig {
  /** Users whose events have arrived everywhere. */
  settledUsers(count: number): Promise<string[]>;
  run(): Promise<ReconcileReport>;
  repair(userIds?: string[]): Promise<RepairReport>;
  violations(): Promise<Record<string, number>>;
  arrived(): Promise<void>;
}

/** Long for a difference that is mended within it, short for those that wait for it. */
const graceMs = 400;

async function reconcilerRig(
  t: ExecutionContext,
  environment: Record<string, string> = {},
  now?: () => Date,
  kind: Bus["kind"] = "in-process",
): Promise<ReconcilerRig> {
  const settings = { RECONCILE_MINUTES: "0", RECONCILE_GRACE_MS: String(graceMs), ...environment };
  const rig = await rigOf(t, { bus: kind, environment: settings, now });
  const { broker, usersDb, registryDb, metrics } = rig;
  const arrived = () =>
    eventually(async () => {
      const { rows } = await usersDb.query<{ left: number }>("select count(*)::int as left from outbox");
      if (rows[0]?.left !== 0) throw new Error("events are on their way");
    });
  // The audit log refuses what these tests do to it by hand.
  await usersDb.query("alter table audit_entries disable trigger user");
  return {
    ...rig,
    arrived,
    async settledUsers(count) {
      const ids: string[] = [];
      for (let n = 0; n < count; n += 1) {
        const primarySmtp = `user.${randomUUID()}@example.com`;
        const { id } = await done(rig, "POST", "/users", { displayName: "Ann", primarySmtp });
        ids.push(String(id));
      }
      await arrived();
      await eventually(async () => {
        const { rowCount } = await registryDb.query("select from watermarks");
        const audit = await usersDb.query("select from audit_entries");
        if (rowCount !== ids.length || audit.rowCount !== ids.length)
          throw new Error(`${rowCount} and ${audit.rowCount} of ${ids.length} events have arrived`);
      });
      return ids;
    },
    run: () => callAction(broker, "reconciler.run", {}),
    repair: (userIds) => callAction(broker, "reconciler.repair", userIds === undefined ? {} : { userIds }),
    async violations() {
      const { values } = await metrics.consistencyViolations.get();
      return Object.fromEntries(values.map(({ labels, value }) => [String(labels.check), value]));
    },
  };
}

const of = (report: ReconcileReport): [string, ConsistencyCheck][] =>
  report.differences.map(({ userId, check }) => [userId, check]);

/** How each difference comes about, and whether telling the user's state again ends it. */
const faults: {
  check: ConsistencyCheck;
  database: "usersDb" | "registryDb";
  sql: string[];
  mends: boolean;
  of?: string;
}[] = [
  {
    check: "registry_missing",
    database: "registryDb",
    sql: ["delete from addresses where user_id = $1", "delete from watermarks where user_id = $1"],
    mends: true,
  },
  {
    check: "registry_behind",
    database: "registryDb",
    sql: ["update watermarks set version = 0 where user_id = $1"],
    mends: true,
  },
  {
    check: "registry_ahead",
    database: "registryDb",
    sql: ["update watermarks set version = 7 where user_id = $1"],
    mends: true,
  },
  {
    check: "registry_addresses_differ",
    database: "registryDb",
    sql: ["update addresses set kind = 'secondary' where user_id = $1"],
    mends: true,
  },
  {
    check: "registry_orphan",
    database: "registryDb",
    sql: [
      "insert into addresses (key, address, user_id, kind, status) values ('x@y.example', 'x@y.example', $1, 'primary', 'active')",
    ],
    mends: false,
    of: "018f0000-0000-7000-8000-000000000001",
  },
  {
    check: "audit_missing",
    database: "usersDb",
    sql: ["delete from audit_entries where user_id = $1"],
    mends: false,
  },
  {
    check: "audit_doubled",
    database: "usersDb",
    // A log of before it had this index, or one that somebody has put together.
    sql: [
      "drop index audit_entries_user_id_version_idx",
      `insert into audit_entries (id, at, action, user_id, version, actor, correlation_id, changes)
       select gen_random_uuid(), at, action, user_id, version, actor, correlation_id, changes
       from audit_entries where user_id = $1`,
    ],
    mends: false,
  },
  {
    check: "audit_ahead",
    database: "usersDb",
    sql: [
      `insert into audit_entries (id, at, action, user_id, version, actor, correlation_id, changes)
       select gen_random_uuid(), at, action, user_id, version + 1, actor, correlation_id, changes
       from audit_entries where user_id = $1`,
    ],
    mends: true,
  },
  {
    check: "audit_orphan",
    database: "usersDb",
    sql: [
      `insert into audit_entries (id, at, action, user_id, version, actor, correlation_id, changes)
       values (gen_random_uuid(), now(), 'user.created', $1, 1, 'x', 'x', '[]')`,
    ],
    mends: false,
    of: "ffffffff-0000-7000-8000-000000000001",
  },
];

test.serial(
  "each difference is reported as itself alone, and a repair ends what telling the state again can end",
  async (t) => {
    const rig = await reconcilerRig(t);
    const users = await rig.settledUsers(faults.length + 2);
    const clean = await rig.run();
    t.deepEqual([clean.differences, clean.checked, clean.inFlight], [[], users.length, 0]);
    t.deepEqual([...new Set(Object.values(await rig.violations()))], [0]);

    const made = faults.map((fault, index) => ({ ...fault, userId: fault.of ?? String(users[index + 1]) }));
    for (const { database, sql, userId } of made)
      for (const text of sql) await rig[database].query(text, text.includes("$1") ? [userId] : []);
    const expected = made.map(({ userId, check }) => [userId, check] as const).sort();
    t.deepEqual(of(await rig.run()).sort(), expected);
    t.deepEqual([...new Set(Object.values(await rig.violations()))], [1], "every check has found its one");
    const lines = rig.lines.filter(({ msg }) => msg === "a user's accounts differ");
    t.deepEqual(lines.map((line) => [line.userId, line.check]).sort(), expected);
    t.false(JSON.stringify(lines).includes("@"));

    const repaired = await rig.repair();
    const mended = made.filter(({ mends }) => mends);
    t.deepEqual([repaired.reemitted, repaired.reportedOnly], [mended.length, made.length - mended.length]);
    await rig.arrived();
    // The registry knew versions that users does not, so they are not in the audit log either: that is found now.
    const left = made.flatMap(({ userId, check, mends }) =>
      check === "registry_ahead" ? [[userId, "audit_missing"]] : mends ? [] : [[userId, check]],
    );
    t.deepEqual(of(await rig.run()).sort(), left.sort());
  },
);

test.serial("what a repair tells is the user as it is, under a new version, by the reconciler", async (t) => {
  const rig = await reconcilerRig(t);
  const [userId = "", other = ""] = await rig.settledUsers(2);
  const before = (await rig.http("GET", `/users/${userId}`)).body;
  await rig.registryDb.query("delete from addresses where user_id in ($1, $2)", [userId, other]);
  t.deepEqual(of(await rig.repair([userId.toUpperCase()])), [[userId, "registry_addresses_differ"]]);
  await rig.arrived();
  const { updatedAt, ...after } = (await rig.http("GET", `/users/${userId}`)).body;
  t.deepEqual({ ...after, updatedAt: before.updatedAt }, { ...before, version: 2 });
  t.true(updatedAt > before.updatedAt);
  t.is((await rig.http("GET", `/smtp/${before.primarySmtp}`)).body.status, "active");
  const audit = (await rig.http("GET", `/audit?userId=${userId}`)).body.items.at(-1);
  t.like(audit, { version: 2, action: "user.updated", actor: "reconciler", changes: [] });
  t.deepEqual(of(await rig.run()), [[other, "registry_addresses_differ"]]);
});

test.serial(
  "a user of whom an absurd version was heard is repaired by nothing, and keeps no other from it",
  async (t) => {
    const rig = await reconcilerRig(t);
    const [forged = "", other = ""] = (await rig.settledUsers(2)).sort();
    await rig.registryDb.query("update watermarks set version = $2 where user_id = $1", [
      forged,
      2 ** 31 - 1,
    ]);
    await rig.registryDb.query("delete from addresses where user_id = $1", [other]);
    const report = await rig.repair();
    t.deepEqual([report.reemitted, report.reportedOnly], [1, 1]);
    await rig.arrived();
    t.deepEqual(
      of(await rig.run()).filter(([userId]) => userId === other),
      [],
    );
    t.is((await rig.http("PATCH", `/users/${forged}`, { displayName: "Bea" })).status, 200);
  },
);

test.serial("a deleted user is repaired as deleted, and one whose terms are over needs none", async (t) => {
  const rig = await reconcilerRig(t);
  const [userId = "", lapsed = ""] = await rig.settledUsers(2);
  const { primarySmtp } = (await rig.http("GET", `/users/${userId}`)).body;
  for (const id of [userId, lapsed]) t.is((await rig.http("DELETE", `/users/${id}`)).status, 204);
  await rig.arrived();
  await rig.usersDb.query("update users set deleted_at = '2020-01-01' where id = $1", [lapsed]);
  await rig.registryDb.query("delete from addresses");
  t.deepEqual(of(await rig.repair()), [[userId, "registry_addresses_differ"]]);
  await rig.arrived();
  t.deepEqual(of(await rig.run()), []);
  t.is((await rig.http("GET", `/smtp/${primarySmtp}`)).body.status, "deleted");
  const told = (await rig.http("GET", `/audit?userId=${userId}`)).body.items.at(-1);
  t.like(told, { version: 3, action: "user.deleted", changes: [] }, "a reader of types must not revive it");
  t.is((await rig.http("GET", `/users/${userId}`)).status, 404);
  t.is((await rig.http("POST", `/users/${userId}/restore`)).status, 200);
});

test.serial(
  "an event that waits is no difference, one that was given up is, and its letter is told",
  async (t) => {
    const rig = await reconcilerRig(t, { RETRY_DELAYS_MS: "2500" });
    const [userId = ""] = await rig.settledUsers(1);
    await rig.breakRegistry();
    t.is((await rig.http("PATCH", `/users/${userId}`, { displayName: "Bea" })).status, 200);
    const waiting = await rig.run();
    t.deepEqual([of(waiting), waiting.inFlight], [[], 1], "it waits in the outbox");

    await lettersOf(rig, 1);
    await rig.arrived();
    const { differences } = await rig.run();
    t.deepEqual(differences, [
      { userId, check: "registry_behind", version: 2, found: 1, deadLetter: true, gap: null },
    ]);
    await rig.mendRegistry();
    t.is((await rig.repair()).reemitted, 1);
    await rig.arrived();
    t.deepEqual(of(await rig.run()), []);
  },
);

/** For a pass of its own: nothing is acknowledged, and no queue holds anything. */
const nothingKept = {
  acknowledged: async () => () => undefined,
  backlogs: { seen: async () => 0, gone: async () => {} },
};

const dayMs = 86_400_000;

for (const [clock, offsetMs] of [
  ["a day behind", -dayMs],
  ["a day ahead", dayMs],
] as const)
  test.serial(
    `with a clock that is ${clock} what stands is reported, what moves within the grace is not`,
    async (t) => {
      const rig = await reconcilerRig(t, {}, () => new Date(Date.now() + offsetMs));
      const [stands = "", arrives = "", moves = "", changed = ""] = await rig.settledUsers(4);
      const behind = "update watermarks set version = $2 where user_id = $1";
      await rig.registryDb.query("update watermarks set version = 0");
      const seen: { after: number; userIds: unknown }[] = [];
      const stopping = new AbortController().signal;
      const patient = patientAsk(rig.broker, stopping);
      const start = performance.now();
      const found: string[] = [];
      const waits: number[] = [];
      const result = await passOverAll({
        // The world goes on between the two looks.
        ask: async (name, params) => {
          const { userIds } = params as { userIds?: string[] };
          if (name === "users.digest" && userIds !== undefined) {
            seen.push({ after: performance.now() - start, userIds });
            await rig.registryDb.query(behind, [arrives, 1]);
            await rig.registryDb.query(behind, [moves, -1]);
            await rig.usersDb.query("update users set version = 2 where id = $1", [changed]);
          }
          return patient(name, params);
        },
        ...nothingKept,
        graceMs,
        stopping,
        found: async ({ userId, differences }) => {
          found.push(...differences.map(({ check }) => `${userId} ${check}`));
        },
        waiting: (suspects) => void waits.push(suspects),
      });
      t.deepEqual(found, [`${stands} registry_behind`]);
      t.deepEqual(result, { checked: 4, inFlight: 3 });
      t.deepEqual(waits, [4]);
      t.is(seen.length, 1);
      t.true((seen[0]?.after ?? 0) >= graceMs);
    },
  );

test.serial("a pass holds a page of each side and misses nothing at a page's end", async (t) => {
  const rig = await reconcilerRig(t);
  const users = await rig.settledUsers(7);
  await rig.registryDb.query("delete from addresses");
  await rig.usersDb.query("delete from audit_entries where user_id = $1", [users[3]]);
  const stopping = new AbortController().signal;
  const patient = patientAsk(rig.broker, stopping);
  const found: string[] = [];
  let rowsMax = 0;
  const waits: number[] = [];
  const ask: typeof patient = async (name, params) => {
    const answer = await patient(name, params);
    const { items = [] } = answer as { items?: unknown[] };
    rowsMax = Math.max(rowsMax, items.length, (params as { userIds?: unknown[] }).userIds?.length ?? 0);
    return answer;
  };
  const result = await passOverAll({
    ask,
    ...nothingKept,
    graceMs,
    stopping,
    pageSize: 2,
    suspectsMax: 3,
    waiting: (suspects) => void waits.push(suspects),
    found: async (finding) => {
      found.push(...finding.differences.map(({ check }) => `${finding.userId} ${check}`));
    },
  });
  t.deepEqual(result, { checked: 7, inFlight: 0 });
  t.is(rowsMax, 2);
  t.deepEqual(waits, [3, 3, 1], "no more suspects are held");
  const expected = [...users.map((id) => `${id} registry_addresses_differ`), `${users[3]} audit_missing`];
  t.deepEqual(found.sort(), expected.sort());
});

test.serial(
  "what may wait in a queue is pending, for as long as the queue holds messages and no longer than the bound",
  async (t) => {
    const rig = await reconcilerRig(t, { RETRY_DELAYS_MS: "600000" }, undefined, "rabbitmq");
    const [waits = "", lost = "", changed = ""] = await rig.settledUsers(3);
    await rig.breakRegistry();
    t.is((await rig.http("PATCH", `/users/${waits}`, { displayName: "Bea" })).status, 200);
    await rig.arrived();
    await eventually(async () => {
      const { queues } = await callAction(rig.broker, "outbox.backlogs", {});
      const depths = (queues ?? []).map(({ queue, messages }) => `${queue} ${messages}`).sort();
      assert.deepEqual(depths, ["audit.user-events 0", "smtp-registry.user-events 1"]);
    });
    await rig.usersDb.query("delete from audit_entries where user_id = $1", [lost]);
    await rig.registryDb.query("delete from addresses where user_id = $1", [changed]);

    const other = [
      [lost, "audit_missing"],
      [changed, "registry_addresses_differ"],
    ].sort();
    const waiting = { userId: waits, check: "registry_behind", version: 2, found: 1 };
    const first = await rig.run();
    t.deepEqual(
      of(first).sort(),
      other,
      "no event of the audit log waits, and none explains other addresses",
    );
    t.like(first.pending, { count: 1, differences: { 0: waiting } });
    t.is((await rig.violations()).registry_behind, 0);
    t.is((await rig.repair([waits])).reemitted, 0, "nothing has to be told again");

    const all = [...other, [waits, "registry_behind"]].sort();
    const since = (age: string) =>
      rig.usersDb.query("update consistency_backlogs set since = now() - $1::interval", [age]);
    await since("25 hours");
    t.deepEqual(of(await rig.run()).sort(), all, "the bound");
    await since("23 hours");
    t.deepEqual(of(await rig.run()).sort(), other);

    await rig.withChannel((channel) => channel.purgeQueue("smtp-registry.user-events.retry.10m"));
    const last = await rig.run();
    t.deepEqual([of(last).sort(), last.pending.count], [all, 0], "the queue is empty");
    t.is((await rig.usersDb.query("select from consistency_backlogs")).rowCount, 0);
  },
);

test.serial("a pass whose lock is lost goes on, and what it keeps is kept", async (t) => {
  const rig = await reconcilerRig(t);
  const [lost = ""] = await rig.settledUsers(1);
  await rig.usersDb.query("delete from audit_entries");
  // What the pass reads is locked, so that it is still under way when its own lock is taken from it.
  const release = await held(t, rig.usersDb, "lock table audit_entries in access exclusive mode");
  const done = callAction(rig.broker, "reconciler.acknowledge", {
    userIds: [lost],
    check: "audit_missing",
    reason: "a test",
  });
  await eventually(async () => {
    const { rowCount } = await rig.usersDb.query(
      `select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
       where locktype = 'advisory' and granted and datname = current_database()
       and application_name = 'mailroster-reconciler'`,
    );
    if (rowCount !== 1) throw new Error("Nobody holds the lock");
  });
  await release();
  t.is((await done).acknowledged.length, 1);
  t.is((await rig.run()).acknowledged.count, 1);
});

test.serial(
  "an acknowledged gap is told apart with who and why, counts no more, and counts again when it is another one",
  async (t) => {
    const rig = await reconcilerRig(t);
    const [lost = "", other = "", whole = ""] = await rig.settledUsers(3);
    const patch = async (displayName: string) => {
      t.is((await rig.http("PATCH", `/users/${lost}`, { displayName })).status, 200);
      await rig.arrived();
    };
    await patch("Bea");
    const forget = (userId: string, version: number) =>
      rig.usersDb.query("delete from audit_entries where user_id = $1 and version = $2", [userId, version]);
    await forget(lost, 1);
    await forget(other, 1);
    const reason = "ticket 4711: the event was discarded";
    const meta = { actor: "helpdesk", correlationId: "ack-1" };
    const acknowledge = (userIds: string[], check: "audit_missing" | "audit_orphan" = "audit_missing") =>
      callAction(rig.broker, "reconciler.acknowledge", { userIds, check, reason }, { meta: { ...meta } });

    const wrong = await acknowledge([lost, whole], "audit_orphan");
    t.deepEqual(wrong.acknowledged, []);
    t.deepEqual(wrong.left.map(({ userId }) => userId).sort(), [lost, whole].sort());
    const done = await acknowledge([lost.toUpperCase(), whole]);
    t.deepEqual(done.left, [{ userId: whole, why: "has no such difference now" }]);
    const said = { userId: lost, check: "audit_missing", acknowledged: { by: "helpdesk", reason } };
    t.like(done.acknowledged, [said]);
    const again = await acknowledge([lost]);
    t.deepEqual(again.acknowledged, done.acknowledged, "the first word stands");

    await patch("Cem");
    const report = await rig.run();
    t.deepEqual(of(report), [[other, "audit_missing"]]);
    t.like(report.acknowledged, { count: 1, differences: { 0: said } });
    t.is((await rig.violations()).audit_missing, 1);
    t.is((await rig.repair()).reportedOnly, 1);
    await acknowledge([other]);
    t.is((await rig.violations()).audit_missing, 1, "the gauge is the last pass's");
    const waits = () => rig.lines.filter(({ msg }) => String(msg).endsWith("after the grace")).length;
    const before = waits();
    t.deepEqual(of(await rig.run()), []);
    t.is(waits(), before, "nobody waits for what is acknowledged");
    t.is((await rig.violations()).audit_missing, 0);

    await forget(lost, 2);
    t.deepEqual(of(await rig.run()), [[lost, "audit_missing"]]);
    t.is((await rig.violations()).audit_missing, 1);
    const lines = rig.lines.filter(({ msg }) => msg === "a difference is acknowledged");
    t.deepEqual(
      lines.map(({ userId, by, correlationId }) => [userId, by, correlationId]),
      [lost, other].map((userId) => [userId, "helpdesk", "ack-1"]),
    );
  },
);

test.serial("one pass runs at a time", async (t) => {
  const rig = await reconcilerRig(t);
  await rig.settledUsers(1);
  const results = await Promise.allSettled([rig.run(), rig.run()]);
  t.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const [refused] = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  t.like(refused, { name: "Unavailable", data: { dependency: "reconciler" } });
  t.is((await rig.run()).checked, 1);
});
