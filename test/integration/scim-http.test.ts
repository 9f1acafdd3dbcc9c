/** SCIM over HTTP as the gateway makes it, in front of a stand-in: media type, errors, conditions, query, access. */
import test from "ava";
import { operations } from "../../services/gateway/routes/index.ts";
import { scimOperations } from "../../services/gateway/routes/scim.ts";
import { sendRaw } from "../support/raw-http.ts";
import { type Instance, startGateway } from "../support/rig.ts";
import { asked, scimStandIn } from "../support/scim-stand-in.ts";

const table = [...new Set([...operations, ...scimOperations])];
let gateway: Instance;
test.before(async () => {
  gateway = await startGateway({ standIns: [scimStandIn()], table });
});
test.after.always(() => gateway.stop());

const scimType = "application/scim+json";
const users = "/Users";
const ann = { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName: "ann@example.com" };

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
  at: Instance = gateway,
) {
  const content = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(`${at.url}/scim/v2${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": scimType }), ...headers },
    ...(body === undefined ? {} : { body: content }),
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    body: text === "" ? undefined : JSON.parse(text),
  };
}
const created = async (): Promise<string> => (await call("POST", "/Users", ann)).body.id;
const paramsOf = (name: Parameters<typeof asked.get>[0]) =>
  asked.get(name)?.params as Record<string, unknown>;

test.serial(
  "a created user comes with 201, its version and its location, as application/scim+json alone",
  async (t) => {
    for (const type of [scimType, "application/json", `${scimType}; charset=utf-8`]) {
      const answer = await call("POST", "/Users", ann, { "content-type": type });
      t.is(answer.status, 201, type);
      t.is(answer.headers.get("content-type"), scimType);
      t.is(answer.headers.get("etag"), 'W/"1"');
      t.is(answer.headers.get("location"), `${gateway.url}/scim/v2/Users/${answer.body.id}`);
      t.is(answer.body.userName, ann.userName);
    }
    t.is((asked.get("scim.create")?.meta.user as { client: string } | undefined)?.client, "local");
  },
);

test.serial("a location begins with SCIM_BASE_URL", async (t) => {
  for (const [url, base] of [
    ["https://directory.example.com/", "https://directory.example.com/scim/v2"],
    ["https://example.com/people/scim", "https://example.com/people/scim"],
  ] as const) {
    const other = await startGateway({
      standIns: [scimStandIn()],
      table,
      environment: { SCIM_BASE_URL: url },
    });
    try {
      const answer = await call("POST", "/Users", ann, {}, other);
      t.is(answer.headers.get("location"), `${base}/Users/${answer.body.id}`);
    } finally {
      await other.stop();
    }
  }
});

test.serial("a version that is known is 304, and one that has passed is 412, weak or not", async (t) => {
  const id = await created();
  for (const tag of ['W/"1"', '"1"', "*"]) {
    const answer = await call("GET", `/Users/${id}`, undefined, { "if-none-match": tag });
    t.is(answer.status, 304, tag);
    t.is(answer.text, "");
  }
  t.is((await call("GET", `/Users/${id}`, undefined, { "if-none-match": 'W/"2"' })).status, 200);
  t.is((await call("PUT", `/Users/${id}`, ann, { "if-match": 'W/"1"' })).status, 200);
  const stale = await call("PUT", `/Users/${id}`, ann, { "if-match": 'W/"1", "7"' });
  t.like(stale, { status: 412, body: { status: "412" } });
  t.deepEqual(paramsOf("scim.replace").expected, ['W/"1"', '"7"']);
  t.is((await call("DELETE", `/Users/${id}`, undefined, { "if-match": "*" })).status, 204);
  t.is((await call("DELETE", `/Users/${id}`)).status, 404);
});

test.serial("a PATCH without an answer is 204 without a body", async (t) => {
  const answer = await call("PATCH", "/Groups/1", { Operations: [] });
  t.is(answer.status, 204);
  t.is(answer.text, "");
});

test.serial(
  "what SCIM does not know in a query is ignored, and a plus is what its sender means by it",
  async (t) => {
    const path =
      "/Users?filter=userName%20eq%20%22a+b%22&count=1000&startIndex=-3&sortBy=x&nope=1&attributes=userName,%20id";
    t.is((await call("GET", path)).status, 200);
    t.like(paramsOf("scim.list"), {
      filter: 'userName eq "a+b"',
      count: 1000,
      startIndex: -3,
      attributes: ["userName", "id"],
    });
    t.is((await call("GET", `${users}/?filter=userName+eq+%22a%2Bb%22`)).status, 200);
    t.is(paramsOf("scim.list").filter, 'userName eq "a+b"');
    for (const query of ["count=many", "filter=a&filter=b"])
      t.like(
        await call("GET", `/Users?${query}`),
        { status: 400, body: { scimType: "invalidValue" } },
        query,
      );
  },
);

test.serial("a search by a body is a list, of users or of all", async (t) => {
  const search = { schemas: ["x"], Filter: 'id eq "1"', count: 2, attributes: ["id"] };
  for (const [path, name] of [
    [`${users}/.search`, "scim.list"],
    ["/.search", "scim.search"],
  ] as const) {
    t.is((await call("POST", path, search)).status, 200, path);
    t.like(paramsOf(name), { filter: 'id eq "1"', count: 2, attributes: ["id"] });
  }
  t.like(await call("POST", "/.search", { filter: 3 }), { status: 400, body: { scimType: "invalidSyntax" } });
});

test.serial("every error is SCIM's, the gateway's own too", async (t) => {
  const cases: [string, string, unknown, number, string | undefined, Record<string, string>?][] = [
    ["POST", "/Users", { userName: "taken" }, 409, "uniqueness"],
    ["POST", "/Users", { userName: "domain" }, 400, "invalidValue"],
    ["POST", "/Users", "{", 400, "invalidSyntax"],
    ["POST", "/Users", [], 400, "invalidSyntax"],
    ["POST", "/Users", "[".repeat(100) + "]".repeat(100), 400, "invalidSyntax"],
    ["POST", "/Users", `{"x":"${"y".repeat(1_048_576)}"}`, 413, undefined],
    ["POST", "/Users", "x", 415, undefined, { "content-type": "text/plain" }],
    ["POST", "/Users", ann, 403, undefined, { origin: "https://elsewhere.example" }],
    ["GET", `${users}/nobody`, undefined, 404, undefined],
    ["GET", `/Users/${"x".repeat(300)}`, undefined, 404, undefined],
    ["GET", "/Nothing", undefined, 404, undefined],
    ["GET", "/Schemas?filter=x", undefined, 403, undefined],
    ["PUT", "/Users", ann, 405, undefined],
    ["GET", "/Me", undefined, 501, undefined],
    ["POST", "/Bulk", {}, 501, undefined],
    ["POST", "/Users", { userName: "away" }, 503, undefined],
    ["POST", "/Users", { userName: "defect" }, 500, undefined],
  ];
  for (const [method, path, body, status, word, headers] of cases) {
    const answer = await call(method, path, body, headers);
    const what = `${method} ${path.slice(0, 40)} ${status}: ${answer.text}`;
    t.is(answer.status, status, what);
    t.is(answer.headers.get("content-type"), scimType, what);
    t.deepEqual(answer.body.schemas, ["urn:ietf:params:scim:api:messages:2.0:Error"], what);
    t.is(answer.body.status, String(status), what);
    t.is(answer.body.scimType, word, what);
    t.is(typeof answer.body.detail, "string", what);
    t.notRegex(answer.text, /secret/, what);
    if (status >= 500 && status !== 501)
      t.true(answer.body.detail.includes(answer.headers.get("x-correlation-id")), what);
    if (status === 503) t.is(answer.headers.get("retry-after"), "3", what);
    if (status === 405) t.is(answer.headers.get("allow"), "GET, HEAD, POST, OPTIONS", what);
  }
  const { status, body } = await sendRaw(
    gateway.port,
    "GET /scim/v2/Users HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n",
  );
  t.is(status, 421);
  t.is(JSON.parse(body).status, "421");
});

test.serial("a body of nearly a megabyte is taken", async (t) => {
  t.is((await call("POST", "/Users", { ...ann, title: "x".repeat(1_000_000) })).status, 201);
});

test.serial("who has no token is told so as SCIM does, but for what a client must know before", async (t) => {
  const other = await startGateway({ standIns: [scimStandIn()], table, environment: { AUTH: "required" } });
  try {
    for (const path of ["/Users", "/Schemas", "/Me"]) {
      const answer = await call("GET", path, undefined, {}, other);
      t.is(answer.status, 401, path);
      t.regex(answer.headers.get("www-authenticate") ?? "", /^Bearer/);
      t.is(answer.headers.get("content-type"), scimType);
      t.is(answer.body.status, "401");
    }
    t.is((await call("GET", "/ServiceProviderConfig", undefined, {}, other)).status, 200);
  } finally {
    await other.stop();
  }
});

test.serial("who has used up its minute is told when to come back", async (t) => {
  const other = await startGateway({
    standIns: [scimStandIn()],
    table,
    environment: { HTTP_REQUESTS_PER_MINUTE_MAX: "1" },
  });
  try {
    await call("GET", "/Users", undefined, {}, other);
    const answer = await call("GET", "/Users", undefined, {}, other);
    t.is(answer.status, 429);
    t.is(answer.body.status, "429");
    t.truthy(answer.headers.get("retry-after"));
  } finally {
    await other.stop();
  }
});
