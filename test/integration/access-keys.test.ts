/** Access keys: made once, told once, kept as a hash, refused everywhere once they are revoked. */
import test from "ava";
import { eventually } from "../support/eventually.ts";
import { bearer, makeKey, mistyped, strangeKey } from "../support/keys.ts";
import { type Rig, startRig } from "../support/rig.ts";

const hosted = ["gateway", "access", "ops"] as const;
const required = { AUTH: "required", HTTP_ALLOWED_HOSTS: "gateway" };
/** Often enough that no test waits for it. */
const often = { keysEveryMs: 50 };

let rig: Rig;
let owner: Awaited<ReturnType<typeof makeKey>>;
test.before(async () => {
  rig = await startRig({ services: hosted, environment: required, limits: often });
  owner = await makeKey(rig, "owner");
  await opens(rig, owner.key);
});
test.after.always(() => rig.stop());

/** Resolves when the gateway knows the key. */
const opens = (instance: Pick<Rig, "http">, key: string) =>
  eventually(async () => {
    const { status, body } = await instance.http("GET", "/keys", undefined, bearer(key));
    if (status !== 200 && status !== 403) throw new Error(JSON.stringify(body));
  });
const asOwner = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  rig.http(method, path, body, { ...bearer(owner.key), ...headers });

test("a key is told once, and kept nowhere", async (t) => {
  const idempotencyKey = { "idempotency-key": "a-key-once" };
  const wish = { name: "HR import", role: "provisioner", domains: ["Example.com", "bücher.example"] };
  const made = await asOwner("POST", "/keys", wish, idempotencyKey);
  t.is(made.status, 201);
  t.is(made.headers.get("location"), `/keys/${made.body.id}`);
  t.regex(made.body.key, /^mrk_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/);
  const { key, ...shown } = made.body;
  t.like(shown, { name: "HR import", role: "provisioner", status: "active", createdBy: `key:${owner.id}` });
  t.deepEqual(shown.domains, ["example.com", "xn--bcher-kva.example"]);
  t.is(Date.parse(shown.expiresAt) - Date.parse(shown.createdAt), 365 * 86_400_000);

  const again = await asOwner("POST", "/keys", wish, idempotencyKey);
  t.deepEqual([again.status, again.headers.get("idempotent-replayed"), again.body], [201, "true", shown]);
  t.like((await asOwner("GET", `/keys/${shown.id}`)).body, { id: shown.id });
  const kept = await Promise.all(
    ["api_keys", "activity", "idempotency"].map((table) =>
      rig.usersDb.query(`select to_jsonb(t)::text as row from ${table} t`),
    ),
  );
  const text = JSON.stringify([kept.map(({ rows }) => rows), rig.lines]);
  t.true(text.includes(shown.id));
  t.false(text.includes(key) || text.includes(key.slice(-49)));
});

test("a key is good for what its role may, and carries its domains to the service", async (t) => {
  const own = await startRig({
    services: hosted,
    environment: required,
    limits: often,
    standIns: [
      { name: "users", actions: { get: (ctx) => ({ ...ctx.meta.user, actor: ctx.meta.actor, version: 1 }) } },
    ],
  });
  t.teardown(own.stop);
  const { id, key } = await makeKey(own, "helpdesk", { domains: ["example.com"] });
  await opens(own, key);
  const user = await own.http("GET", "/users/0199aaaa-0000-7000-8000-000000000000", undefined, bearer(key));
  t.like(user.body, { id: `key:${id}`, via: "key", credential: id, actor: `key:${id}` });
  t.deepEqual([user.body.roles, user.body.domains], [["helpdesk"], ["example.com"]]);
  const refusal = await own.httpOnce("GET", "/keys", undefined, bearer(key));
  t.is(refusal.status, 403);
  t.regex(refusal.headers.get("www-authenticate") ?? "", /insufficient_scope.*keys:manage/);
});

test("a revoked key is refused, by a gateway that is told and by one that asks", async (t) => {
  const asking = await rig.another();
  const { id, key } = await makeKey(rig, "owner");
  for (const gateway of [rig, asking]) await opens(gateway, key);
  t.is((await asOwner("DELETE", `/keys/${id}?reason=Lost+with+a+laptop`)).status, 204);
  for (const gateway of [rig, asking]) {
    const refusal = await eventually(async () => {
      const answer = await gateway.http("GET", "/keys", undefined, bearer(key));
      if (answer.status === 200) throw new Error("It is still good");
      return answer;
    });
    t.is(refusal.status, 401);
    t.regex(refusal.body.detail, /revoked/);
    t.regex(refusal.headers.get("www-authenticate") ?? "", /^Bearer .*invalid_token/);
  }
  t.is((await asOwner("DELETE", `/keys/${id}`)).status, 204, "again");
  const { body } = await asOwner("GET", `/keys/${id}`);
  t.like(body, { status: "revoked", revokedBy: `key:${owner.id}`, revokeReason: "Lost with a laptop" });
  t.is((await asOwner("POST", `/keys/${id}/rotate`)).status, 409);
  t.is((await asOwner("DELETE", "/keys/000000000000")).status, 404);
  t.is((await asOwner("DELETE", "/keys/nobody's")).status, 404);
});

test("a revocation is announced, so that no gateway has to ask for it", async (t) => {
  const own = await startRig({ services: hosted, environment: required, limits: { keysEveryMs: 600_000 } });
  t.teardown(own.stop);
  const { id, key } = await makeKey(own, "owner");
  await opens(own, key);
  await own.call("access.revoke", { id });
  await eventually(async () => {
    const { status } = await own.httpOnce("GET", "/keys", undefined, bearer(key));
    if (status !== 401) throw new Error(`${status}`);
  });
  t.pass();
});

test("a rotation gives as much for as long, and leaves the old key its overlap", async (t) => {
  const first = await asOwner("POST", "/keys", { name: "mx1", role: "lookup" });
  const next = await asOwner("POST", `/keys/${first.body.id}/rotate`, { overlapHours: 2 });
  t.is(next.status, 201);
  t.is(next.headers.get("location"), `/keys/${next.body.id}`);
  t.like(next.body, { name: "mx1", role: "lookup", replaces: first.body.id });
  t.not(next.body.key, first.body.key);
  const old = (await asOwner("GET", `/keys/${first.body.id}`)).body;
  t.is(Date.parse(old.expiresAt) - Date.parse(next.body.createdAt), 2 * 3_600_000);
  t.is(Date.parse(next.body.expiresAt) - Date.parse(next.body.createdAt), 90 * 86_400_000);
  const last = await asOwner("POST", `/keys/${next.body.id}/rotate`, { overlapHours: 0 });
  await opens(rig, last.body.key);
  const over = await rig.http("GET", "/keys", undefined, bearer(next.body.key));
  t.deepEqual([over.status, /expired/.test(over.body.detail)], [401, true]);
});

test("the list goes on page by page, the newest first", async (t) => {
  const made: string[] = [];
  for (const name of ["one", "two", "three"]) made.push((await makeKey(rig, "viewer", { name })).id);
  const seen: string[] = [];
  for (let path: string | undefined = "/keys?limit=2"; path !== undefined; ) {
    const { body, headers }: Awaited<ReturnType<typeof asOwner>> = await asOwner("GET", path);
    seen.push(...body.items.map((item: { createdAt: string; id: string }) => `${item.createdAt} ${item.id}`));
    path = /<(.*)>/.exec(headers.get("link") ?? "")?.[1];
  }
  t.deepEqual(seen, seen.toSorted().reverse());
  t.is(new Set(seen).size, seen.length);
  for (const id of [owner.id, ...made]) t.true(seen.some((item) => item.endsWith(id)));
});

test("an expiry in the past or beyond 400 days is refused, and so is what is no domain", async (t) => {
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  for (const wrong of [
    { expiresAt: inDays(-1) },
    { expiresAt: inDays(401) },
    { domains: ["not a domain"] },
    { domains: [] },
    { role: "root" },
    { hash: "x" },
  ]) {
    const { status, body } = await asOwner("POST", "/keys", { name: "x", role: "viewer", ...wrong });
    t.is(status, 422, JSON.stringify(wrong));
    t.true(body.errors[0].pointer.startsWith(`#/${Object.keys(wrong)[0]}`), JSON.stringify(body));
  }
});

test("each change of a key is on record, with who made it", async (t) => {
  const correlationId = "keys-on-record";
  const { body } = await asOwner(
    "POST",
    "/keys",
    { name: "r", role: "viewer" },
    { "x-correlation-id": correlationId },
  );
  await asOwner("DELETE", `/keys/${body.id}?reason=gone`, undefined, { "x-correlation-id": correlationId });
  const { rows } = await rig.usersDb.query(
    "select principal, credential, action, scope, target_kind, target_id, allowed, reason from activity where correlation_id = $1 order by id",
    [correlationId],
  );
  const who = { principal: `key:${owner.id}`, credential: owner.id, scope: "keys:manage" };
  const what = { ...who, target_kind: "key", target_id: body.id, allowed: true };
  t.deepEqual(rows, [
    { ...what, action: "access.create", reason: 'viewer "r"' },
    { ...what, action: "access.revoke", reason: "gone" },
  ]);
  const said = rig.lines.filter((line) => line.correlationId === correlationId && line.keyId === body.id);
  t.deepEqual(
    said.map(({ msg, by }) => [msg, by]),
    [
      ["access key made", who.principal],
      ["access key revoked", who.principal],
    ],
  );
});

test("the last use of a key is told", async (t) => {
  const { id, key } = await makeKey(rig, "owner");
  await opens(rig, key);
  const used = await eventually(async () => {
    const { body } = await asOwner("GET", `/keys/${id}`);
    if (body.lastUsedAt === null) throw new Error("It has not been told yet");
    return body;
  });
  t.true(Date.parse(used.lastUsedAt) >= Date.parse(used.createdAt));
});

test("what is no key is refused without a copy of the keys, and any key is answered with 503 until there is one", async (t) => {
  const gateway = await startRig({ services: ["gateway", "users"], environment: required });
  t.teardown(gateway.stop);
  const key = strangeKey();
  const unknown = await gateway.httpOnce("GET", "/users", undefined, bearer(key));
  t.is(unknown.status, 503);
  t.true(Number(unknown.headers.get("retry-after")) >= 1);
  t.is((await gateway.http("GET", "/users", undefined, bearer(mistyped(key)))).status, 401);
  t.is((await gateway.http("GET", "/users")).status, 401);
  const ready = await gateway.http("GET", "/health/ready");
  t.deepEqual([ready.status, ready.body.checks.access], [503, { status: "down" }]);
});

test("a copy of the keys that is too old lets nobody in, until there is a new one", async (t) => {
  const limits = { ...often, keysStaleMs: 1_000 };
  const own = await startRig({ services: hosted, environment: required, limits });
  t.teardown(own.stop);
  const { key } = await makeKey(own, "owner");
  const becomes = (wanted: number, retryAfter: string | null = null) =>
    eventually(async () => {
      const { status, headers, body } = await own.httpOnce("GET", "/keys", undefined, bearer(key));
      if (status !== wanted || headers.get("retry-after") !== retryAfter)
        throw new Error(`${status} ${JSON.stringify(body)}`);
    });
  await becomes(200);
  await own.usersDb.query("alter table api_keys rename to api_keys_away");
  await becomes(503, "2");
  await own.usersDb.query("alter table api_keys_away rename to api_keys");
  await becomes(200);
  t.pass();
});

test("requests whose sender can't be told are counted by the reason", async (t) => {
  const before = (await rig.metrics.expose()).split("\n");
  const failures = (lines: string[], reason: string) =>
    Number(lines.find((line) => line.startsWith(`auth_failures_total{reason="${reason}"}`))?.split(" ")[1]);
  await rig.http("GET", "/keys");
  await rig.http("GET", "/keys", undefined, bearer(mistyped(owner.key)));
  await rig.http("GET", "/keys", undefined, bearer(strangeKey()));
  const after = (await rig.metrics.expose()).split("\n");
  for (const reason of ["missing", "malformed", "unknown"])
    t.true(failures(after, reason) > failures(before, reason), reason);
});

test("whoever scrapes sees the keys that end soon, by name and without those that have a successor", async (t) => {
  const soon = new Date(Date.now() + 86_400_000).toISOString();
  await makeKey(rig, "viewer", { name: "ends soon", expiresAt: soon });
  await makeKey(rig, "viewer", { name: "has a successor", expiresAt: soon });
  await makeKey(rig, "viewer", { name: "has a successor" });
  // What was measured for a scrape a moment ago is shown again.
  const text = await eventually(async () => {
    const shown = await rig.metrics.expose();
    if (!shown.includes('name="ends soon"')) throw new Error(shown);
    return shown;
  });
  t.regex(text, /^api_key_expires_seconds\{name="ends soon"\} 86[34]\d\d/m);
  t.notRegex(text, /has a successor/);
  t.regex(text, /^api_keys_break_glass 0$/m);
});
