/** What a command asks of a gateway arrives, however often it has to be asked. Against a server of its own. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import { gatewayClient } from "../../services/commands/http-client.ts";

type Answer = (req: IncomingMessage, res: ServerResponse, requests: number) => void;

async function clientOf(t: ExecutionContext, answer: Answer) {
  let requests = 0;
  const server = createServer((req, res) => {
    requests += 1;
    req.resume();
    answer(req, res, requests);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = gatewayClient({ url: `http://127.0.0.1:${port}`, token: "secret", doing: "import" });
  t.teardown(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return { client, count: () => requests };
}

const problem = (res: ServerResponse, status: number, slug: string): void =>
  void res
    .writeHead(status, { "content-type": "application/problem+json", "retry-after": "0" })
    .end(JSON.stringify({ type: `/problems/${slug}`, detail: slug }));

test("a request carries its key, its correlation and the token", async (t) => {
  const { client } = await clientOf(t, (req, res) => res.end(JSON.stringify(req.headers)));
  const { status, body } = await client.request({
    method: "PATCH",
    path: "/users/1",
    body: { displayName: "Ann" },
    idempotencyKey: "k-1",
    correlationId: "import-1-1",
    version: 7,
  });
  t.is(status, 200);
  t.like(body, {
    authorization: "Bearer secret",
    "content-type": "application/json",
    "idempotency-key": "k-1",
    "x-correlation-id": "import-1-1",
    "if-match": '"7"',
  });
});

test("429, 503 and a broken connection are asked again, under the same key", async (t) => {
  const keys = new Set<unknown>();
  const { client, count } = await clientOf(t, (req, res, requests) => {
    keys.add(req.headers["idempotency-key"]);
    if (requests === 1) problem(res, 429, "too-many-requests");
    else if (requests === 2) problem(res, 503, "unavailable");
    else if (requests === 3) req.socket.destroy();
    else res.end("{}");
  });
  const { status } = await client.request({ method: "POST", path: "/users", body: {}, idempotencyKey: "k" });
  t.is(status, 200);
  t.is(count(), 4);
  t.is(client.delayed, 3);
  t.deepEqual([...keys], ["k"]);
});

test("a refusal is an answer, and so is a problem that is wanted as one", async (t) => {
  const { client, count } = await clientOf(t, (_req, res, requests) =>
    requests === 1 ? problem(res, 409, "address-taken") : problem(res, 429, "idempotency-keys-used-up"),
  );
  t.is((await client.request({ method: "POST", path: "/users" })).status, 409);
  const finalProblems = ["idempotency-keys-used-up"];
  t.is((await client.request({ method: "POST", path: "/users", finalProblems })).status, 429);
  t.is(count(), 2);
});

test("no more than sixteen requests are under way, and each gets its answer", async (t) => {
  let [active, most] = [0, 0];
  const { client } = await clientOf(t, (_req, res) => {
    active += 1;
    most = Math.max(most, active);
    setImmediate(() => {
      active -= 1;
      res.end("{}");
    });
  });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, row) => client.request({ method: "GET", path: `/users/${row}` })),
  );
  t.true(answers.every(({ status }) => status === 200));
  t.true(most <= 16, `${most} at once`);
});
