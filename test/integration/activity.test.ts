/** What is on record beside the changes of users: refusals, what others would not see, what an operator did. */
import { randomUUID } from "node:crypto";
import anyTest, { type ExecutionContext } from "ava";
import { DeadLetterRecord, storeDeadLetter } from "../../mixins/bus/dead-letters.ts";
import { sweepActivities } from "../../services/access/activities.ts";
import { accessEntities } from "../../services/access/entities.ts";
import type { ActionInput } from "../../services/contracts/actions.ts";
import { type ActivityEntry, ActivityPage } from "../../services/contracts/activity.ts";
import type { Role } from "../../services/contracts/roles.ts";
import { userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { bearer, makeKey, mistyped } from "../support/keys.ts";
import { letterOf } from "../support/letters.ts";
import { openDatabase } from "../support/own-database.ts";
import { type Rig, rigOf } from "../support/rig.ts";

// One system at a time: each is all services and two databases.
const test = anyTest.serial;
const dayMs = 86_400_000;

interface Caller {
  readonly id: string;
  readonly key: string;
  readonly http: Rig["http"];
  readonly httpOnce: Rig["httpOnce"];
}

async function system(
  t: ExecutionContext,
  environment: Record<string, string> = { AUTH: "required" },
  now: () => Date = () => new Date(),
) {
  const rig = await rigOf(t, {
    environment: { RECONCILE_GRACE_MS: "100", ...environment },
    limits: { keysEveryMs: 50 },
    now,
  });
  const callerOf = async (role: Role, wish: Partial<ActionInput<"access.create">> = {}): Promise<Caller> => {
    const { id, key } = await makeKey(rig, role, wish);
    const withKey =
      (ask: Rig["http"]): Rig["http"] =>
      (method, path, body, headers) =>
        ask(method, path, body, { ...bearer(key), ...headers });
    const http = withKey(rig.http);
    await eventually(async () => {
      const { status } = await http("GET", "/users/0199aaaa-0000-7000-8000-000000000000");
      if (status === 401) throw new Error(`${status}`);
    });
    return { id: `key:${id}`, key, http, httpOnce: withKey(rig.httpOnce) };
  };
  const owner = await callerOf("owner");
  const entries = async (query: string): Promise<ActivityEntry[]> => {
    const answer = await owner.http("GET", `/activity?limit=200&${query}`);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
    return ActivityPage.parse(answer.body).items;
  };
  /** Once there are so many. */
  const recorded = (query: string, count = 1) =>
    eventually(async () => {
      const items = await entries(query);
      if (items.length !== count) throw new Error(JSON.stringify(items));
      return items;
    });
  const stored = async (): Promise<string> => {
    const { rows } = await rig.usersDb.query("select to_jsonb(t)::text as row from activity t");
    return JSON.stringify(rows);
  };
  return { ...rig, callerOf, owner, entries, recorded, stored };
}

const someone = () => {
  const mark = randomUUID().slice(0, 8);
  return { displayName: `Ann Lee${mark}`, primarySmtp: `ann.${mark}@example.com` };
};

async function letterIn({ usersDb: _, config }: Rig, t: ExecutionContext) {
  const db = await openDatabase(config.usersDatabaseUrl ?? "", [DeadLetterRecord]);
  t.teardown(() => db.close());
  const event = userEvent();
  const id = () => db.read((em) => em.findOneOrFail(DeadLetterRecord, { messageId: event.id }));
  const at = new Date();
  const parts = { firstFailedAt: at, lastFailedAt: at, headers: { "x-attempts": 6 } };
  await db.transaction((em) => storeDeadLetter(em, letterOf(parts, event)));
  return { event, id: (await id()).id };
}

test("who was not let in is on record, once a minute for an address and a reason, without the token", async (t) => {
  const minute = new Date();
  const rig = await system(t, undefined, () => minute);
  const wrong = mistyped(rig.owner.key);
  for (let count = 0; count < 3; count += 1) {
    t.is((await rig.http("GET", "/users")).status, 401);
    t.is((await rig.http("GET", "/audit", undefined, bearer(wrong))).status, 401);
  }
  for (const [action, reason] of [
    ["users.list", "missing"],
    ["audit.list", "malformed"],
  ] as const) {
    const [item] = await rig.recorded(`principal=anonymous&allowed=false&action=${action}`);
    t.like(item, { reason, target: { kind: "client", id: "127.0.0.1" } });
  }
  t.false((await rig.stored()).includes(wrong.slice(-40)));
});

test("who may not is on record: for want of a scope, and for another domain's user", async (t) => {
  const rig = await system(t);
  const { body: user } = await rig.owner.http("POST", "/users", someone());
  const limited = await rig.callerOf("helpdesk", { domains: ["a.example"] });
  t.is((await limited.http("GET", "/audit")).status, 403);
  t.is((await limited.http("GET", `/users/${user.id}`)).status, 404);
  t.is((await limited.http("POST", "/users", someone())).status, 403);
  const items = await rig.recorded(`principal=${limited.id}&allowed=false`, 3);
  const told = Object.fromEntries(items.map((item) => [item.action, item]));
  t.like(told["audit.list"], {
    scope: "audit:read",
    reason: "lacks audit:read",
    credential: limited.id.slice(4),
  });
  t.like(told["users.get"], { target: { kind: "user", id: user.id }, allowed: false });
  t.regex(told["users.create"]?.reason ?? "", /limited to a\.example/);
  t.is((await limited.http("GET", `/users/${randomUUID()}`)).status, 404);
  t.is(
    (await rig.entries(`principal=${limited.id}&action=users.get`)).length,
    1,
    "what is nowhere is no refusal",
  );
});

test("what is read is on record before it is answered; a search and an address as a hash that finds them", async (t) => {
  const rig = await system(t);
  const { displayName, primarySmtp } = someone();
  const { body: user } = await rig.owner.http("POST", "/users", { displayName, primarySmtp });
  const reader = await rig.callerOf("auditor");
  const q = encodeURIComponent(displayName);
  const at = new Date(Date.now() - 1).toISOString();
  for (const path of [
    `/audit?userId=${user.id}`,
    `/users?q=${q}`,
    `/smtp/${primarySmtp}?at=${at}`,
    `/trace/none-${user.id}`,
    `/smtp/${primarySmtp}`,
    `/users/${user.id}`,
    "/users",
  ])
    t.true([200, 404].includes((await reader.http("GET", path)).status), path);
  const items = await rig.entries(`principal=${reader.id}&allowed=true`);
  t.deepEqual(
    items.map(({ action }) => action),
    ["trace.explain", "smtp-registry.lookup", "users.list", "audit.list"],
    "the newest first; ordinary reads are none",
  );
  t.deepEqual(items[3]?.target, { kind: "user", id: user.id });
  for (const text of [displayName.toUpperCase(), primarySmtp]) {
    const [entry, ...others] = await rig.entries(`target=${encodeURIComponent(text)}`);
    t.deepEqual([others.length, entry?.principal], [0, reader.id]);
    t.regex(entry?.target?.id ?? "", /^[0-9a-f]{64}$/);
  }
  const text = (await rig.stored()).toLowerCase();
  t.false(text.includes(displayName.toLowerCase()) || text.includes(primarySmtp));
});

test("what can't be put on record is not read, all else goes on and is on record later", async (t) => {
  const rig = await system(t);
  const { body: user } = await rig.owner.http("POST", "/users", someone());
  const letter = await letterIn(rig, t);
  await rig.usersDb.query("alter table activity rename to activity_away");
  for (const path of ["/audit", "/users?q=ann", `/dead-letters/${letter.id}`, "/activity"]) {
    const { status, headers, body } = await rig.owner.httpOnce("GET", path);
    t.is(status, 503, path);
    t.not(headers.get("retry-after"), null);
    t.regex(body.detail, /record/);
  }
  t.is((await rig.owner.http("GET", `/users/${user.id}`)).status, 200);
  t.is((await rig.owner.http("DELETE", `/dead-letters/${letter.id}?reason=Known`)).status, 204);
  await eventually(() => {
    const put = rig.lines.some(({ msg }) => msg === "what was done is put on record later");
    if (!put) throw new Error("It has not been tried yet");
  });
  await rig.usersDb.query("alter table activity_away rename to activity");
  const [entry] = await rig.recorded("action=dead-letters.discard");
  t.like(entry, { principal: rig.owner.id, reason: "Known", target: { kind: "letter", id: letter.id } });
  t.is((await rig.owner.http("GET", "/audit")).status, 200);
});

test("what an operator did is on record, over HTTP and at the REPL, with name and reason", async (t) => {
  const rig = await system(t);
  const operator = await rig.callerOf("operator");
  const letter = await letterIn(rig, t);
  t.is((await operator.http("POST", `/dead-letters/${letter.id}/replay`)).status, 200);
  const meta = { actor: "repl:ann" };
  await rig.call("ops.log-level", { level: "info", minutes: 5 }, meta);
  await rig.call("ops.log-level", {}, meta);
  await rig.call("dead-letters.get", { id: letter.id }, meta);
  await rig.call("reconciler.repair", {}, meta);
  const [replay] = await rig.recorded(`principal=${operator.id}&action=dead-letters.replay`);
  t.like(replay, { allowed: true, scope: "letters:write", target: { kind: "letter", id: letter.id } });
  const items = await rig.recorded("principal=repl:ann", 3);
  const reasons = Object.fromEntries(items.map(({ action, reason }) => [action, reason]));
  t.is(reasons["ops.log-level"], "info for 5 minutes");
  t.deepEqual(items.find(({ action }) => action === "ops.log-level")?.target?.kind, "process");
  t.is(reasons["dead-letters.get"], "people shown");
  t.true("reconciler.repair" in reasons);
});

test("an operator sees no names and addresses, in a letter as in a trace; whoever may see people does, on record", async (t) => {
  const rig = await system(t);
  const operator = await rig.callerOf("operator");
  const { id, event } = await letterIn(rig, t);
  const { user } = event.data;
  const masked = await operator.http("GET", `/dead-letters/${id}`);
  const shown = await rig.owner.http("GET", `/dead-letters/${id}`);
  t.deepEqual(shown.body.payload, event);
  const text = JSON.stringify(masked.body);
  t.false(text.includes(user.displayName) || text.includes("@example"), text);
  t.like(masked.body.payload, { id: event.id, subject: event.subject, sequence: event.sequence });
  const of = (caller: Caller) => rig.recorded(`principal=${caller.id}&action=dead-letters.get&target=${id}`);
  t.is((await of(operator))[0]?.reason, "people masked");
  t.is((await of(rig.owner))[0]?.reason, "people shown");

  const one = someone();
  const made = await rig.owner.http("POST", "/users", one, { "x-correlation-id": `made-${id}` });
  const traces = await eventually(async () => {
    const pair = [operator, rig.owner].map(({ http }) => http("GET", `/trace/made-${id}`));
    const [other, own] = await Promise.all(pair);
    if (own?.body.verdict?.state !== "complete") throw new Error(JSON.stringify(own?.body));
    return { other: JSON.stringify(other?.body), own: JSON.stringify(own?.body) };
  });
  for (const value of Object.values(one)) {
    t.true(traces.own.includes(value));
    t.false(traces.other.includes(value), traces.other);
  }
  t.true(traces.other.includes(made.body.id) && traces.other.includes('"displayName"'));
});

test("the list goes on page by page and by time, and no entry can be changed", async (t) => {
  const rig = await system(t);
  const reader = await rig.callerOf("auditor");
  for (let count = 0; count < 5; count += 1) await reader.http("GET", `/audit?correlationId=read-${count}`);
  const seen: ActivityEntry[] = [];
  let path: string | undefined = `/activity?limit=2&principal=${reader.id}`;
  while (path !== undefined) {
    const { body, headers }: Awaited<ReturnType<Rig["http"]>> = await rig.owner.http("GET", path);
    seen.push(...ActivityPage.parse(body).items);
    path = /<(.*)>/.exec(headers.get("link") ?? "")?.[1];
  }
  t.deepEqual(
    seen.map(({ target }) => target?.id),
    [4, 3, 2, 1, 0].map((count) => `read-${count}`),
  );
  const [newest] = seen;
  const before = `principal=${reader.id}&to=${newest?.at}`;
  t.true((await rig.entries(before)).every(({ id }) => id !== newest?.id));
  t.true(
    (await rig.entries(`from=${newest?.at}&principal=${reader.id}`)).some(({ id }) => id === newest?.id),
  );
  t.is((await rig.owner.http("GET", "/activity?cursor=xyz")).status, 422);
  t.is((await rig.owner.http("GET", "/activity?from=yesterday")).status, 422);
  t.is((await reader.http("GET", "/activity")).status, 200);
  await t.throwsAsync(rig.usersDb.query("update activity set principal = 'nobody'"), {
    message: /never changed/,
  });
  await t.throwsAsync(rig.usersDb.query("truncate activity"), { message: /never changed/ });
});

test("an entry that is handed on twice is one, and it leaves after its days", async (t) => {
  const rig = await rigOf(t, { services: ["access", "ops"] });
  const entry = (at: Date): ActivityEntry => ({
    id: randomUUID(),
    at: at.toISOString(),
    principal: "key:0",
    credential: null,
    action: "audit.list",
    scope: null,
    target: { kind: "request", id: "a\0b" },
    allowed: true,
    reason: null,
    correlationId: "c",
  });
  const old = entry(new Date(Date.now() - 181 * dayMs));
  const young = entry(new Date(Date.now() - 179 * dayMs));
  for (let count = 0; count < 2; count += 1) await rig.call("access.record", { entries: [old, young] });
  t.deepEqual((await rig.call("access.activity", { target: "a\0b" })).items, []);
  const db = await openDatabase(rig.config.usersDatabaseUrl ?? "", accessEntities);
  t.teardown(() => db.close());
  t.is(await sweepActivities(db, () => new Date(), 180), 1);
  t.deepEqual(
    (await rig.call("access.activity", {})).items.map(({ id }) => id),
    [young.id],
  );
});

test("without access control reads are nobody's, and deeds are on record", async (t) => {
  const rig = await system(t, {});
  const letter = await letterIn(rig, t);
  t.is((await rig.http("GET", "/audit")).status, 200);
  t.is((await rig.http("DELETE", `/dead-letters/${letter.id}`)).status, 204);
  const items = await rig.recorded("principal=local");
  t.deepEqual(
    items.map(({ action }) => action),
    ["dead-letters.discard"],
  );
});
