/** What the gateway answers when all is well: statuses, headers, conditions, and what reaches the services. */
import test from "ava";
import { sendRaw } from "../support/raw-http.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { auditStandIn, outboxStandIn, registryStandIn, seen, usersStandIn } from "../support/stand-ins.ts";

let gateway: Instance;
test.before(async () => {
  gateway = await startGateway({
    standIns: [usersStandIn(), registryStandIn(), auditStandIn(), outboxStandIn()],
  });
});
test.after.always(() => gateway.stop());

const jsonType = { "content-type": "application/json" };
const ann = { displayName: "Ann", primarySmtp: "ann@example.com" };
const call = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  fetch(gateway.url + path, {
    method,
    headers: { ...(body === undefined ? {} : jsonType), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
async function created(): Promise<{ id: string; version: number }> {
  const answer = await call("POST", "/users", ann);
  return (await answer.json()) as { id: string; version: number };
}

test("a created user comes with 201, Location and a strong ETag", async (t) => {
  const answer = await call("POST", "/users", ann, { "content-type": 'application/json; charset="UTF-8"' });
  const user = (await answer.json()) as { id: string };
  t.is(answer.status, 201);
  t.is(answer.headers.get("location"), `/users/${user.id}`);
  t.is(answer.headers.get("etag"), '"1"');
  t.is(answer.headers.get("content-type"), "application/json; charset=utf-8");
  t.like(user, ann);
});

test("a user that is known already is answered with 304 and no body", async (t) => {
  const { id } = await created();
  const plain = await call("GET", `/users/${id}`);
  t.is(plain.headers.get("etag"), '"1"');
  for (const tag of ['"1"', 'W/"1"', '"7", "1"', "*"]) {
    const answer = await call("GET", `/users/${id}`, undefined, { "if-none-match": tag });
    t.is(answer.status, 304, tag);
    t.is(await answer.text(), "");
    t.is(answer.headers.get("etag"), '"1"');
  }
  t.is((await call("GET", `/users/${id}`, undefined, { "if-none-match": '"2"' })).status, 200);
});

test("If-Match lets the write through when a tag names the user's version", async (t) => {
  const { id } = await created();
  for (const [tag, version] of [
    ['"1"', 2],
    ['"9", "2"', 3],
    ["*", 4],
    ['W/"4", "4"', 5],
  ] as const) {
    const answer = await call("PUT", `/users/${id}`, ann, { "if-match": tag });
    t.is(answer.status, 200, tag);
    t.is(answer.headers.get("etag"), `"${version}"`);
  }
  t.is((await call("DELETE", `/users/${id}`, undefined, { "if-match": '"4"' })).status, 412);
  t.is((await call("DELETE", `/users/${id}`, undefined, { "if-match": '"5"' })).status, 204);
});

test("a body may repeat the user that GET gave, and the id in it changes nothing", async (t) => {
  const { id } = await created();
  const user = (await (await call("GET", `/users/${id}`)).json()) as object;
  const other = "01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";
  t.is((await call("PUT", `/users/${id}`, { ...user, id: other })).status, 200);
  t.is((seen.get("users.replace")?.params as { id: string } | undefined)?.id, id);
  t.is((await call("PATCH", `/users/${id}`, { id: other, displayName: "Ann Lee" })).status, 200);
  t.is((seen.get("users.patch")?.params as { id: string } | undefined)?.id, id);
});

test("PATCH takes a merge patch and plain JSON", async (t) => {
  const { id } = await created();
  for (const type of ["application/merge-patch+json", "application/json; charset=utf-8"])
    t.is((await call("PATCH", `/users/${id}`, { displayName: type }, { "content-type": type })).status, 200);
});

test("a delete answers 204 without a body, ignores one in the request, and a restore brings the user back", async (t) => {
  const { id } = await created();
  const answer = await call("DELETE", `/users/${id}`, "what", { "content-type": "text/plain" });
  t.is(answer.status, 204);
  t.is(await answer.text(), "");
  t.is(answer.headers.get("content-type"), null);
  t.is((await call("GET", `/users/${id}`)).status, 404);
  const restored = await call("POST", `/users/${id}/restore`);
  t.is(restored.status, 200);
  t.is(restored.headers.get("etag"), '"3"');
});

test("HEAD answers as GET does, without the body", async (t) => {
  const { id } = await created();
  for (const path of [`/users/${id}`, "/users", "/health/live", "/openapi.json", "/docs", "/audit"]) {
    const [head, get] = [await call("HEAD", path), await call("GET", path)];
    t.is(head.status, get.status, path);
    t.is(await head.text(), "");
    t.is(head.headers.get("etag"), get.headers.get("etag"));
    t.is(head.headers.get("content-type"), get.headers.get("content-type"));
    await get.text();
  }
  t.is((await call("HEAD", "/nowhere")).status, 404);
});

test("OPTIONS tells the methods of a path and of the server", async (t) => {
  const answer = await call("OPTIONS", "/users/x");
  t.is(answer.status, 204);
  t.is(answer.headers.get("allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
  t.is((await call("OPTIONS", "/nowhere")).status, 404);
  const star = await sendRaw(
    gateway.port,
    "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  t.is(star.status, 204);
  t.is(star.headers.get("allow"), "POST, GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
});

test("a request target in absolute form is the same request", async (t) => {
  const text = "GET http://localhost/users?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  t.is((await sendRaw(gateway.port, text)).status, 200);
});

test("a body that waits for 100-continue is asked for", async (t) => {
  const body = JSON.stringify(ann);
  const head = ["POST /users HTTP/1.1", "Host: localhost", "Connection: close", "Expect: 100-continue"];
  const fields = ["Content-Type: application/json", `Content-Length: ${body.length}`];
  const answer = await sendRaw(gateway.port, `${[...head, ...fields].join("\r\n")}\r\n\r\n${body}`);
  t.is(answer.status, 100);
  t.regex(answer.body, /HTTP\/1.1 201 Created/);
});

test("path and query reach the action decoded", async (t) => {
  const answer = await call(
    "GET",
    "/smtp/o%27neil%2Bx%2Fy@b%C3%BCcher.example?at=2026-01-01T00:00:00%2B01:00",
  );
  t.is(answer.status, 200);
  t.deepEqual(seen.get("smtp-registry.lookup")?.params, {
    address: "o'neil+x/y@bücher.example",
    at: "2026-01-01T00:00:00+01:00",
  });
  await call("GET", "/users?limit=7&q=ann%20lee+x&&");
  t.deepEqual(seen.get("users.list")?.params, { limit: 7, q: "ann lee x" });
});

test.serial("a raw + is a plus where no space can be, and a space in free text", async (t) => {
  const told = async (path: string, action: "users.list" | "smtp-registry.lookup" | "audit.list") => {
    const answer = await call("GET", path);
    t.is(answer.status, 200, `${path} ${await answer.text()}`);
    return seen.get(action)?.params as object;
  };
  t.like(await told("/smtp/ann+x@example.com?at=2026-11-01T10:00:00+01:00", "smtp-registry.lookup"), {
    address: "ann+x@example.com",
    at: "2026-11-01T10:00:00+01:00",
  });
  t.like(await told("/users?smtp=ann+x@example.com", "users.list"), { smtp: "ann+x@example.com" });
  t.like(await told("/users?smtp=ann%2Bx@example.com", "users.list"), { smtp: "ann+x@example.com" });
  t.like(await told("/audit?correlationId=a+b", "audit.list"), { correlationId: "a+b" });
  t.like(await told("/users?q=ann+lee", "users.list"), { q: "ann lee" });
  t.like(await told("/users?q=ann%2Blee", "users.list"), { q: "ann+lee" });
});

test("a path with an unreserved character encoded is the same path", async (t) => {
  const { id } = await created();
  const encoded = id.replaceAll("-", "%2D").replaceAll("0", "%30");
  const routes = [
    ["/%75sers", "/users"],
    ["/user%73?limit=1", "/users"],
    [`/%75%73%65%72%73/${encoded}`, "/users/:id"],
    ["/%68ealth/liv%65", "/health/live"],
    ["/problems/address%2dtaken", "/problems/:slug"],
  ] as const;
  for (const [index, [path, route]] of routes.entries()) {
    const answer = await call("GET", path, undefined, { "x-correlation-id": `encoded-${index}` });
    t.is(answer.status, 200, path);
    const line = gateway.lines.find(({ correlationId }) => correlationId === `encoded-${index}`);
    t.is(line?.route, route);
  }
  for (const path of ["/users%2F", "/%2Fusers", "/users%3Flimit=1", "/%2575sers"])
    t.is((await call("GET", path)).status, 404, path);
});

test("correlation, trace and actor reach the action, and the correlation id comes back", async (t) => {
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = {
    "x-correlation-id": "ticket-42!~",
    traceparent: `00-${trace}-00f067aa0ba902b7-01`,
    "x-actor": "helpdesk",
    "idempotency-key": "ignored-on-reads",
  };
  const answer = await call("GET", "/audit", undefined, headers);
  t.is(answer.headers.get("x-correlation-id"), "ticket-42!~");
  t.is(answer.headers.get("x-request-id"), null);
  const { meta = {}, requestID } = seen.get("audit.list") ?? {};
  t.is(requestID, "ticket-42!~");
  t.like(meta, { correlationId: "ticket-42!~", actor: "local", onBehalfOf: "helpdesk" });
  t.regex(String(meta.traceparent), new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  t.notRegex(String(meta.traceparent), /00f067aa0ba902b7/);
  t.is(meta.idempotencyKey, undefined);
});

test("a correlation id that can't be used is replaced, and whoever reaches the port is local", async (t) => {
  for (const value of ["has space", "x".repeat(129), ""]) {
    const answer = await call("GET", "/audit", undefined, { "x-correlation-id": value });
    t.regex(answer.headers.get("x-correlation-id") ?? "", /^[0-9a-f-]{36}$/);
  }
  const text =
    "GET /audit HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Correlation-ID: a\r\nX-Correlation-ID: b\r\n\r\n";
  t.regex((await sendRaw(gateway.port, text)).headers.get("x-correlation-id") ?? "", /^[0-9a-f-]{36}$/);
  t.is(seen.get("audit.list")?.meta.actor, "local");
});

test("a repeated key gets the first answer again and says so; quoted and bare are one key", async (t) => {
  const first = await call("POST", "/users", ann, { "idempotency-key": "order-1" });
  const again = await call("POST", "/users", ann, { "idempotency-key": '"order-1"' });
  t.is(first.headers.get("idempotent-replayed"), null);
  t.is(again.headers.get("idempotent-replayed"), "true");
  t.is(again.status, 201);
  t.is(again.headers.get("location"), first.headers.get("location"));
  t.deepEqual(await again.json(), await first.json());
});

test("every answer has security headers and nothing of the software behind it", async (t) => {
  for (const path of ["/users", "/nowhere", "/docs"]) {
    const { headers } = await call("GET", path, undefined, { origin: "https://elsewhere.example" });
    t.is(headers.get("x-content-type-options"), "nosniff");
    t.regex(headers.get("content-security-policy") ?? "", /script-src 'self'/);
    t.notRegex(headers.get("content-security-policy") ?? "", /upgrade-insecure-requests/);
    for (const name of ["x-powered-by", "server", "access-control-allow-origin"])
      t.is(headers.get(name), null);
  }
  t.is((await call("GET", "/users")).headers.get("cache-control"), "no-store");
});

test("the page works offline: its parts are ours and no script stands in it", async (t) => {
  const page = await (await call("GET", "/docs")).text();
  const parts = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? "");
  t.true(parts.length > 2 && parts.includes("/docs/events"), parts.join());
  for (const part of parts) t.is((await call("GET", part)).status, 200, part);
  t.notRegex(page, /<script>|style=|onload=|https?:\/\//);
});

test("the catalogue tells what a problem means", async (t) => {
  const answer = await call("GET", "/problems/address-taken");
  t.like(await answer.json(), { type: "/problems/address-taken", status: 409, title: "Address taken" });
});

test("readiness names every service behind the gateway, and no internals of one that is down", async (t) => {
  t.deepEqual(await (await call("GET", "/health/live")).json(), {
    status: "up",
    checks: { process: { status: "up" } },
  });
  const short = await call("GET", "/health");
  t.is(short.status, 503);
  t.deepEqual(await short.json(), { status: "down" });
  const answer = await call("GET", "/health/ready");
  t.is(answer.status, 503);
  t.deepEqual(await answer.json(), {
    status: "down",
    checks: {
      users: { status: "up" },
      audit: { status: "up" },
      outbox: { status: "up" },
      "smtp-registry": { status: "down", detail: "down: database" },
      "dead-letters": { status: "down", detail: "can't be reached" },
      trace: { status: "down", detail: "can't be reached" },
    },
  });
});

test("each request is one log line and one observation by the route's pattern, without ids or query", async (t) => {
  const { id } = await created();
  await call("GET", `/users/${id}`, undefined, { "x-correlation-id": "line-1" });
  await call("GET", "/users?q=secret", undefined, { "x-correlation-id": "line-2" });
  await call("GET", "/secret/path", undefined, { "x-correlation-id": "line-3" });
  const lineOf = (wanted: string) => gateway.lines.filter(({ correlationId }) => correlationId === wanted);
  for (const [wanted, route, status] of [
    ["line-1", "/users/:id", 200],
    ["line-2", "/users", 200],
    ["line-3", "unmatched", 404],
  ] as const) {
    const lines = lineOf(wanted);
    t.is(lines.length, 1);
    t.like(lines[0], {
      level: "info",
      method: "GET",
      route,
      status,
      msg: "request answered",
      service: "gateway",
    });
    t.is(typeof lines[0]?.ms, "number");
    t.notRegex(JSON.stringify(lines), /secret/);
  }
  const metrics = await gateway.platform.metrics.registry.metrics();
  t.regex(
    metrics,
    /http_server_request_duration_seconds_count\{method="GET",route="\/users\/:id",status="200"\}/,
  );
  t.regex(
    metrics,
    /http_server_request_duration_seconds_count\{method="GET",route="unmatched",status="404"\}/,
  );
  t.notRegex(metrics, new RegExp(id));
});
