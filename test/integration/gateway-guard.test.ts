/** Requests that are not for us, or not of the one who seems to send them: refused before anything is looked at. */
import { networkInterfaces } from "node:os";
import test, { type ExecutionContext } from "ava";
import { sendRaw } from "../support/raw-http.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { auditStandIn, outboxStandIn, registryStandIn, seen, usersStandIn } from "../support/stand-ins.ts";

let gateway: Instance;
test.before(async () => {
  gateway = await startGateway({
    standIns: [usersStandIn(), registryStandIn(), auditStandIn(), outboxStandIn()],
    environment: { HTTP_ALLOWED_HOSTS: "mail.example, Bücher.example,gateway" },
  });
});
test.after.always(() => gateway.stop());

const ask = (lines: readonly string[], body = "", port = gateway.port) =>
  sendRaw(port, `${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);

let asked = 0;
/** The answer is a problem like any other, with its line and its observation. */
async function refused(
  t: ExecutionContext,
  lines: readonly string[],
  status: number,
  slug: string,
  body = "",
) {
  asked += 1;
  const correlationId = `guard-${asked}`;
  const answer = await ask([...lines, `X-Correlation-ID: ${correlationId}`], body);
  t.is(answer.status, status, lines.join("|"));
  t.is(answer.headers.get("content-type"), "application/problem+json");
  t.is(answer.headers.get("x-correlation-id"), correlationId);
  t.is(answer.headers.get("x-content-type-options"), "nosniff");
  t.is(answer.headers.get("cache-control"), "no-store");
  t.like(JSON.parse(answer.body), { type: `/problems/${slug}`, status, correlationId });
  t.like(
    gateway.lines.find((line) => line.correlationId === correlationId),
    { msg: "request answered", status, route: "unmatched" },
  );
  t.regex(
    await gateway.platform.metrics.expose(),
    new RegExp(`^http_server_request_duration_seconds_count\\{[^}]*status="${status}"`, "m"),
  );
}

test("a foreign Host is answered with 421 for every method and path", async (t) => {
  for (const host of [
    "evil.example",
    "evil.example:3000",
    "127.0.0.1.evil.example",
    "192.0.2.7",
    "www.mail.example",
  ])
    await refused(t, ["GET /users HTTP/1.1", `Host: ${host}`], 421, "misdirected");
  for (const line of [
    "GET /health/live",
    "GET /docs",
    "OPTIONS *",
    "DELETE /nowhere",
    "HEAD /openapi.json",
  ]) {
    const answer = await ask([`${line} HTTP/1.1`, "Host: evil.example"]);
    t.is(answer.status, 421, line);
  }
  await refused(t, ["GET http://evil.example/users HTTP/1.1", "Host: localhost"], 421, "misdirected");
  await refused(t, ["GET /users HTTP/1.0", "Host: evil.example"], 421, "misdirected");
});

test.serial("a write for a foreign Host is not carried out", async (t) => {
  seen.delete("users.create");
  const body = '{"displayName":"Ann","primarySmtp":"ann@example.com"}';
  const lines = ["Content-Type: application/json", `Content-Length: ${body.length}`];
  await refused(t, ["POST /users HTTP/1.1", "Host: evil.example", ...lines], 421, "misdirected", body);
  t.false(seen.has("users.create"));
});

test("loopback names, the bound address and HTTP_ALLOWED_HOSTS are served, with any port", async (t) => {
  for (const host of [
    "localhost",
    "LOCALHOST:1",
    "a.localhost:3000",
    "127.0.0.1:65535",
    "127.1.2.3",
    "[::1]:3000",
    "mail.example",
    "MAIL.example:443",
    "xn--bcher-kva.example",
    "gateway:3000",
  ])
    t.is((await ask(["GET /users HTTP/1.1", `Host: ${host}`])).status, 200, host);
  t.is((await ask(["GET /users HTTP/1.0"])).status, 200, "HTTP/1.0 has no Host");
});

test("a gateway on every interface is reached by each address of the machine, and by no other name", async (t) => {
  const open = await startGateway({
    standIns: [usersStandIn()],
    environment: { HTTP_HOST: "0.0.0.0", AUTH: "none", INSECURE_BIND: "true" },
  });
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const own = addresses.flatMap(({ family, address }) => (family === "IPv4" ? `${address}:3000` : []));
  t.true(own.length > 0);
  for (const host of own)
    t.is((await ask(["GET /users HTTP/1.1", `Host: ${host}`], "", open.port)).status, 200, host);
  for (const host of ["192.0.2.7", "evil.example"])
    t.is((await ask(["GET /users HTTP/1.1", `Host: ${host}`], "", open.port)).status, 421, host);
  await open.stop();
});

test("two Hosts, an invalid one, and a request line without a version are answered with 400", async (t) => {
  const get = "GET /users HTTP/1.1";
  for (const lines of [
    [get, "Host: localhost", "Host: localhost"],
    [get, "Host: localhost", "host: evil.example"],
    [get, "Host: localhost, localhost"],
    [get, "Host:"],
    [get, "Host: a b"],
    [get, "Host: a/b"],
    [get, "Host: ann@localhost"],
    [get, "Host: localhost:http"],
    [get, "Host: localhost:99999"],
    [get, "Host: [::1"],
    ["GET http://a%20b/users HTTP/1.1", "Host: localhost"],
    ["GET /users HTTP/1.0", "Host: localhost", "Host: localhost"],
    [get],
    ["GET /users HTTP/2.0", "Host: localhost"],
    ["POST /users HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Type: text/plain"],
  ])
    await refused(t, lines, 400, "malformed-request");
  t.is((await sendRaw(gateway.port, "GET /users\r\n\r\n")).status, 400);
});

test.serial(
  "an unsafe method from a foreign site is answered with 403 and not carried out, with a body or without",
  async (t) => {
    seen.clear();
    const user = "/users/01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";
    const letter = "/dead-letters/01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";
    const body = '{"displayName":"Ann","primarySmtp":"ann@example.com"}';
    const json = ["Content-Type: application/json", `Content-Length: ${body.length}`];
    for (const site of [
      "Sec-Fetch-Site: cross-site",
      "Sec-Fetch-Site: same-site",
      "Origin: http://evil.example",
      "Origin: null",
    ]) {
      for (const line of [
        `POST ${user}/restore`,
        `DELETE ${user}`,
        `POST ${letter}/replay`,
        `DELETE ${letter}`,
        "POST /nowhere",
      ])
        await refused(t, [`${line} HTTP/1.1`, "Host: localhost", site], 403, "foreign-site");
      for (const line of ["POST /users", `PUT ${user}`, `PATCH ${user}`])
        await refused(t, [`${line} HTTP/1.1`, "Host: localhost", site, ...json], 403, "foreign-site", body);
    }
    t.deepEqual([...seen.keys()], []);
  },
);

test("our own page, a program and a read from anywhere are served", async (t) => {
  const body = '{"displayName":"Ann","primarySmtp":"ann@example.com"}';
  const json = ["Content-Type: application/json", `Content-Length: ${body.length}`];
  for (const headers of [
    [],
    ["Sec-Fetch-Site: same-origin", "Origin: http://localhost:3000"],
    ["Sec-Fetch-Site: none"],
    ["Origin: https://mail.example"],
  ])
    t.is(
      (await ask(["POST /users HTTP/1.1", "Host: localhost:3000", ...headers, ...json], body)).status,
      201,
      headers.join(),
    );
  const foreign = ["Sec-Fetch-Site: cross-site", "Origin: http://evil.example"];
  const read = await ask(["GET /users HTTP/1.1", "Host: localhost", ...foreign]);
  t.is(read.status, 200);
  t.is(read.headers.get("access-control-allow-origin"), null);
});

test("more than 200 header lines are answered with 431, and 200 are read to the last", async (t) => {
  const junk = (count: number) => Array.from({ length: count }, (_, n) => `X-${n}: y`);
  await refused(t, ["GET /users HTTP/1.1", "Host: localhost", ...junk(200)], 431, "headers-too-large");
  // Beside these: Host, X-Actor and Connection.
  const last = await ask(["GET /audit HTTP/1.1", "Host: localhost", ...junk(197), "X-Actor: proxy-set"]);
  t.is(last.status, 200);
  t.is(seen.get("audit.list")?.meta.onBehalfOf, "proxy-set");
});
