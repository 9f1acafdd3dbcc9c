import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import type { Bus, PublishOutcome } from "../../mixins/bus/port.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { ActionInput } from "../../services/contracts/actions.ts";
import type { AuditPage } from "../../services/contracts/audit.ts";
import type { UserEvent } from "../../services/contracts/events.ts";
import { outgoing, userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { held } from "../support/held.ts";
import { healthOf, rigOf } from "../support/rig.ts";

async function auditRig(t: ExecutionContext, bus?: Bus["kind"]) {
  const rig = await rigOf(t, { services: ["audit"], bus });
  return {
    ...rig,
    pool: rig.usersDb,
    publish: (...events: UserEvent[]) => rig.bus.publish(events.map(outgoing)),
    list: (query: ActionInput<"audit.list"> = {}) => rig.call("audit.list", query),
    entries: (count: number) =>
      eventually(async () => {
        const { rows } = await rig.usersDb.query<{ n: number }>(
          "select count(*)::int as n from audit_entries",
        );
        if (rows[0]?.n !== count) throw new Error(`${rows[0]?.n} entries instead of ${count}`);
      }),
  };
}

async function results(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.eventsProcessed.get();
  return Object.fromEntries(values.map(({ labels, value }) => [String(labels.result), value]));
}

for (const kind of ["in-process", "rabbitmq"] as const) {
  test(`${kind}: an event delivered twice is one entry, in one batch or in two`, async (t) => {
    const rig = await auditRig(t, kind);
    const [one, two] = [userEvent({ version: 1 }), userEvent({ version: 2 })];
    await rig.publish(one, one, two);
    await rig.publish(two, one);
    await eventually(async () => {
      const { processed = 0, duplicate = 0 } = await results(rig.metrics);
      if (processed + duplicate < 5) throw new Error(`${processed + duplicate} of 5 deliveries are handled`);
    });
    t.deepEqual(await results(rig.metrics), { processed: 2, duplicate: 3 });
    await rig.entries(2);
  });
}

test("an entry tells who changed what, when, from what to what, and under which correlation id", async (t) => {
  const rig = await auditRig(t);
  const event = userEvent({ type: "user.created.v1", actor: "admin", time: "2026-11-23T10:00:00.123Z" });
  t.deepEqual(await rig.publish(event), [{ status: "confirmed" }]);
  t.deepEqual(await rig.list(), {
    items: [
      {
        id: event.id,
        at: "2026-11-23T10:00:00.123Z",
        action: "user.created",
        userId: event.subject,
        version: 1,
        actor: "admin",
        correlationId: event.correlationid,
        changes: [{ field: "displayName", from: "Ann", to: "Ann Lee" }],
      },
    ],
    nextCursor: null,
  });
});

test("an event is confirmed only after its entry is committed", async (t) => {
  const rig = await auditRig(t);
  const release = await held(t, rig.pool, "lock table audit_entries in exclusive mode");
  let outcome: readonly PublishOutcome[] | undefined;
  const published = rig.publish(userEvent()).then((outcomes) => {
    outcome = outcomes;
  });
  await eventually(async () => {
    const { rows } = await rig.pool.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    if (rows.length === 0) throw new Error("Audit does not wait for the lock");
  });
  const early = outcome;
  await release();
  await published;
  t.is(early, undefined);
  t.deepEqual(outcome, [{ status: "confirmed" }]);
  await rig.entries(1);
});

test("a connection cut in the middle of a batch loses and doubles nothing", async (t) => {
  const rig = await auditRig(t);
  const release = await held(t, rig.pool, "lock table audit_entries in exclusive mode");
  const events = Array.from({ length: 20 }, () => userEvent());
  const published = rig.publish(...events);
  await eventually(async () => {
    const { rowCount } = await rig.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
       and application_name = 'mailroster-audit' and wait_event_type = 'Lock'`,
    );
    if (rowCount === 0) throw new Error("Audit does not wait for the lock");
  });
  await release();
  t.true((await published).every(({ status }) => status === "confirmed"));
  await rig.entries(20);
  t.deepEqual(await results(rig.metrics), { processed: 20 });
});

test("entries can be neither changed nor removed", async (t) => {
  const rig = await auditRig(t);
  await rig.publish(userEvent());
  for (const sql of [
    "update audit_entries set actor = 'nobody'",
    "delete from audit_entries",
    "truncate audit_entries",
  ])
    await t.throwsAsync(rig.pool.query(sql), { code: "23001", message: /append-only/ });
  await rig.entries(1);
});

test("pages follow each other without a gap or a repeat, also among entries of one millisecond", async (t) => {
  const rig = await auditRig(t);
  const userId = randomUUID();
  const times = ["2026-11-23T10:00:00.001Z", "2026-11-23T10:00:00.002Z"];
  const events = Array.from({ length: 11 }, (_, index) =>
    userEvent({ userId, version: index + 1, time: times[index % 2] ?? "" }),
  );
  await rig.publish(...events, userEvent({ time: times[0] ?? "", version: 12 }));
  const paged = async (filter: ActionInput<"audit.list">): Promise<number[]> => {
    const versions: number[] = [];
    let cursor: string | null = null;
    do {
      const page: AuditPage = await rig.list({ ...filter, limit: 3, ...(cursor === null ? {} : { cursor }) });
      t.true(page.items.length <= 3);
      versions.push(...page.items.map(({ version }) => version));
      cursor = page.nextCursor;
    } while (cursor !== null);
    return versions;
  };
  t.deepEqual(await paged({}), [1, 3, 5, 7, 9, 11, 12, 2, 4, 6, 8, 10]);
  t.deepEqual(
    await paged({ userId }),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    "of one user, whatever the clocks say",
  );
});

test("an event that comes again under another id adds no entry", async (t) => {
  const [rig, userId] = [await auditRig(t), randomUUID()];
  const events = [1, 2, 3].map((version) => userEvent({ userId, version }));
  const again = events.map((event) => ({ ...event, id: randomUUID() }));
  await rig.publish(...events, ...again.slice(0, 1));
  await rig.publish(...again);
  await eventually(async () => {
    const { processed = 0, duplicate = 0 } = await results(rig.metrics);
    if (processed + duplicate < 7) throw new Error(`${processed + duplicate} of 7 deliveries are handled`);
  });
  t.deepEqual(await results(rig.metrics), { processed: 3, duplicate: 4 });
  const { items } = await rig.list({ userId });
  t.deepEqual(
    items.map(({ version }) => version),
    [1, 2, 3],
  );
});

test("an event that tells another story of a version than its entry is a dead letter at once", async (t) => {
  const [rig, userId] = [await auditRig(t), randomUUID()];
  const genuine = userEvent({ userId });
  await rig.publish(genuine);
  await eventually(async () => {
    if ((await rig.list({ userId })).items.length !== 1) throw new Error("The entry is not there yet");
  });
  await rig.publish({ ...genuine, id: randomUUID(), actor: "somebody-else" });
  await eventually(async () => {
    const { dead = 0 } = await results(rig.metrics);
    if (dead !== 1) throw new Error("It is no dead letter yet");
  });
  const { items } = await rig.list({ userId });
  t.deepEqual(
    items.map(({ id, actor }) => [id, actor]),
    [[genuine.id, "tester"]],
  );
  t.true(
    rig.lines.some(({ msg, reason }) => msg === "Event dead-lettered" && reason === "contradicts-entry"),
  );
});

test("the log is filtered by user and by correlation id, and a foreign cursor is refused", async (t) => {
  const rig = await auditRig(t);
  const [one, two] = [userEvent({ correlationId: "c-1" }), userEvent({ correlationId: "c-1" })];
  await rig.publish(one, two, userEvent({ correlationId: "c-2" }));
  const ids = async (query: ActionInput<"audit.list">): Promise<string[]> =>
    (await rig.list(query)).items.map(({ id }) => id).sort();
  t.deepEqual(await ids({ correlationId: "c-1" }), [one.id, two.id].sort());
  t.deepEqual(await ids({ userId: one.subject.toUpperCase() }), [one.id]);
  t.deepEqual(await ids({ userId: one.subject, correlationId: "c-2" }), []);
  t.deepEqual(await ids({ correlationId: "\u0000" }), []);
  const foreign = Buffer.from('["0000-01-01T00:00:00Z",1,"x"]').toString("base64url");
  for (const cursor of [foreign, "nonsense"])
    await t.throwsAsync(rig.list({ cursor }), { message: /invalid fields/ });
});

test("health tells of the database and the bus", async (t) => {
  const rig = await auditRig(t);
  t.like(await healthOf(rig, "audit.health"), {
    status: "up",
    checks: { database: { status: "up" }, bus: { status: "up" } },
  });
});
