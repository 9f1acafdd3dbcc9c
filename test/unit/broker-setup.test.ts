/** What `npm run broker -- setup` asks of RabbitMQ's management API, played by a server of the test's own. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type ExecutionContext } from "ava";
import { carryOut } from "../../services/commands/broker/management.ts";
import { consumerPlan } from "../../services/commands/broker/plan.ts";

/** Answers with the status that is written for the method, and keeps what was asked. */
async function managementApi(t: ExecutionContext, statuses: Record<string, number>) {
  const asked: string[] = [];
  const server = createServer((req, res) => {
    asked.push(`${req.method} ${req.url}`);
    req.resume().on("end", () => res.writeHead(statuses[req.method ?? ""] ?? 204).end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return { url: `http://guest:guest@127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test("a consumer's user is made with its permissions, in a virtual host that is there", async (t) => {
  const api = await managementApi(t, { GET: 404 });
  const made = await carryOut(consumerPlan("billing", "events"), api.url);
  t.deepEqual(
    made.map(({ name }) => name),
    ["consumer-billing"],
  );
  t.deepEqual(api.asked, [
    "GET /api/users/consumer-billing",
    "PUT /api/users/consumer-billing",
    "PUT /api/permissions/events/consumer-billing",
  ]);
});

test("a user that is there keeps its password, and what can't be made is no success", async (t) => {
  const there = await managementApi(t, { GET: 200 });
  t.deepEqual(await carryOut(consumerPlan("billing", "events"), there.url), []);
  t.is(there.asked.length, 2);
  const without = await managementApi(t, { GET: 200, PUT: 404 });
  await t.throwsAsync(carryOut(consumerPlan("billing", "nowhere"), without.url), {
    message: /answers 404 to PUT permissions$/,
  });
});
