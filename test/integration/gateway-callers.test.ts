/** What callers may take, over HTTP: who they are is told by a trusted proxy. */
import test from "ava";
import { askWithoutBody, guardedRows, pathOf } from "../support/access-walk.ts";
import { startGateway } from "../support/rig.ts";
import { recordStandIn, usersStandIn } from "../support/stand-ins.ts";

test("a caller behind a trusted proxy has its own units and places, and hears what is left", async (t) => {
  const gateway = await startGateway({
    standIns: [usersStandIn(), recordStandIn()],
    environment: { AUTH: "proxy", TRUSTED_PROXIES: "127.0.0.1", HTTP_UNITS_PER_MINUTE_MAX: "100" },
  });
  t.teardown(gateway.stop);
  const ask = (name: string, path = "/users") =>
    gateway.http("GET", path, undefined, { "x-actor": name, "x-roles": "viewer" });
  const first = await ask("ann");
  t.is(first.status, 200);
  t.is(first.headers.get("ratelimit-policy"), '"caller";q=100;w=60');
  t.is(first.headers.get("ratelimit"), '"caller";r=98;t=2');
  // More than are given at a time: each has its place back once it is answered.
  for (let n = 0; n < 30; n += 1) t.is((await ask("ann")).status, 200);
  for (let n = 0; n < 3; n += 1) t.is((await ask("ann", "/users?q=a")).status, 200);
  const refused = await ask("ann", "/users?q=a");
  t.is(refused.status, 429);
  t.regex(refused.headers.get("retry-after") ?? "", /^\d+$/);
  t.is(refused.body.type, "/problems/too-many-requests");
  t.is((await ask("eve")).status, 200);
});

test("an address that does not say who asks is refused at last whatever it sends, and nobody else is", async (t) => {
  const gateway = await startGateway({
    standIns: [usersStandIn()],
    environment: { AUTH: "proxy", TRUSTED_PROXIES: "127.0.0.1" },
    limits: { failuresPerMinuteMax: 3 },
  });
  t.teardown(gateway.stop);
  const ask = (client: string, headers: Record<string, string> = {}) =>
    gateway.http("GET", "/users", undefined, { "x-forwarded-for": client, ...headers });
  for (let n = 0; n < 3; n += 1) t.is((await ask("192.0.2.1")).status, 401);
  const refused = await ask("192.0.2.1", { "x-actor": "ann", "x-roles": "viewer" });
  t.is(refused.status, 429);
  t.is((await ask("192.0.2.2", { "x-actor": "ann", "x-roles": "viewer" })).status, 200);
});

test("whoever may not is told that, whatever is away behind the gateway", async (t) => {
  const closed = await startGateway({ environment: { AUTH: "required" } });
  t.teardown(closed.stop);
  for (const row of guardedRows) {
    const { status, headers, body } = await askWithoutBody(closed.port, row, pathOf(row));
    t.is(status, 401, `${row.id}: ${body}`);
    t.regex(headers.get("www-authenticate") ?? "", /^Bearer/, row.id);
  }
  const proxied = await startGateway({
    environment: { AUTH: "proxy", TRUSTED_PROXIES: "127.0.0.1" },
  });
  t.teardown(proxied.stop);
  const remove = (role: string) =>
    proxied.httpOnce("DELETE", "/users/0199aaaa-0000-7000-8000-000000000000", undefined, {
      "x-actor": "ann",
      "x-roles": role,
    });
  t.is((await remove("viewer")).status, 403);
  t.is((await remove("mail-admin")).status, 503);
});
