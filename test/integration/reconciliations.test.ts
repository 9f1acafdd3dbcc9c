/** The reconciler over HTTP: what is begun is kept, one at a time, and says so when its process has ended. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test from "ava";
import type { Reconciliation } from "../../services/contracts/reconciliations.ts";
import { ReconciliationRow } from "../../services/reconciler/entities.ts";
import { reports } from "../../services/reconciler/reports.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, rigOf } from "../support/rig.ts";

type Test = Parameters<typeof rigOf>[0];

const reconcilerRig = (t: Test, graceMs = "100") =>
  rigOf(t, { environment: { RECONCILE_MINUTES: "0", RECONCILE_GRACE_MS: graceMs } });

async function settledUser(rig: Rig): Promise<string> {
  const { body } = await rig.http("POST", "/users", {
    displayName: "Ann",
    primarySmtp: `${randomUUID()}@one.example`,
  });
  const id = String(body.id);
  await eventually(async () => {
    for (const [pool, table] of [
      [rig.registryDb, "watermarks"],
      [rig.usersDb, "audit_entries"],
    ] as const)
      assert.equal((await pool.query(`select from ${table} where user_id = $1`, [id])).rows.length, 1);
  });
  return id;
}

const read = async (rig: Rig, path: string): Promise<Reconciliation> => {
  const { status, body } = await rig.http("GET", path);
  assert.equal(status, 200);
  return body as Reconciliation;
};

const ended = (rig: Rig, path: string): Promise<Reconciliation> =>
  eventually(async () => {
    const pass = await read(rig, path);
    assert.notEqual(pass.status, "running");
    return pass;
  });

async function begun(rig: Rig, path: string, body?: unknown): Promise<string> {
  const answer = await rig.http("POST", path, body);
  assert.equal(answer.status, 202);
  const location = answer.headers.get("location") ?? "";
  assert.equal(location, `/reconciliations/${answer.body.id}`);
  return location;
}

test("a pass is begun, tells what differs, is repaired and acknowledged, and who did it is kept", async (t) => {
  const rig = await reconcilerRig(t);
  const [behind, gone] = [await settledUser(rig), await settledUser(rig)];
  await rig.usersDb.query("alter table audit_entries disable trigger user");
  await rig.registryDb.query("update watermarks set version = 0 where user_id = $1", [behind]);
  await rig.usersDb.query("delete from audit_entries where user_id = $1", [gone]);

  const first = await ended(rig, await begun(rig, "/reconciliations"));
  t.like(first, { kind: "pass", status: "done", of: null, startedBy: "local", error: null });
  t.deepEqual(first.report?.violations, { registry_behind: 1, audit_missing: 1 });

  const repairs = `/reconciliations/${first.id}/repairs`;
  const repair = await ended(rig, await begun(rig, repairs, {}));
  t.like(repair, { kind: "repair", status: "done", of: first.id, report: { reemitted: 1, reportedOnly: 1 } });

  const wish = { userIds: [gone], check: "audit_missing", reason: "Deleted by hand, ticket 4711" };
  const kept = await ended(rig, await begun(rig, `/reconciliations/${first.id}/acknowledgements`, wish));
  t.like(kept, { kind: "acknowledgement", status: "done", of: first.id, report: null });
  t.like(kept.acknowledgement?.acknowledged[0], {
    userId: gone,
    acknowledged: { by: "local", reason: wish.reason },
  });

  await eventually(async () => {
    const last = await ended(rig, await begun(rig, "/reconciliations"));
    assert.deepEqual(last.report?.violations, {});
    assert.equal((await read(rig, "/reconciliations/latest")).id, last.id);
    const { body } = await rig.http("GET", "/status");
    assert.deepEqual([body.reconciliation.id, body.reconciliation.violations], [last.id, {}]);
  });
  await eventually(async () => {
    const { body } = await rig.http("GET", "/activity");
    const actions = body.items.map(
      (item: { action: string; principal: string }) => `${item.principal} ${item.action}`,
    );
    for (const action of ["begin", "begin-repair", "begin-acknowledgement"])
      assert.ok(actions.includes(`local reconciler.${action}`), action);
  });
});

test("one pass runs at a time in an installation, and a repeat under its key begins no other", async (t) => {
  const rig = await reconcilerRig(t, "3000");
  const other = await rig.another();
  const id = await settledUser(rig);
  await rig.registryDb.query("update watermarks set version = 0 where user_id = $1", [id]);
  const key = { "idempotency-key": "pass-1" };
  const { status, body } = await rig.http("POST", "/reconciliations", undefined, key);
  t.is(status, 202);
  t.is(body.status, "running");
  const busy = await other.http("POST", "/reconciliations");
  t.like(busy, { status: 409, body: { type: "/problems/reconciliation-running" } });
  t.is((await rig.http("POST", `/reconciliations/${body.id}/repairs`, {})).status, 409);
  const again = await other.http("POST", "/reconciliations", undefined, key);
  t.is(again.headers.get("idempotent-replayed"), "true");
  t.is(again.body.id, body.id);
  t.is((await ended(other as Rig, `/reconciliations/${body.id}`)).status, "done");
});

test("what the REPL runs is kept too, and a pass whose process has ended is interrupted", async (t) => {
  const rig = await reconcilerRig(t);
  t.is((await rig.http("GET", "/reconciliations/latest")).status, 404);
  await rig.call("reconciler.run", {}, { actor: "repl:ann", correlationId: "c1" });
  t.like(await read(rig, "/reconciliations/latest"), {
    startedBy: "repl:ann",
    correlationId: "c1",
    status: "done",
  });
  const id = "01997b44-1c20-7d11-8a4e-6f7a8b9c0d1e";
  await rig.usersDb.query(
    `insert into reconciliations (id, kind, status, started_at, started_by, correlation_id)
     values ($1, 'pass', 'running', now(), 'local', 'c2')`,
    [id],
  );
  t.is((await read(rig, `/reconciliations/${id}`)).status, "interrupted");
  await ended(rig, await begun(rig, "/reconciliations"));
  const { rows } = await rig.usersDb.query("select status from reconciliations where id = $1", [id]);
  t.is(rows[0].status, "interrupted");
  for (const unknown of [randomUUID(), "no-uuid"]) {
    t.is((await rig.http("GET", `/reconciliations/${unknown}`)).status, 404);
    t.is((await rig.http("POST", `/reconciliations/${unknown}/repairs`, {})).status, 404);
  }
  const pass = `/reconciliations/${id}`;
  for (const body of [{ userIds: [] }, { userIds: ["x"] }, { id }, { all: true }])
    t.is((await rig.http("POST", `${pass}/repairs`, body)).status, 422, JSON.stringify(body));
  for (const body of [{}, { userIds: [id], check: "registry_behind", reason: "no" }])
    t.is((await rig.http("POST", `${pass}/acknowledgements`, body)).status, 422, JSON.stringify(body));
});

test("a pass that was called interrupted stays so, though its process lives and comes to its end", async (t) => {
  const rig = await reconcilerRig(t);
  const db = await openDatabase(rig.urls.users, [ReconciliationRow]);
  t.teardown(() => db.close());
  const kept = reports(db, () => new Date(), testLogger());
  const about = { kind: "pass", of: null, startedBy: "local", correlationId: "c1" } as const;
  // Each begins without a lock, as whose session the server has ended.
  const [first, second] = [await kept.begin(about), await kept.begin(about)];
  const third = await kept.begin(about);
  await kept.done(first.id, {});
  await kept.failed(second.id, "failed", new Error("late"));
  for (const { id } of [first, second])
    t.like(await kept.get(id), { status: "interrupted", endedAt: null, error: null, report: null });
  await kept.failed(third.id, "failed", new Error("in time"));
  t.is((await kept.get(third.id)).status, "failed");
});
