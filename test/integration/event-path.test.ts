import { randomUUID } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { OutboxMessage } from "../../mixins/bus/outbox-row.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import type { UserEvent } from "../../services/contracts/events.ts";
import { appendToOutbox } from "../support/append.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { openDatabase } from "../support/own-database.ts";
import { healthOf, rigOf } from "../support/rig.ts";

/** `instances` processes' worth of outbox and audit on one database and one bus kind. */
async function pathOf(t: ExecutionContext, bus: Bus["kind"], instances: number) {
  const rig = await rigOf(t, { services: ["outbox", "audit"], bus });
  const { usersDb: pool } = rig;
  const processes = [rig, ...(await Promise.all(Array.from({ length: instances - 1 }, rig.another)))];
  const users = await openDatabase(rig.urls.users, [OutboxMessage]);
  t.teardown(users.close);
  return {
    pool,
    processes,
    commit: (...events: UserEvent[]) =>
      users.transaction(async (em) => {
        for (const event of events) appendToOutbox(em, event);
      }),
    cut: () =>
      pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
         and application_name in ('mailroster-outbox', 'mailroster-audit')`,
      ),
    settled: () =>
      eventually(
        async () => {
          const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from outbox");
          if (rows[0]?.n !== 0) throw new Error(`${rows[0]?.n} events are still in the outbox`);
        },
        { timeoutMs: 30_000 },
      ),
    audited: (count: number) =>
      eventually(
        async () => {
          const { rows } = await pool.query<{ id: string }>("select id from audit_entries");
          if (rows.length < count) throw new Error(`${rows.length} of ${count} events are audited`);
          return rows.map(({ id }) => id);
        },
        { timeoutMs: 30_000 },
      ),
  };
}

for (const kind of ["in-process", "rabbitmq"] as const)
  test(`${kind}: every committed event has one audit entry although connections are cut`, async (t) => {
    const path = await pathOf(t, kind, kind === "rabbitmq" ? 2 : 1);
    const userIds = Array.from({ length: 10 }, () => randomUUID());
    const sent: string[] = [];
    for (let version = 1; version <= 20; version += 1) {
      const events = userIds.map((userId) => userEvent({ userId, version }));
      await path.commit(...events);
      sent.push(...events.map(({ id }) => id));
      for (const each of path.processes) await each.call("outbox.nudge", {});
      if (version % 8 === 4) await path.cut();
    }
    await path.settled();
    t.deepEqual((await path.audited(sent.length)).sort(), sent.sort());
  });

test("in-process: an event that audit can't store goes to the dead letters and its user's next event goes on", async (t) => {
  const path = await pathOf(t, "in-process", 1);
  const userId = randomUUID();
  const poison = userEvent({ userId, version: 1 });
  await path.pool.query(`
    create function refuse_entry() returns trigger language plpgsql as $$ begin raise exception 'refused'; end $$;
    create trigger refuse_entry before insert on audit_entries for each row
      when (new.id = '${poison.id}') execute function refuse_entry()`);
  const next = userEvent({ userId, version: 2 });
  await path.commit(poison, next);
  await path.settled();
  t.deepEqual(await path.audited(1), [next.id]);
  const { rows } = await path.pool.query("select message_id, reason, attempts from dead_letters");
  t.deepEqual(rows, [{ message_id: poison.id, reason: "retries-exhausted", attempts: 3 }]);
});

test("the outbox answers nudges and tells its health", async (t) => {
  const rig = await rigOf(t, { services: ["outbox"] });
  t.is(await rig.call("outbox.nudge", {}), null);
  t.is((await healthOf(rig, "outbox.health")).status, "up");
});
