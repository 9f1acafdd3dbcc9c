/** Names of queues, bindings, and what a message looks like when it is published again. */
import type { ConsumeMessage } from "amqplib";
import test from "ava";
import { bindingMatches, delayName, userQueues, waitQueue } from "../../mixins/bus/topology.ts";
import { deliveryOf, republishProperties } from "../../mixins/bus/wire.ts";

const at = new Date("2026-01-02T03:04:05.678Z");

const received = (properties: object, fields: object = {}): ConsumeMessage =>
  ({
    content: Buffer.from("{}"),
    fields: { exchange: "mailroster.users", routingKey: "user.created.v1", deliveryTag: 1, ...fields },
    properties: { headers: {}, ...properties },
  }) as unknown as ConsumeMessage;

test("wait queues are named after their delay", (t) => {
  t.deepEqual([1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000, 250, 1_500].map(delayName), [
    "1s",
    "5s",
    "30s",
    "2m",
    "10m",
    "1h",
    "250ms",
    "1500ms",
  ]);
  t.is(waitQueue("audit.user-events", 30_000), "audit.user-events.retry.30s");
});

test("both queues of the system take every type of event", (t) => {
  t.deepEqual(
    userQueues.map(({ queue, bindings }) => [queue, bindings.length]),
    [
      ["smtp-registry.user-events", 5],
      ["audit.user-events", 5],
    ],
  );
});

test("a binding matches as on a topic exchange", (t) => {
  t.true(bindingMatches("user.created.v1", "user.created.v1"));
  t.true(bindingMatches("user.*.v1", "user.created.v1"));
  t.true(bindingMatches("#", "user.created.v1"));
  t.true(bindingMatches("user.#", "user"));
  t.true(bindingMatches("#.v1", "user.created.v1"));
  t.false(bindingMatches("user.*", "user.created.v1"));
  t.false(bindingMatches("user.created", "user.created.v1"));
  t.false(bindingMatches("user.created.v1", "user.created"));
});

test("a delivery without our headers has no attempts and its own routing key", (t) => {
  const { attempts, routingKey, messageId } = deliveryOf(received({ messageId: 7 }));
  t.deepEqual([attempts, routingKey, messageId], [0, "user.created.v1", undefined]);
});

test("an attempts header that is no count is taken as none", (t) => {
  for (const value of ["3", -1, 1.5, null, {}])
    t.is(deliveryOf(received({ headers: { "x-attempts": value } })).attempts, 0);
});

test("a message published again keeps its properties and loses what is the broker's own", (t) => {
  const properties = republishProperties(
    received({
      messageId: "m",
      correlationId: "c",
      type: "user.created.v1",
      contentType: "text/x",
      expiration: "5",
      userId: "somebody",
      headers: {
        mine: "kept",
        "x-death": [{}],
        "x-first-death-queue": "q",
        "x-last-death-reason": "expired",
        "x-delivery-count": 3,
        CC: ["elsewhere"],
        BCC: ["elsewhere"],
      },
    }),
    { attempts: 1, error: "no", at, consumer: "me" },
  );
  t.like(properties, {
    messageId: "m",
    correlationId: "c",
    type: "user.created.v1",
    contentType: "text/x",
    persistent: true,
    mandatory: true,
    expiration: undefined,
    userId: undefined,
  });
  t.deepEqual(properties.headers, {
    mine: "kept",
    "x-attempts": 1,
    "x-last-error": "no",
    "x-first-failed-at": at.toISOString(),
    "x-last-failed-at": at.toISOString(),
    "x-consumer": "me",
    "x-original-exchange": "mailroster.users",
    "x-original-routing-key": "user.created.v1",
  });
});

test("the first failure and the first routing key survive later ones", (t) => {
  const first = republishProperties(received({}), { attempts: 1, error: "a", at, consumer: "me" });
  const second = received({ headers: first.headers }, { exchange: "", routingKey: "audit.user-events" });
  const later = new Date(at.getTime() + 1_000);
  const headers = republishProperties(second, {
    attempts: 2,
    error: "b",
    at: later,
    consumer: "me",
    reason: "retries-exhausted",
  }).headers;
  t.like(headers, {
    "x-attempts": 2,
    "x-first-failed-at": at.toISOString(),
    "x-last-failed-at": later.toISOString(),
    "x-original-exchange": "mailroster.users",
    "x-original-routing-key": "user.created.v1",
    "x-dead-reason": "retries-exhausted",
  });
  t.is(deliveryOf(second).routingKey, "user.created.v1");
});
