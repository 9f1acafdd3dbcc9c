/** An erasure empties rows, and nothing that comes later brings anything back: docs/adr/0046. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import test from "ava";
import type pg from "pg";
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import { AuditEntryRow } from "../../services/audit/entities.ts";
import { append } from "../../services/audit/entries.ts";
import { queueOf } from "../../services/contracts/consumers.ts";
import type { UserEvent } from "../../services/contracts/events.ts";
import { dayMs } from "../../services/contracts/terms.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, rigOf } from "../support/rig.ts";

const reason = "Request of 3 March, ticket 4711";
/** A part of whatever is personal of the person whom these tests erase. */
const personal = "zaphod";
const primary = "zaphod.b@one.example";
const body = {
  displayName: "Zaphod Beeblebrox",
  primarySmtp: primary,
  secondarySmtps: ["z.zaphod@one.example"],
  externalId: "Zaphod-1",
};
const environment = { RECONCILE_GRACE_MS: "100", RECONCILE_MINUTES: "0" };

type Test = Parameters<typeof rigOf>[0];

/** The rows of every table in which the text stands. */
async function rowsWith(pool: pg.Pool, text: string): Promise<string[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    "select table_name as name from information_schema.tables where table_schema = 'public'",
  );
  const found: string[] = [];
  for (const { name } of tables) {
    const { rows } = await pool.query<{ row: string }>(
      `select r::text as row from (select t.*, ${name === "dead_letters" ? "convert_from(t.body, 'UTF8')" : "''"} as text from "${name}" t) r where r::text ilike $1`,
      [`%${text}%`],
    );
    for (const { row } of rows) found.push(`${name}: ${row}`);
  }
  return found;
}

const registryVersion = async ({ registryDb }: Rig, id: string): Promise<number> =>
  (await registryDb.query<{ version: number }>("select version from watermarks where user_id = $1", [id]))
    .rows[0]?.version ?? 0;

/** Both consumers have had this version of the user. */
const arrived = (rig: Rig, id: string, version: number) =>
  eventually(async () => {
    assert.ok((await registryVersion(rig, id)) >= version);
    const { rows } = await rig.usersDb.query(
      "select from audit_entries where user_id = $1 and version = $2",
      [id, version],
    );
    assert.equal(rows.length, 1);
  });

/** Somebody with a past, deleted. */
async function deletedPerson(rig: Rig): Promise<string> {
  const { body: created } = await rig.http("POST", "/users", body, { "idempotency-key": "first" });
  const id = String(created.id);
  await rig.http(
    "PATCH",
    `/users/${id}`,
    { primarySmtp: "zaphod@one.example" },
    { "idempotency-key": "second" },
  );
  await rig.http(
    "PATCH",
    `/users/${id}`,
    { displayName: "Zaphod Beeblebrox" },
    { "idempotency-key": "no-op" },
  );
  assert.equal((await rig.http("DELETE", `/users/${id}`)).status, 204);
  await arrived(rig, id, 3);
  return id;
}

const erase = (rig: Rig, id: string, headers: Record<string, string> = {}) =>
  rig.http("POST", `/users/${id}/erase`, { reason }, headers);

async function erasedPerson(
  t: Test,
  options: Parameters<typeof rigOf>[1] = {},
): Promise<{ rig: Rig; id: string }> {
  const rig = await rigOf(t, { environment, ...options });
  const id = await deletedPerson(rig);
  assert.equal((await erase(rig, id)).status, 204);
  await arrived(rig, id, 4);
  return { rig, id };
}

const auditOf = async (rig: Rig, id: string) =>
  (await rig.http("GET", `/audit?userId=${id}`)).body.items as {
    action: string;
    actor: string;
    reason?: string;
    version: number;
    changes: { field: string; from: unknown; to: unknown }[];
  }[];

for (const bus of ["in-process", "rabbitmq"] as const)
  test.serial(`no table of either database holds anything of an erased user, over ${bus}`, async (t) => {
    const rig = await rigOf(t, { environment, bus });
    const id = await deletedPerson(rig);
    t.true((await rowsWith(rig.usersDb, personal)).length > 5);
    t.true((await rowsWith(rig.registryDb, personal)).length > 3);
    t.is((await erase(rig, id)).status, 204);
    await arrived(rig, id, 4);
    t.deepEqual(await rowsWith(rig.usersDb, personal), []);
    t.deepEqual(await rowsWith(rig.registryDb, personal), []);
  });

test.serial("who, when and which field stay in the audit log, and who erased and why", async (t) => {
  const { rig, id } = await erasedPerson(t);
  const entries = await auditOf(rig, id);
  t.deepEqual(
    entries.map(({ action }) => action),
    ["user.created", "user.updated", "user.deleted", "user.erased"],
  );
  t.like(entries[3], { actor: "local", reason, version: 4, changes: [] });
  t.deepEqual(entries[1]?.changes, [
    { field: "primarySmtp", from: null, to: null },
    { field: "secondarySmtps", from: null, to: null },
  ]);
});

test.serial("erasing twice is erasing once", async (t) => {
  const { rig, id } = await erasedPerson(t);
  t.is((await erase(rig, id)).status, 204);
  const headers = { "idempotency-key": "erase" };
  t.is((await erase(rig, id, headers)).status, 204);
  t.is((await erase(rig, id, headers)).headers.get("idempotent-replayed"), "true");
  t.is((await auditOf(rig, id)).length, 4);
});

test.serial("only a deleted user can be erased, and with a reason", async (t) => {
  const rig = await rigOf(t, { environment });
  const { body: living } = await rig.http("POST", "/users", body);
  const refused = await erase(rig, living.id);
  t.is(refused.status, 409);
  t.regex(refused.body.type, /not-deleted/);
  t.is((await erase(rig, randomUUID())).status, 404);
  t.is((await erase(rig, "nobody")).status, 404);
  t.is((await rig.http("POST", `/users/${living.id}/erase`, {})).status, 422);
  t.is((await rig.http("GET", `/users/${living.id}`)).body.displayName, body.displayName);
});

test.serial("an erased user is not found, and not restored", async (t) => {
  const { rig, id } = await erasedPerson(t);
  t.is((await rig.http("GET", `/users/${id}`)).status, 404);
  t.is((await rig.http("POST", `/users/${id}/restore`)).status, 404);
  t.is((await rig.http("DELETE", `/users/${id}`)).status, 404);
  t.is((await rig.http("PATCH", `/users/${id}`, { displayName: "Ann" })).status, 404);
  t.deepEqual((await rig.http("GET", "/users")).body.items, []);
});

test.serial(
  "an erased user's address is nobody else's until its terms are over, and nobody is told whose",
  async (t) => {
    let passed = 0;
    const now = () => new Date(Date.now() + passed);
    const { rig, id } = await erasedPerson(t, { now });
    const before = new Date().toISOString();
    for (const address of [primary, "ZAPHOD@one.example"])
      for (const status of ["deleted", "quarantined"]) {
        passed = status === "deleted" ? 0 : 31 * dayMs;
        t.like((await rig.http("GET", `/smtp/${address}`)).body, { status, userId: null, kind: null });
        const asked = { displayName: "Ann", primarySmtp: address };
        t.is((await rig.http("POST", "/users", { ...asked, onTaken: "refuse" })).status, 409);
      }
    const { body: other } = await rig.http("POST", "/users", { displayName: "Ann", primarySmtp: primary });
    t.is(other.primarySmtp, "zaphod.b2@one.example");
    t.like((await rig.http("GET", `/smtp/${primary}?at=${before}`)).body, {
      status: "deleted",
      userId: null,
    });
    passed = 396 * dayMs;
    t.is((await rig.http("GET", `/smtp/${primary}`)).body.status, "available");
    const { body: next } = await rig.http("POST", "/users", { displayName: "Ann", primarySmtp: primary });
    t.is(next.primarySmtp, primary);
    t.not(next.id, id);
  },
);

test.serial("a look into the past says that somebody had the address, not who", async (t) => {
  const rig = await rigOf(t, { environment });
  const id = await deletedPerson(rig);
  const { body: known } = await rig.http("GET", `/users/${id}/export`);
  const at = known.addresses[0].at as string;
  t.is((await rig.http("GET", `/smtp/${primary}?at=${at}`)).body.userId, id);
  t.is((await erase(rig, id)).status, 204);
  await arrived(rig, id, 4);
  t.like((await rig.http("GET", `/smtp/${primary}?at=${at}`)).body, {
    status: "active",
    userId: null,
    kind: null,
  });
  const { body: past } = await rig.http("GET", `/smtp/${primary}/history`);
  const [item] = past.items as Record<string, unknown>[];
  t.like(item, { userId: null, version: null, address: primary, kind: null, status: "deleted" });
  t.false(JSON.stringify(past).includes(id));
});

test.serial("the guard of users refuses an erased user's address whatever the registry knows", async (t) => {
  const { rig } = await erasedPerson(t);
  await rig.registryDb.query("delete from erased_addresses");
  const asked = { displayName: "Ann", primarySmtp: primary };
  t.is((await rig.http("POST", "/users", { ...asked, onTaken: "refuse" })).status, 409);
  t.is((await rig.http("POST", "/users", asked)).body.primarySmtp, "zaphod.b2@one.example");
});

/** One that users told before the erasure, as it comes again. */
const late = (id: string, version: number): UserEvent => {
  const event = userEvent({ userId: id, version, type: "user.updated.v1" });
  const user = { ...event.data.user, ...body, version };
  const changes = [
    { field: "displayName", from: "Zaphod", to: "Zaphod B." },
    { field: "primarySmtp", from: "zaphod.before@one.example", to: primary },
  ];
  return { ...event, data: { user, changes } };
};

test.serial(
  "an event that arrives after the erasure brings nothing back, whatever its version",
  async (t) => {
    const { rig, id } = await erasedPerson(t);
    for (const [queue, version] of [
      ["smtp-registry", 2],
      ["smtp-registry", 9],
      ["audit", 9],
    ] as const) {
      const event = late(id, version);
      const { status } = await rig.bus.publishTo(queueOf(queue), {
        messageId: event.id,
        correlationId: "late",
        type: event.type,
        body: new TextEncoder().encode(JSON.stringify(event)),
        headers: {},
        replays: 1,
      });
      t.is(status, "confirmed");
      const db = queue === "audit" ? rig.usersDb : rig.registryDb;
      const seen =
        queue === "audit" ? "audit_entries where id = $1" : "consumer_outcomes where event_id = $1";
      await eventually(async () =>
        assert.equal((await db.query(`select from ${seen}`, [event.id])).rows.length, 1),
      );
    }
    t.deepEqual(await rowsWith(rig.usersDb, personal), []);
    t.deepEqual(await rowsWith(rig.registryDb, personal), []);
    t.is(await registryVersion(rig, id), 4);
  },
);

test.serial(
  "an entry that is appended beside the erasure waits for it, and comes without values",
  async (t) => {
    const rig = await rigOf(t, { environment });
    const id = await deletedPerson(rig);
    const db = await openDatabase(rig.urls.users, [AuditEntryRow]);
    t.teardown(() => db.close());
    const client = await rig.usersDb.connect();
    try {
      await client.query("begin");
      await client.query("insert into erasures values ($1, now(), 'me', 'why')", [id]);
      await client.query("select empty_audit_of($1)", [id]);
      const appended = db.transaction((em) => append(em, [late(id, 9)]));
      await eventually(async () => {
        const { rows } = await rig.usersDb.query(
          "select from pg_locks where not granted and relation = 'audit_entries'::regclass",
        );
        assert.equal(rows.length, 1);
      });
      await client.query("commit");
      t.deepEqual(await appended, ["processed"]);
    } finally {
      client.release();
    }
    const { rows } = await rig.usersDb.query("select changes from audit_entries where user_id = $1", [id]);
    t.is(rows.length, 4);
    t.notRegex(JSON.stringify(rows), /zaphod/i);
  },
);

test.serial("letters of an erased user say nothing more, those that come later too", async (t) => {
  const rig = await rigOf(t, { environment });
  const id = await deletedPerson(rig);
  const db = await openDatabase(rig.urls.users, [DeadLetterRecord]);
  t.teardown(() => db.close());
  const store = (event: UserEvent) =>
    db.transaction((em) =>
      storeDeadLetter(em, {
        queue: queueOf("audit"),
        messageId: event.id,
        correlationId: "late",
        routingKey: event.type,
        body: new TextEncoder().encode(JSON.stringify(event)),
        reason: "retries-exhausted",
        error: "Error",
        attempts: 6,
        firstFailedAt: new Date(),
        lastFailedAt: new Date(),
      }),
    );
  await store(late(id, 2));
  t.is((await erase(rig, id)).status, 204);
  await store(late(id, 3));
  const { body: page } = await rig.http("GET", "/dead-letters?status=all");
  t.deepEqual(
    page.items.map(({ status, userId }: { status: string; userId: string }) => [status, userId]),
    [
      ["discarded", id],
      ["discarded", id],
    ],
  );
  for (const letter of page.items)
    t.is((await rig.http("POST", `/dead-letters/${letter.id}/replay`)).status, 409);
  t.like((await rig.http("GET", `/dead-letters/${page.items[0].id}`)).body, {
    payload: "",
    headers: {},
    discarded: { by: "local", reason: "The user was erased" },
  });
});

test.serial("the audit log changes in no other way", async (t) => {
  const { rig, id } = await erasedPerson(t);
  const { body: living } = await rig.http("POST", "/users", {
    ...body,
    primarySmtp: "other@one.example",
    secondarySmtps: [],
  });
  await arrived(rig, living.id, 1);
  const isRefused = (statement: string, values: unknown[]) =>
    t.throwsAsync(rig.usersDb.query(statement, values), { code: "23001" }, statement);
  await isRefused("select empty_audit_of($1)", [living.id]);
  await isRefused("update audit_entries set changes = audit_values_emptied(changes) where user_id = $1", [
    living.id,
  ]);
  for (const change of [
    "actor = 'ceo'",
    "at = now()",
    "changes = '[]'",
    "reason = ''",
    "user_id = gen_random_uuid()",
  ])
    await isRefused(`update audit_entries set ${change} where user_id = $1 and version = 2`, [id]);
  await isRefused("delete from audit_entries where user_id = $1", [id]);
  await isRefused("truncate audit_entries", []);
  t.is((await auditOf(rig, living.id))[0]?.changes[0]?.to, body.displayName);
});

test.serial("a pass finds no difference, and a repair tells a registry of before the erasure", async (t) => {
  const { rig, id } = await erasedPerson(t);
  t.deepEqual((await rig.call("reconciler.run", {})).violations, {});
  await rig.registryDb.query("update watermarks set version = 1, erased_at = null where user_id = $1", [id]);
  await rig.registryDb.query(
    "insert into addresses (key, address, user_id, kind, status) values ($1, $1, $2, 'primary', 'active')",
    [primary, id],
  );
  t.deepEqual((await rig.call("reconciler.run", {})).violations, { registry_behind: 1 });
  t.is((await rig.call("reconciler.repair", {})).reemitted, 1);
  await arrived(rig, id, 5);
  t.deepEqual(await rowsWith(rig.registryDb, personal), []);
  t.deepEqual((await rig.call("reconciler.run", {})).violations, {});
  const { externalId: _, ...known } = body;
  await t.throwsAsync(rig.call("users.settle", { userId: id, above: 9, as: "restored", ...known }), {
    message: /users knows this user/,
  });
});

test.serial(
  "an erasure waits for the events of its user, and is refused when they do not leave",
  async (t) => {
    const rig = await rigOf(t, { environment, services: ["users", "smtp-registry", "gateway"] });
    const { body: user } = await rig.http("POST", "/users", body);
    await rig.http("DELETE", `/users/${user.id}`);
    const refused = await rig.httpOnce("POST", `/users/${user.id}/erase`, { reason });
    t.is(refused.status, 503);
    t.truthy(refused.headers.get("retry-after"));
    t.deepEqual(await rig.call("users.erasures", {}), { items: [], nextCursor: null });
    await rig.usersDb.query("delete from outbox");
    t.is((await erase(rig, user.id)).status, 204);
    const { rows } = await rig.usersDb.query<{ body: string }>("select body from outbox");
    t.is(rows.length, 1);
    t.notRegex(rows[0]?.body ?? "", /zaphod/i);
    t.like((await rig.call("users.erasures", {})).items[0], {
      userId: user.id,
      by: "local",
      reason,
    });
  },
);

test.serial("the trace of an erased user's requests is complete and holds no value", async (t) => {
  const { rig, id } = await erasedPerson(t);
  const { rows } = await rig.usersDb.query(
    "select distinct correlation_id from audit_entries where user_id = $1",
    [id],
  );
  t.is(rows.length, 4);
  for (const { correlation_id } of rows) {
    const { body: trace } = await rig.http("GET", `/trace/${correlation_id}`);
    t.is(trace.verdict.state, "complete");
    t.notRegex(JSON.stringify(trace), /zaphod/i);
  }
});

test.serial("an export says all that is known, and of an erased user what is left", async (t) => {
  const rig = await rigOf(t, { environment });
  const id = await deletedPerson(rig);
  const { status, body: known } = await rig.http("GET", `/users/${id}/export`);
  t.is(status, 200);
  t.like(known, { userId: id, erasure: null, isComplete: true });
  t.like(known.user, { displayName: body.displayName, version: 3 });
  t.true(known.addresses.length > 3);
  t.is(known.audit.length, 3);
  t.is((await erase(rig, id)).status, 204);
  await arrived(rig, id, 4);
  const { body: left } = await rig.http("GET", `/users/${id}/export`);
  t.like(left, { user: null, addresses: [], erasure: { by: "local", reason } });
  t.is(left.audit.length, 4);
  t.notRegex(JSON.stringify(left), /zaphod/i);
  t.is((await rig.http("GET", `/users/${randomUUID()}/export`)).status, 404);
});
