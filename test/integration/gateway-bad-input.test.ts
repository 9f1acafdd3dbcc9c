/** Every kind of bad input, and the problem that it gets. */
import test, { type ExecutionContext } from "ava";
import { problemTypes } from "../../services/gateway/problems/problem-types.ts";
import { sendRaw } from "../support/raw-http.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { auditStandIn, outboxStandIn, registryStandIn, usersStandIn } from "../support/stand-ins.ts";

let gateway: Instance;
let id: string;
const bodyBytesMax = 4_096;

test.before(async () => {
  gateway = await startGateway({
    standIns: [usersStandIn(), registryStandIn(), auditStandIn(), outboxStandIn()],
    environment: { HTTP_BODY_BYTES_MAX: String(bodyBytesMax) },
    limits: { callTimeoutMs: 300 },
  });
  const answer = await fetch(
    `${gateway.url}/users`,
    post({ displayName: "Ann", primarySmtp: "ann@example.com" }),
  );
  id = ((await answer.json()) as { id: string }).id;
});
test.after.always(() => gateway.stop());

const jsonType = { "content-type": "application/json" };
const post = (body: unknown, headers: Record<string, string> = jsonType): RequestInit => ({
  method: "POST",
  headers,
  body:
    typeof body === "string" || body instanceof Uint8Array
      ? (body as NonNullable<RequestInit["body"]>)
      : JSON.stringify(body),
});
const put = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  ...post(body, { ...jsonType, ...headers }),
  method: "PUT",
});
const ann = { displayName: "Ann", primarySmtp: "ann@example.com" };
const named = (displayName: string) => post({ ...ann, displayName });

interface Problem {
  type: string;
  status: number;
  title: string;
  detail: string;
  instance: string;
  correlationId: string;
  errors?: { pointer?: string; parameter?: string; header?: string; detail: string }[];
}

async function problemOf(t: ExecutionContext, answer: Response, slug: string): Promise<Problem> {
  const text = await answer.text();
  t.is(answer.headers.get("content-type"), "application/problem+json", text);
  const problem = JSON.parse(text) as Problem;
  t.is(problem.type, `/problems/${slug}`, text);
  const { status, title } = problemTypes[slug as keyof typeof problemTypes];
  t.like(problem, { status, title });
  t.is(answer.status, status);
  t.is(problem.correlationId, answer.headers.get("x-correlation-id") ?? "none");
  t.is(answer.headers.get("cache-control"), "no-store");
  return problem;
}

type Case = readonly [
  title: string,
  path: string | (() => string),
  init: RequestInit | (() => RequestInit),
  slug: string,
  expect?: { places?: string[]; details?: string[]; headers?: Record<string, string> },
];

const user = (suffix = "") => `/users/${id}${suffix}`;
/** Members of the body by their pointers, parameters and headers by their names. */
const places =
  (kind: string) =>
  (...list: string[]) => ({ places: list.map((name) => `${kind} ${name}`) });
const pointers = places("pointer");
const parameters = places("parameter");
const header = places("header");

const cases: readonly Case[] = [
  ["an unknown path", "/nowhere", {}, "not-found"],
  ["a path with a slash too many", "/users/", {}, "not-found"],
  ["a path in capitals", "/USERS", {}, "not-found"],
  ["a malformed percent-encoding in a known path", "/users/%E0%A4%A", {}, "malformed-request"],
  ["a malformed percent-encoding in an unknown path", "/nowhere/%zz", {}, "malformed-request"],
  ["a malformed percent-encoding in the query", "/users?q=%ff", {}, "malformed-request"],
  ["an id that is no UUID", "/users/7", {}, "not-found"],
  ["an unknown id", "/users/01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11", {}, "not-found"],
  [
    "a method that the path does not take",
    "/users",
    { method: "DELETE" },
    "method-not-allowed",
    { headers: { allow: "POST, GET, HEAD, OPTIONS" } },
  ],
  [
    "a method that the user does not take",
    user,
    { method: "POST" },
    "method-not-allowed",
    { headers: { allow: "GET, HEAD, PUT, PATCH, DELETE, OPTIONS" } },
  ],
  ["an internal action's name as a path", "/users/create/rest", {}, "not-found"],
  ["Moleculer's internal services", "/~node/health", {}, "not-found"],
  ["malformed JSON", "/users", post("{oops"), "malformed-json"],
  ["an empty body", "/users", { method: "POST", headers: jsonType }, "malformed-json"],
  ["invalid UTF-8", "/users", post(Buffer.from('{"displayName":"\xff"}', "latin1")), "malformed-json"],
  [
    "a body over the limit",
    "/users",
    post({ ...ann, displayName: "x".repeat(bodyBytesMax) }),
    "body-too-large",
  ],
  [
    "a chunked body over the limit",
    "/users",
    () => ({ ...post(""), body: streamOf(bodyBytesMax * 4), duplex: "half" }),
    "body-too-large",
  ],
  ["a wrong media type", "/users", post(ann, { "content-type": "text/plain" }), "unsupported-media-type"],
  ["no media type", "/users", post(Buffer.from(JSON.stringify(ann)), {}), "unsupported-media-type"],
  [
    "a form",
    "/users",
    post("a=1", { "content-type": "application/x-www-form-urlencoded" }),
    "unsupported-media-type",
  ],
  [
    "another charset",
    "/users",
    post(ann, { "content-type": "application/json; charset=latin1" }),
    "unsupported-media-type",
  ],
  [
    "a compressed body",
    "/users",
    post(ann, { ...jsonType, "content-encoding": "gzip" }),
    "unsupported-media-type",
  ],
  [
    "a merge patch to PUT",
    user,
    { ...put(ann), headers: { "content-type": "application/merge-patch+json" } },
    "unsupported-media-type",
  ],
  [
    "a JSON patch to PATCH",
    user,
    { ...put([]), method: "PATCH", headers: { "content-type": "application/json-patch+json" } },
    "unsupported-media-type",
    { headers: { "accept-patch": "application/merge-patch+json, application/json" } },
  ],
  ["JSON that is an array", "/users", post([ann]), "invalid-fields", pointers("#")],
  ["JSON that is null", "/users", post("null"), "invalid-fields", pointers("#")],
  ["JSON that is a number", "/users", post("5"), "invalid-fields", pointers("#")],
  [
    "missing fields",
    "/users",
    post({}),
    "invalid-fields",
    { ...pointers("#/displayName", "#/primarySmtp"), details: ["is missing", "is missing"] },
  ],
  [
    "an address that is none",
    "/users",
    post({ ...ann, primarySmtp: "nobody" }),
    "invalid-fields",
    pointers("#/primarySmtp"),
  ],
  [
    "a secondary that is none",
    "/users",
    post({ ...ann, secondarySmtps: ["a@example.com", 5] }),
    "invalid-fields",
    pointers("#/secondarySmtps/1"),
  ],
  ["an unknown member", "/users", post({ ...ann, "a/b~": 1 }), "invalid-fields", pointers("#/a~1b~0")],
  ["an id on create", "/users", () => post({ ...ann, id }), "invalid-fields", pointers("#/id")],
  [
    "a member __proto__",
    "/users",
    post('{"displayName":"A","primarySmtp":"a@example.com","__proto__":{"x":1}}'),
    "invalid-fields",
    pointers("#/__proto__"),
  ],
  [
    "a member that occurs twice",
    "/users",
    post('{"displayName":"A","primarySmtp":"a@example.com","primarySmtp":"a@example.com"}'),
    "malformed-json",
  ],
  [
    "a member that occurs twice in two spellings",
    user,
    put('{"displayName":"A","primarySmtp":"a@example.com","\\u0064isplayName":"B"}'),
    "malformed-json",
  ],
  [
    "a member that occurs twice further down",
    user,
    () => ({ ...put('{"displayName":"A","createdAt":[{"x":1,"x":1}]}'), method: "PATCH" }),
    "malformed-json",
  ],
  [
    "a deep value behind a member that occurs twice",
    "/users",
    post(`{"displayName":${"[".repeat(100)}${"]".repeat(100)},"displayName":"A"}`),
    "invalid-fields",
    pointers("#"),
  ],
  [
    "expectedVersions in a body",
    user,
    put({ ...ann, expectedVersions: [1] }),
    "invalid-fields",
    pointers("#/expectedVersions"),
  ],
  ["an unknown query parameter", "/users?page=2", {}, "invalid-fields", parameters("page")],
  ["a query parameter where there is none", "/users?dry=1", post(ann), "invalid-fields", parameters("dry")],
  ["a query parameter given twice", "/users?limit=1&limit=2", {}, "invalid-fields", parameters("limit")],
  ["a limit that is no number", "/users?limit=many", {}, "invalid-fields", parameters("limit")],
  [
    "a limit of nought",
    "/users?limit=0",
    {},
    "invalid-fields",
    { ...parameters("limit"), details: ["must be at least 1"] },
  ],
  [
    "a limit beyond the greatest",
    "/users?limit=201",
    {},
    "invalid-fields",
    { ...parameters("limit"), details: ["must be at most 200"] },
  ],
  [
    "a limit beyond every number",
    "/users?limit=99999999999999999999",
    {},
    "invalid-fields",
    { ...parameters("limit"), details: ["must be at most 200"] },
  ],
  ["a control character in the query", "/users?q=a%00b", {}, "invalid-fields", parameters("q")],
  ["prototype names in the query", "/users?__proto__=1", {}, "invalid-fields", parameters("__proto__")],
  [
    "an address in the query of a look-up",
    "/smtp/a@example.com?address=b@example.com",
    {},
    "invalid-fields",
    parameters("address"),
  ],
  ["a path that is no address", "/smtp/nobody", {}, "invalid-fields", parameters("address")],
  ["a time that is none", "/smtp/a@example.com?at=yesterday", {}, "invalid-fields", parameters("at")],
  ["a user id that is none, in the audit", "/audit?userId=7", {}, "invalid-fields", parameters("userId")],
  ["a stale If-Match", user, put(ann, { "if-match": '"77"' }), "version-mismatch"],
  ["a weak If-Match", user, put(ann, { "if-match": 'W/"1"' }), "version-mismatch"],
  ["an If-Match that we never gave", user, put(ann, { "if-match": '"abc", "99"' }), "version-mismatch"],
  ["a malformed If-Match", user, put(ann, { "if-match": "1" }), "invalid-header", header("If-Match")],
  ["an If-Match without a tag", user, put(ann, { "if-match": "," }), "invalid-header", header("If-Match")],
  ["If-None-Match: * on a write", user, put(ann, { "if-none-match": "*" }), "version-mismatch"],
  [
    "a stale If-Match of an unknown user",
    "/users/01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11",
    put(ann, { "if-match": '"1"' }),
    "not-found",
  ],
  [
    "an X-Actor with a space",
    "/users",
    { headers: { "x-actor": "ann lee" } },
    "invalid-header",
    header("X-Actor"),
  ],
  [
    "an X-Actor that is too long",
    "/users",
    { headers: { "x-actor": "a".repeat(129) } },
    "invalid-header",
    header("X-Actor"),
  ],
  ["an empty X-Actor", "/users", { headers: { "x-actor": "" } }, "invalid-header", header("X-Actor")],
  [
    "an Idempotency-Key with a space",
    "/users",
    post(ann, { ...jsonType, "idempotency-key": "a b" }),
    "idempotency-key-invalid",
    header("Idempotency-Key"),
  ],
  [
    "an Idempotency-Key that is too long",
    "/users",
    post(ann, { ...jsonType, "idempotency-key": "k".repeat(256) }),
    "idempotency-key-invalid",
    header("Idempotency-Key"),
  ],
  ["restoring a user that is not deleted", () => user("/restore"), { method: "POST" }, "not-deleted"],
  [
    "a body that nests too deep to be passed on",
    user,
    put({ ...ann, version: Array.from({ length: 100 }).reduce((inner) => [inner], null) }),
    "invalid-fields",
    pointers("#"),
  ],
  ["an address that is taken", "/users", named("taken"), "address-taken", pointers("#/primarySmtp")],
  [
    "a key still in use",
    "/users",
    named("in use"),
    "idempotency-key-in-use",
    { headers: { "retry-after": "1" } },
  ],
  ["a key used for another request", "/users", named("reused"), "idempotency-key-reused"],
  [
    "a service that says it can't work",
    "/users",
    named("unavailable"),
    "unavailable",
    { headers: { "retry-after": "3" } },
  ],
  ["a lost broker", "/users", named("broker lost"), "unavailable", { headers: { "retry-after": "1" } }],
  [
    "a service that does not answer in time",
    "/users",
    named("slow"),
    "unavailable",
    { headers: { "retry-after": "1" } },
  ],
  ["a defect", "/users", named("defect"), "internal"],
  ["an error of another kind from inside", "/users", named("foreign 404"), "internal"],
  ["an unknown problem", "/problems/none", {}, "not-found"],
  ["a file that the page does not have", "/docs/..%2Fpackage.json", {}, "not-found"],
];

function streamOf(bytes: number): ReadableStream {
  let left = bytes;
  return new ReadableStream({
    pull(controller) {
      if (left <= 0) return controller.close();
      left -= 1_024;
      controller.enqueue(new Uint8Array(1_024).fill(0x20));
    },
  });
}

for (const [title, path, init, slug, expected = {}] of cases)
  test(`${title} is answered with ${slug}`, async (t) => {
    const target = typeof path === "string" ? path : path();
    const answer = await fetch(gateway.url + target, typeof init === "function" ? init() : init);
    const problem = await problemOf(t, answer, slug);
    t.is(problem.instance, target.split("?")[0] ?? "");
    const found = problem.errors?.map(({ detail: _, ...place }) => Object.entries(place).flat().join(" "));
    t.deepEqual(found?.toSorted(), expected.places);
    if (expected.details !== undefined)
      t.deepEqual(
        problem.errors?.map(({ detail }) => detail),
        expected.details,
      );
    for (const [name, value] of Object.entries(expected.headers ?? {})) t.is(answer.headers.get(name), value);
    t.notRegex(JSON.stringify(problem), /secret|relation \W|gateway-test|\.ts\b/);
  });

for (const limit of [
  "0x10",
  "1e2",
  "%2B5",
  "+5",
  "%205",
  "5%20",
  "5.0",
  "",
  "0b1",
  "\uff15",
  "Infinity",
  "-1",
])
  test(`the limit ${JSON.stringify(limit)} is answered with invalid-fields`, async (t) => {
    for (const path of ["/users", "/audit"])
      await problemOf(t, await fetch(`${gateway.url}${path}?limit=${limit}`), "invalid-fields");
  });

const request = (...lines: string[]) => `${lines.join("\r\n")}\r\n\r\n`;
const raw: readonly (readonly [string, string, string])[] = [
  ["a request line that is none", request("HELLO"), "malformed-request"],
  ["no Host", "GET /users HTTP/1.1\r\nConnection: close\r\n\r\n", "malformed-request"],
  [
    "a header that is none",
    request("GET /users HTTP/1.1", "Host: localhost", "no colon"),
    "malformed-request",
  ],
  [
    "two lengths of one body",
    request("POST /users HTTP/1.1", "Host: localhost", "Content-Length: 2", "Content-Length: 3"),
    "malformed-request",
  ],
  [
    "a length and chunks at once",
    request("POST /users HTTP/1.1", "Host: localhost", "Content-Length: 2", "Transfer-Encoding: chunked"),
    "malformed-request",
  ],
  [
    "a chunk that is none",
    `${request("POST /users HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Transfer-Encoding: chunked")}zz\r\n`,
    "malformed-request",
  ],
  [
    "headers that are too large",
    request("GET /users HTTP/1.1", "Host: localhost", `X-Large: ${"a".repeat(20_000)}`),
    "headers-too-large",
  ],
  [
    "an expectation that nobody meets",
    request(
      "POST /users HTTP/1.1",
      "Host: localhost",
      "Connection: close",
      "Content-Length: 2",
      "Expect: tea",
    ),
    "expectation-failed",
  ],
  [
    "a large body that waits for 100-continue",
    request(
      "POST /users HTTP/1.1",
      "Host: localhost",
      "Content-Type: application/json",
      "Content-Length: 99999",
      "Expect: 100-continue",
    ),
    "body-too-large",
  ],
];
for (const [title, text, slug] of raw)
  test(`${title} is answered with ${slug}, and the connection is closed`, async (t) => {
    const answer = await sendRaw(gateway.port, text);
    t.is(answer.headers.get("content-type"), "application/problem+json");
    const problem = JSON.parse(answer.body) as Problem;
    t.is(problem.type, `/problems/${slug}`);
    t.is(answer.status, problem.status);
    t.is(answer.headers.get("x-correlation-id"), problem.correlationId);
  });

test("a defect is one error line with its cause and the request's correlation id", async (t) => {
  const answer = await fetch(`${gateway.url}/users`, {
    ...named("defect"),
    headers: { ...jsonType, "x-correlation-id": "defect-1" },
  });
  await answer.text();
  const line = gateway.lines.find(
    ({ msg, correlationId }) => msg === "request failed" && correlationId === "defect-1",
  );
  t.like(line, { level: "error", service: "gateway" });
  t.like(line?.err, { name: "TypeError" });
  t.regex(JSON.stringify(line), /stand-ins\.ts:\d+/);
  t.notRegex(JSON.stringify(line), /relation \W|secret\.example/, "an error of a library may quote anything");
});
