/** What the console sends: a write that is wanted once, a look that nobody sits behind, and what it makes of no answer. */
import test, { type ExecutionContext } from "ava";
import { ask, asProblem, ProblemAnswer } from "../../services/gateway/console/app/core/api.ts";
import { type Course, sender } from "../../services/gateway/console/app/core/intent.ts";
import { cut, cutInBody, json, type Reply, scripted } from "../support/scripted-http.ts";

const wish = { method: "POST", body: { displayName: "Ann Lee", primarySmtp: "ann@example.com" } } as const;
const problem = (status: number, slug: string, headers = {}): Reply =>
  json(status, { type: `/problems/${slug}`, title: slug, correlationId: "c-1" }, headers);
const made = json(201, { id: "u-1" });

async function writer(t: ExecutionContext, replies: readonly Reply[]) {
  const { url, asked } = await scripted(t, replies);
  const states: Course<{ id: string }>["state"][] = [];
  const waitedMs: number[] = [];
  const own = sender<{ id: string }>(
    ({ state }) => states.push(state),
    async (ms) => void waitedMs.push(ms),
  );
  const keys = () => asked.map(({ headers }) => String(headers["idempotency-key"]));
  return { ...own, path: `${url}/users`, asked, states, waitedMs, keys };
}
const different = (texts: readonly unknown[]): number => new Set(texts).size;

test("a write that nobody answers is repeated by itself under the key that it began with", async (t) => {
  const busy = problem(503, "unavailable", { "retry-after": "7" });
  const still = problem(409, "idempotency-key-in-use", { "retry-after": "1" });
  const proxy: Reply = (res) => void res.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad</h1>");
  const { send, path, keys, waitedMs, states } = await writer(t, [cut, busy, cutInBody, proxy, still, made]);
  t.deepEqual((await send(path, wish))?.data, { id: "u-1" });
  t.is(keys().length, 6);
  t.is(different(keys()), 1);
  t.regex(keys()[0] ?? "", /^[0-9a-f]{36}$/);
  t.deepEqual(waitedMs, [1_000, 7_000, 4_000, 8_000, 1_000]);
  t.deepEqual([states.at(1), states.at(-1)], ["waiting", "done"]);
});

test("a write that was given up has its key also when somebody sends it again by hand", async (t) => {
  const { send, path, keys, states } = await writer(t, [...Array.from({ length: 6 }, () => cut), made]);
  t.is(await send(path, wish), undefined);
  t.is(states.at(-1), "refused");
  t.is(keys().length, 6, "five repeats at most");
  t.is((await send(path, wish))?.status, 201);
  t.is(different(keys()), 1);
});

test("something else that is wanted has a key of its own: another body, another version, the same once more", async (t) => {
  const { send, path, keys } = await writer(t, [problem(409, "address-taken"), made]);
  await send(path, wish);
  await send(path, { ...wish, body: { ...wish.body, displayName: "Ann Chen" } });
  await send(path, { ...wish, ifMatch: '"2"' });
  await send(path, { ...wish, ifMatch: '"2"' });
  t.is(different(keys()), 4, "what was done is over");
  const refused = await writer(t, [problem(409, "address-taken")]);
  await refused.send(refused.path, wish);
  refused.reset();
  await refused.send(refused.path, wish);
  t.is(different(refused.keys()), 2, "so is what was put away");
});

test("what can't be granted is not repeated, and nothing is once the page was left", async (t) => {
  const refused = await writer(t, [problem(422, "invalid-fields")]);
  await refused.send(refused.path, wish);
  t.is(refused.asked.length, 1);
  const left = await writer(t, [cut]);
  left.leave();
  t.is(await left.send(left.path, wish), undefined);
  t.is(left.asked.length, 0);
});

test("a look that a page takes by itself says so; what somebody does, does not", async (t) => {
  const { url, asked } = await scripted(t, [json(200, {}, { etag: '"a"' })]);
  t.is((await ask(`${url}/status`, { isPoll: true, ifNoneMatch: '"a"' })).etag, '"a"');
  await ask(`${url}/status`);
  await ask(`${url}/users`, wish);
  t.deepEqual(
    asked.map(({ headers }) => headers["x-mailroster-console"]),
    ["poll", "1", "1"],
  );
  t.deepEqual(
    asked.map(({ headers }) => headers["if-none-match"]),
    ['"a"', undefined, undefined],
  );
});

const faultOf = async (t: ExecutionContext, reply: Reply): Promise<ProblemAnswer> => {
  const { url } = await scripted(t, [reply]);
  return t.throwsAsync(ask(`${url}/users`), { instanceOf: ProblemAnswer }) as Promise<ProblemAnswer>;
};

test("whatever goes wrong is a problem that says whether to wait: none, half of one, a page instead of one", async (t) => {
  const page: Reply = (res) => void res.writeHead(200, { "content-type": "text/html" }).end("<p>Log in</p>");
  for (const reply of [cut, cutInBody, page]) {
    const fault = await faultOf(t, reply);
    t.deepEqual([fault.status, fault.mayPass, fault.body.title], [0, true, "No answer"]);
  }
  const bare = await faultOf(t, (res) => void res.writeHead(500, { "x-correlation-id": "c-9" }).end("oops"));
  t.like(bare, { status: 500, mayPass: false });
  t.is(bare.body.correlationId, "c-9", "to ask for, also where the body tells nothing");
  const late = await faultOf(t, problem(429, "too-many-requests", { "retry-after": "0" }));
  t.like(late, { mayPass: true, retryAfterS: 1, slug: "too-many-requests" });
  t.is(asProblem(new TypeError("x is not a function")).mayPass, false, "a defect of ours is not");
});

test("an answer that is not wanted any more is no problem", async (t) => {
  const abort = new AbortController();
  const { url } = await scripted(t, [() => abort.abort()]);
  await t.throwsAsync(ask(`${url}/users`, { signal: abort.signal }), { name: "AbortError" });
});
