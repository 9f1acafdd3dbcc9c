/** The gateway under stress: too many requests, slow clients, services missing or slow, a busy port, a stop under way. */
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import anyTest from "ava";
import type { Service, ServiceSchema } from "moleculer";
import { eventually } from "../support/eventually.ts";
import { sendRaw } from "../support/raw-http.ts";
import { startGateway } from "../support/rig.ts";
import { usersStandIn } from "../support/stand-ins.ts";

// One after another: several of them measure by the second, and a dozen gateways that start at once take that long.
const test = anyTest.serial;

const typeOf = async (answer: Response) => ((await answer.json()) as { type: string }).type;

test("a client beyond its requests a minute gets 429 and when to come back, whoever it says it is", async (t) => {
  const gateway = await startGateway({
    standIns: [usersStandIn()],
    environment: { HTTP_REQUESTS_PER_MINUTE_MAX: "3" },
  });
  const ask = (n: number) => fetch(`${gateway.url}/users`, { headers: { "x-forwarded-for": `10.0.0.${n}` } });
  for (const n of [1, 2, 3]) t.is((await ask(n)).status, 200);
  const refused = await ask(4);
  t.is(refused.status, 429);
  const seconds = Number(refused.headers.get("retry-after"));
  t.true(seconds >= 1 && seconds <= 20, String(seconds));
  t.is(await typeOf(refused), "/problems/too-many-requests");
  t.is(refused.headers.get("ratelimit-policy"), '"address";q=3;w=60');
  t.regex(refused.headers.get("ratelimit") ?? "", /^"address";r=0;t=\d+$/);
  for (const path of ["/health/live", "/health/ready", "/nowhere"])
    t.is((await fetch(gateway.url + path)).status, 429, path);
  const options = await sendRaw(
    gateway.port,
    "OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  t.is(options.status, 429);
  await gateway.stop();
});

test("a gateway alone starts, answers 503 in time and says which services it misses", async (t) => {
  const gateway = await startGateway();
  const startedAt = performance.now();
  const answer = await fetch(`${gateway.url}/users`);
  t.is(answer.status, 503);
  t.is(answer.headers.get("retry-after"), "1");
  t.is(await typeOf(answer), "/problems/unavailable");
  const ready = await fetch(`${gateway.url}/health/ready`);
  t.is(ready.status, 503);
  const unreachable = { status: "down", detail: "can't be reached" };
  t.deepEqual(((await ready.json()) as { checks: unknown }).checks, {
    users: unreachable,
    audit: unreachable,
    outbox: unreachable,
    "smtp-registry": unreachable,
    "dead-letters": unreachable,
    trace: unreachable,
  });
  t.true(performance.now() - startedAt < 2_000);
  await gateway.stop();
});

const until = (condition: () => boolean) =>
  eventually(() => {
    if (!condition()) throw new Error("Cannot go on: the condition does not hold yet");
  });

interface Blocked {
  readonly service: ServiceSchema;
  readonly waiting: () => number;
  readonly release: () => void;
}

/** A users service whose list waits until the test says so. */
function blockedUsers(): Blocked {
  const gate = Promise.withResolvers<void>();
  let waiting = 0;
  const list = async () => {
    waiting += 1;
    await gate.promise;
    return { items: [], nextCursor: null };
  };
  const service = {
    name: "users",
    actions: { list, health: () => gate.promise },
  } as unknown as ServiceSchema;
  return { service, waiting: () => waiting, release: () => gate.resolve() };
}

test("beyond the greatest number in flight a request is refused at once with 503", async (t) => {
  const users = blockedUsers();
  const gateway = await startGateway({ standIns: [users.service], limits: { requestsInFlightMax: 2 } });
  const held = [fetch(`${gateway.url}/users`), fetch(`${gateway.url}/users`)];
  await until(() => users.waiting() === 2);
  const refused = await fetch(`${gateway.url}/users`);
  t.is(refused.status, 503);
  t.is(refused.headers.get("retry-after"), "1");
  users.release();
  for (const answer of await Promise.all(held)) t.is(answer.status, 200);
  t.is((await fetch(`${gateway.url}/users`)).status, 200);
  await gateway.stop();
});

/** Sends the head of a create and one byte of its body; `answer` is what comes back before the connection ends. */
function slowBody(port: number): { readonly answer: Promise<string>; end(): void } {
  const socket = connect(port, "127.0.0.1", () =>
    socket.write(
      "POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
    ),
  );
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk;
  });
  socket.on("error", () => {});
  const answer = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
  return { answer, end: () => socket.destroy() };
}

test("F7: bodies that do not come hold nobody up: reads are answered, and so is who sends head and body at once", async (t) => {
  const gateway = await startGateway({
    standIns: [usersStandIn()],
    limits: { requestsInFlightMax: 3, bodiesMax: 5 },
  });
  t.teardown(gateway.stop);
  const slow = Array.from({ length: 12 }, () => slowBody(gateway.port));
  t.teardown(() => {
    for (const { end } of slow) end();
  });
  const refused = await Promise.any(slow.map(({ answer }) => answer));
  t.regex(refused, /^HTTP\/1.1 503 [\s\S]*Retry-After: 1[\s\S]*too many are on their way/);
  for (let n = 0; n < 10; n += 1) {
    t.is((await gateway.http("GET", "/users")).status, 200);
    const body = JSON.stringify({ displayName: "Ann", primarySmtp: `ann${n}@example.com` });
    const whole = await sendRaw(
      gateway.port,
      `POST /users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    t.is(whole.status, 201);
  }
});

test("a body that does not come in its time is given up with 408, and its place is another's", async (t) => {
  const gateway = await startGateway({
    standIns: [usersStandIn()],
    limits: { bodiesMax: 1, bodyGraceMs: 50 },
  });
  for (let n = 0; n < 3; n += 1)
    t.regex(
      await slowBody(gateway.port).answer,
      /^HTTP\/1.1 408 [\s\S]*Connection: close[\s\S]*\/problems\/request-timeout[\s\S]*The body did not arrive/,
    );
  await gateway.stop();
});

test("who does not take its answer counts as no request in hand", async (t) => {
  const list = () => ({ items: Array.from({ length: 20_000 }, () => "x".repeat(1_000)), nextCursor: null });
  const gateway = await startGateway({
    standIns: [{ name: "users", actions: { list } }],
    limits: { requestsInFlightMax: 2 },
  });
  const open = await Promise.all(
    Array.from({ length: 4 }, async () => {
      const socket = connect(gateway.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write("GET /users HTTP/1.1\r\nHost: localhost\r\n\r\n");
      await once(socket, "readable");
      return socket;
    }),
  );
  t.is((await fetch(`${gateway.url}/users`)).status, 200);
  for (const socket of open) socket.destroy();
  await gateway.stop();
});

test("readiness is asked once for all who want to know, and its answer serves for a second", async (t) => {
  let asked = 0;
  const health = () => {
    asked += 1;
    return { status: "up", checks: {} };
  };
  const gateway = await startGateway({ standIns: [{ name: "users", actions: { health } }] });
  await Promise.all(Array.from({ length: 50 }, () => fetch(`${gateway.url}/health/ready`)));
  t.true(asked <= 2, String(asked));
  await gateway.stop();
});

test("a health check that hangs is reported within its bound", async (t) => {
  const users = blockedUsers();
  const gateway = await startGateway({ standIns: [users.service], limits: { healthTimeoutMs: 100 } });
  const answer = await fetch(`${gateway.url}/health/ready`);
  const { checks } = (await answer.json()) as { checks: Record<string, unknown> };
  t.deepEqual(checks.users, { status: "down", detail: "does not answer in time" });
  users.release();
  await gateway.stop();
});

test("a stop lets the answers in flight finish and takes no new connection", async (t) => {
  const users = blockedUsers();
  const gateway = await startGateway({ standIns: [users.service] });
  const held = fetch(`${gateway.url}/users`);
  await until(() => users.waiting() === 1);
  const stopped = gateway.stop();
  await eventually(async () => {
    const accepted = await fetch(`${gateway.url}/health/live`).catch(() => undefined);
    if (accepted !== undefined) throw new Error("Cannot go on: the gateway still accepts");
  });
  users.release();
  const answer = await held;
  t.is(answer.status, 200);
  t.is(answer.headers.get("connection"), "close");
  await stopped;
});

test("taking the service away drains it first, before Moleculer waits for the calls under way", async (t) => {
  const users = blockedUsers();
  const gateway = await startGateway({ standIns: [users.service] });
  const held = fetch(`${gateway.url}/users`);
  await until(() => users.waiting() === 1);
  const service = gateway.broker.getLocalService("gateway") as Service;
  const destroyed = gateway.broker.destroyService(service);
  await eventually(async () => {
    const accepted = await fetch(`${gateway.url}/health/live`).catch(() => undefined);
    if (accepted !== undefined) throw new Error("Cannot go on: the gateway still accepts");
  });
  users.release();
  t.is((await held).status, 200);
  await destroyed;
  await gateway.stop();
});

test("a stop does not wait for ever on a connection that is stuck", async (t) => {
  const gateway = await startGateway({ limits: { drainMs: 100 } });
  const socket = connect(gateway.port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  await new Promise<void>((resolve) =>
    socket.write("POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{", () => resolve()),
  );
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await gateway.stop();
  await closed;
  t.pass();
});

test("a request whose headers or body never come is given up with 408", async (t) => {
  const gateway = await startGateway({ limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 } });
  const answerTo = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(gateway.port, "127.0.0.1", () => socket.write(text));
      let received = "";
      socket.on("data", (chunk) => {
        received += chunk;
      });
      socket.on("error", reject);
      socket.on("close", () => resolve(received));
    });
  t.regex(
    await answerTo("GET /users HTTP/1.1\r\nHost: localhost\r\n"),
    /^HTTP\/1.1 408 [\s\S]*\/problems\/request-timeout/,
  );
  await gateway.stop();
});

test("a busy port refuses the start with one sentence that names HTTP_PORT, and leaves the process alive", async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  const error = await t.throwsAsync(startGateway({ environment: { HTTP_PORT: String(port) } }));
  t.is(
    error?.message,
    `Cannot listen on 127.0.0.1:${port}: another process has this port, set HTTP_PORT to a free one`,
  );
  await new Promise((resolve) => other.close(resolve));
});
