/** Requests of every shape, and what must hold of the answer to each. */
import { request as httpRequest } from "node:http";
import fc from "fast-check";

interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
}
interface Received {
  status: number;
  type: string | undefined;
  correlationId: string | undefined;
  text: string;
}

/** fetch refuses or repairs what must be sent here as it is. */
const send = (port: number, { method, path, headers, body }: Sent): Promise<Received> =>
  new Promise((resolve, reject) => {
    // Node sends no length with a GET's body, and then the body would be the next request.
    const framed = { ...headers, "content-length": String(Buffer.byteLength(body)) };
    const req = httpRequest({ port: port, method, path, headers: framed, agent: false }, (res) => {
      const chunks: Buffer[] = [];
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.on("error", reject);
      res.on("end", () =>
        resolve({
          status: res.statusCode ?? 0,
          type: res.headers["content-type"],
          correlationId: res.headers["x-correlation-id"] as string | undefined,
          text: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    req.on("error", reject);
    req.end(body);
  });

const pathText = fc
  .string({ unit: fc.constantFrom(..."abcz019%/?&=.~;@+-_!'()*,:$[]#".split("")), maxLength: 40 })
  .map((tail) => `/${tail.replaceAll(" ", "")}`);
const user = "/users/01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11";
const path = fc.oneof(
  pathText,
  fc.constantFrom("/users", user, `${user}/restore`, "/audit", "/smtp/a@example.com", "/health/live"),
  fc
    .tuple(fc.constantFrom("/users", "/audit", "/smtp/a@b.example"), fc.webQueryParameters())
    .map((parts) => parts.join("?")),
);
const member = fc.oneof(
  fc.constantFrom(
    "displayName",
    "primarySmtp",
    "secondarySmtps",
    "id",
    "expectedVersions",
    "__proto__",
    "constructor",
    "toString",
  ),
  fc.string(),
);
const value = fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" }), fc.constant("ann@example.com"));
const body = fc.oneof(
  fc.dictionary(member, value, { noNullPrototype: false }).map((object) => JSON.stringify(object)),
  fc.tuple(member, value).map(([name, content]) => `{${JSON.stringify(name)}:${JSON.stringify(content)}}`),
  fc.json(),
  fc.string(),
  fc.uint8Array({ maxLength: 64 }),
);
const headerText = fc.oneof(
  fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 200,
  }),
  fc.string({
    unit: fc.integer({ min: 0x80, max: 0xff }).map((code) => String.fromCharCode(code)),
    maxLength: 20,
  }),
  fc.constantFrom(
    "localhost",
    "[::1]:3000",
    "evil.example",
    "http://localhost",
    "null",
    "same-origin",
    "none",
  ),
  fc.constantFrom('"1"', "*", 'W/"1"', "application/json", "application/merge-patch+json; charset=utf-8"),
);
const headers = fc.dictionary(
  fc.constantFrom(
    "x-correlation-id",
    "traceparent",
    "x-actor",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "content-type",
    "content-encoding",
    "x-forwarded-for",
    "accept",
    "cookie",
    "host",
    "origin",
    "sec-fetch-site",
  ),
  headerText,
  { noNullPrototype: true },
);
const json = fc.constant({ "content-type": "application/json" });
const method = fc.constantFrom(
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "PROPFIND",
);

const seed = 20_260_301;
const timeLimitMs = 60_000;

function fits(request: Sent, answer: Received): boolean {
  if (answer.status >= 500 || answer.correlationId === undefined) return false;
  if (answer.status < 400) return true;
  if (answer.type !== "application/problem+json") return false;
  if (request.method === "HEAD") return true;
  return (JSON.parse(answer.text) as { correlationId: string }).correlationId === answer.correlationId;
}

/** Rejects with the smallest request whose answer is a 5xx, or a refusal that is no problem with a correlation id. */
export async function fuzz(port: number, runs: number): Promise<void> {
  const sent = fc.record({ method, path, headers: fc.oneof(json, headers), body });
  const property = fc.asyncProperty(sent, async (request) => {
    const answer = await send(port, request);
    if (!fits(request, answer)) throw new Error(JSON.stringify(answer));
  });
  await fc.assert(property, {
    numRuns: runs,
    seed,
    interruptAfterTimeLimit: timeLimitMs,
    markInterruptAsFailure: true,
    includeErrorInReport: true,
  });
}
