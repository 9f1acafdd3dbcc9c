/** The public contract, section 3, as a caller sees it: the same checks run on the embedded and the distributed system. */
import type { ExecutionContext } from "ava";
import { comingAgain } from "./coming-again.ts";
import { eventually } from "./eventually.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a foreign answer is looked at member by member
  readonly body: any;
}

export type Http = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;

/** A client of one base URL, which comes again when it is told to; a string body is sent as it is. */
export const client = (baseUrl: string): Http => {
  const once = clientOnce(baseUrl);
  return (...asked) => comingAgain(() => once(...asked));
};

const clientOnce =
  (baseUrl: string): Http =>
  async (method, path, body, headers = {}) => {
    const response = await fetch(baseUrl + path, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get("content-type")?.includes("json");
    return {
      status: response.status,
      headers: response.headers,
      body: json && text ? JSON.parse(text) : text,
    };
  };

let counter = 0;
/** A local part no other test uses. */
export const unique = (stem: string): string =>
  `${stem}.${process.pid}.${Date.now().toString(36)}.${counter++}`;

export async function smtpStatus(http: Http, address: string): Promise<unknown> {
  return (await http("GET", `/smtp/${encodeURIComponent(address)}`)).body;
}

/** The life of one user, with the registry and the audit log following. */
export async function lifeOfAUser(t: ExecutionContext, http: Http): Promise<void> {
  const ann = `${unique("ann")}@example.com`;
  const correlation = unique("corr");
  const created = await http(
    "POST",
    "/users",
    { displayName: "Ann Lee", primarySmtp: ann },
    { "x-correlation-id": correlation, "x-actor": "hr-system" },
  );
  t.is(created.status, 201);
  const id: string = created.body.id;
  t.is(created.headers.get("location"), `/users/${id}`);
  t.is(created.headers.get("etag"), '"1"');
  t.is(created.headers.get("x-correlation-id"), correlation);
  t.deepEqual([created.body.primarySmtp, created.body.secondarySmtps, created.body.version], [ann, [], 1]);
  t.false("requestedSmtp" in created.body);

  await eventually(async () => {
    const info = await smtpStatus(http, ann);
    if ((info as { status: string }).status !== "active") throw new Error(JSON.stringify(info));
  });
  const { since, ...held } = (await smtpStatus(http, ann.toUpperCase())) as { since: string };
  t.deepEqual(held, { address: ann, status: "active", userId: id, kind: "primary", until: null } as object);
  t.false(Number.isNaN(Date.parse(since)));

  const second = await http("POST", "/users", { displayName: "Ann Too", primarySmtp: ann });
  t.is(second.status, 201);
  t.is(second.body.primarySmtp, ann.replace("@", "2@"));
  t.is(second.body.requestedSmtp, ann);

  const lee = `${unique("lee")}@example.com`;
  const renamed = await http("PATCH", `/users/${id}`, { primarySmtp: lee }, { "if-match": '"1"' });
  t.is(renamed.status, 200);
  t.deepEqual([renamed.body.primarySmtp, renamed.body.secondarySmtps, renamed.body.version], [lee, [ann], 2]);
  t.is(renamed.headers.get("etag"), '"2"');
  t.is((await http("PATCH", `/users/${id}`, { displayName: "X" }, { "if-match": '"1"' })).status, 412);
  const taken = await http("PATCH", `/users/${id}`, { primarySmtp: second.body.primarySmtp });
  t.is(taken.status, 409);
  t.is(taken.headers.get("content-type"), "application/problem+json");

  const back = await http("PUT", `/users/${id}`, { displayName: "Ann Lee", primarySmtp: ann });
  t.deepEqual([back.body.primarySmtp, back.body.secondarySmtps, back.body.version], [ann, [lee], 3]);

  await auditFollows(t, http, id, correlation);
  await deletionAndRestore(t, http, id, ann, lee);
}

async function auditFollows(t: ExecutionContext, http: Http, id: string, correlation: string): Promise<void> {
  const entries = await eventually(async () => {
    const { body } = await http("GET", `/audit?userId=${id}`);
    if (body.items.length < 3) throw new Error(`audit has ${body.items.length} of 3 entries`);
    return body.items as {
      version: number;
      actor: string;
      correlationId: string;
      changes: { field: string }[];
    }[];
  });
  t.deepEqual(
    entries.map((entry) => entry.version),
    [1, 2, 3],
  );
  t.is(entries[0]?.actor, "local");
  t.is(entries[0]?.correlationId, correlation);
  t.deepEqual(entries[1]?.changes.map((change) => change.field).sort(), ["primarySmtp", "secondarySmtps"]);
  const byCorrelation = await http("GET", `/audit?correlationId=${encodeURIComponent(correlation)}`);
  t.is(byCorrelation.body.items.length, 1);
}

async function deletionAndRestore(
  t: ExecutionContext,
  http: Http,
  id: string,
  primary: string,
  secondary: string,
): Promise<void> {
  const removed = await http("DELETE", `/users/${id}`);
  t.is(removed.status, 204);
  t.is(removed.body, "");
  t.is((await http("GET", `/users/${id}`)).status, 404);
  for (const address of [primary, secondary])
    await eventually(async () => {
      const { status } = (await smtpStatus(http, address)) as { status: string };
      if (status !== "deleted") throw new Error(`${address} is ${status}`);
    });
  const thief = await http("POST", "/users", { displayName: "Thief", primarySmtp: secondary });
  t.not(thief.body.primarySmtp, secondary, "a tombstoned address is never handed to another");
  const restored = await http("POST", `/users/${id}/restore`);
  t.is(restored.status, 200);
  t.deepEqual([restored.body.primarySmtp, restored.body.secondarySmtps], [primary, [secondary]]);
  await eventually(async () => {
    const { status } = (await smtpStatus(http, primary)) as { status: string };
    if (status !== "active") throw new Error(`${primary} is ${status}`);
  });
}

/** On a machine too busy to answer in time a write is refused; a client then repeats it. */
async function createPatiently(http: Http, body: unknown): Promise<Answer> {
  return eventually(async () => {
    const answer = await http("POST", "/users", body);
    if (answer.status === 503) throw new Error(`refused: ${answer.body.detail}`);
    return answer;
  });
}

/** Creates of one address at the same moment. */
export async function concurrentCreates(t: ExecutionContext, http: Http, count: number): Promise<void> {
  const wanted = `${unique("same")}@example.com`;
  const answers = await Promise.all(
    Array.from({ length: count }, () => createPatiently(http, { displayName: "Same", primarySmtp: wanted })),
  );
  t.deepEqual([...new Set(answers.map((answer) => answer.status))], [201]);
  t.is(new Set(answers.map((answer) => answer.body.primarySmtp)).size, count);
  t.is(new Set(answers.map((answer) => answer.body.id)).size, count);
}

/** An idempotency key gives one user and one answer. */
export async function idempotency(t: ExecutionContext, http: Http): Promise<void> {
  const address = `${unique("idem")}@example.com`;
  const body = { displayName: "Idem", primarySmtp: address };
  const key = { "idempotency-key": unique("key") };
  const first = await http("POST", "/users", body, key);
  const again = await http("POST", "/users", body, key);
  t.is(first.status, 201);
  t.deepEqual([again.status, again.body], [201, first.body]);
  t.is(again.headers.get("idempotent-replayed"), "true");
  t.is(again.headers.get("etag"), first.headers.get("etag"));
  t.is(first.headers.get("idempotent-replayed"), null);
  t.is((await http("POST", "/users", { ...body, displayName: "Other" }, key)).status, 422);
  const racing = { "idempotency-key": unique("race") };
  const race = await Promise.all(
    Array.from({ length: 8 }, () =>
      http(
        "POST",
        "/users",
        { ...body, primarySmtp: `${unique("r")}@example.com`.replace(/\.\d+@/, "@") },
        racing,
      ),
    ),
  );
  t.true(race.every((answer) => [201, 409, 422].includes(answer.status)));
  t.is(new Set(race.filter((answer) => answer.status === 201).map((answer) => answer.body.id)).size, 1);
}

/** Every page of a list, once. */
export async function paging(t: ExecutionContext, http: Http): Promise<void> {
  const name = unique("page");
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1)
    ids.push(
      (await http("POST", "/users", { displayName: name, primarySmtp: `${name}.${n}@example.com` })).body.id,
    );
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Answer = await http(
      "GET",
      `/users?limit=3&q=${encodeURIComponent(name.toUpperCase())}${query}`,
    );
    seen.push(...page.body.items.map((user: { id: string }) => user.id));
    cursor = page.body.nextCursor;
  } while (cursor !== null);
  t.deepEqual(seen, ids);
  const found = await http("GET", `/users?smtp=${encodeURIComponent(`${name}.3@EXAMPLE.com`)}`);
  t.deepEqual(
    found.body.items.map((user: { id: string }) => user.id),
    [ids[3]],
  );
}
