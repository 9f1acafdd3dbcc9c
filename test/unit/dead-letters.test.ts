/** What can be told of a dead letter from its message alone, and how it looks to whoever asks. */

import type { ConsumeMessage } from "amqplib";
import test from "ava";
import { causeOf, errorClass, reasonLabel } from "../../mixins/bus/dead-letter-cause.ts";
import { letterOf, replayProperties } from "../../mixins/bus/dead-letter-message.ts";
import { eventOf } from "../../mixins/bus/dead-letters.ts";
import { amqpHeader } from "../../services/contracts/headers.ts";
import { hostedServices } from "../../services/contracts/services.ts";
import { payloadView } from "../../services/dead-letters/view.ts";

const now = new Date("2026-11-23T12:00:00.000Z");
const queue = "audit.user-events";
const diedAt = { "!": "timestamp", value: 1_761_991_200 };

const message = (
  headers: Record<string, unknown>,
  properties: Record<string, unknown> = {},
): ConsumeMessage =>
  ({
    content: Buffer.from("{}"),
    fields: { routingKey: `${queue}.dlq`, exchange: "" },
    properties: { headers, ...properties },
  }) as unknown as ConsumeMessage;

const letter = (headers: Record<string, unknown>, properties?: Record<string, unknown>) =>
  letterOf(queue, message(headers, properties), now);

test("a letter of ours tells its own reason, attempts, times and replays", (t) => {
  const told = letter(
    {
      [amqpHeader.reason]: "retries-exhausted",
      [amqpHeader.error]: "no",
      [amqpHeader.attempts]: 6,
      [amqpHeader.firstFailedAt]: "2026-11-01T10:00:00.123Z",
      [amqpHeader.lastFailedAt]: "2026-11-01T10:12:00.000Z",
      [amqpHeader.originalRoutingKey]: "user.created.v1",
      [amqpHeader.replays]: 2,
      "x-death": [{ queue: `${queue}.retry.1s`, reason: "expired", time: diedAt }],
    },
    { messageId: "m", correlationId: "c" },
  );
  t.like(told, {
    queue,
    messageId: "m",
    correlationId: "c",
    routingKey: "user.created.v1",
    reason: "retries-exhausted",
    error: "no",
    attempts: 6,
    replays: 2,
    firstFailedAt: new Date("2026-11-01T10:00:00.123Z"),
    lastFailedAt: new Date("2026-11-01T10:12:00.000Z"),
    byBroker: undefined,
  });
});

test("a letter of RabbitMQ's own takes the death in its queue, not the one in a wait queue", (t) => {
  const told = letter({
    [amqpHeader.attempts]: 2,
    [amqpHeader.error]: "busy",
    "x-delivery-count": 100,
    "x-death": [
      { queue: `${queue}.retry.1s`, reason: "expired", time: { "!": "timestamp", value: 1 } },
      { queue, reason: "delivery_limit", time: diedAt, "routing-keys": ["user.deleted.v1"] },
    ],
  });
  t.like(told, {
    reason: "broker-delivery-limit",
    error: "RabbitMQ gave it up: delivery_limit; before that: busy",
    attempts: 100,
    routingKey: "user.deleted.v1",
    lastFailedAt: new Date(diedAt.value * 1_000),
    firstFailedAt: new Date(diedAt.value * 1_000),
    byBroker: true,
  });
});

test("whatever else lies in the queue can be read as a letter", (t) => {
  for (const headers of [
    {},
    { "x-death": "no list" },
    { "x-death": [null, 7] },
    { [amqpHeader.lastFailedAt]: "never", [amqpHeader.attempts]: -1, [amqpHeader.replays]: 0.5 },
  ])
    t.like(letter(headers), {
      reason: "unknown",
      attempts: 0,
      replays: 0,
      firstFailedAt: now,
      lastFailedAt: now,
      messageId: undefined,
    });
});

test("a replay carries neither its failures nor what RabbitMQ keeps for itself", (t) => {
  const { headers } = replayProperties({
    messageId: undefined,
    correlationId: undefined,
    type: "user.created.v1",
    body: Buffer.from(""),
    headers: {
      [amqpHeader.attempts]: 6,
      [amqpHeader.lastFailedAt]: "2026-11-01T10:12:00.000Z",
      [amqpHeader.originalExchange]: "mailroster.users",
      "x-death": [],
      "x-first-death-queue": "q",
      CC: ["elsewhere"],
      tenant: JSON.parse(JSON.stringify(Buffer.from("a"))),
    },
    replays: 3,
  });
  t.deepEqual(headers, {
    tenant: Buffer.from("a"),
    [amqpHeader.originalExchange]: "mailroster.users",
    [amqpHeader.originalRoutingKey]: "user.created.v1",
    [amqpHeader.replays]: 3,
  });
});

test("a body tells of its event as much as it can", (t) => {
  const userId = "01997B1E-7F6C-7C1E-9D3A-5B0F6F2A4C11";
  const none = { eventId: undefined, eventType: undefined, userId: undefined };
  const of = (value: unknown) =>
    eventOf(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));
  t.deepEqual(of({ id: "e", type: "user.created.v1", subject: userId }), {
    eventId: "e",
    eventType: "user.created.v1",
    userId: userId.toLowerCase(),
  });
  t.deepEqual(of({ id: 1, type: "x".repeat(300), subject: "ann" }), none);
  for (const body of ["", "null", "[]", "7", "{"]) t.deepEqual(of(body), none, body);
  t.deepEqual(eventOf(Buffer.from([0xff])), none);
});

test("a payload is shown as JSON, as text or in base64", (t) => {
  t.deepEqual(payloadView(Buffer.from('{"a":1}')), { payload: { a: 1 }, payloadEncoding: "json" });
  t.deepEqual(payloadView(Buffer.from("{")), { payload: "{", payloadEncoding: "utf-8" });
  t.deepEqual(payloadView(Buffer.from([0xff])), { payload: "/w==", payloadEncoding: "base64" });
});

const failed = {
  queue,
  routingKey: "user.updated.v1",
  reason: "retries-exhausted",
  error: "DriverException 22P05",
};

test("a cause is the same whatever ids, numbers, addresses and quoted values the error names", (t) => {
  const told = (id: string, address: string, port: number, value: string) =>
    `connect ECONNREFUSED 127.0.0.1:${port} for ${address} (${id}) '${value}' after ${port} ms, tag ab12cd34ef`;
  const one = told("01997b1e-7f6c-7c1e-9d3a-5b0f6f2a4c11", "ann@example.com", 5432, "Ann");
  const two = told("0199AAAA-7f6c-7c1e-9d3a-5b0f6f2a4c12", "zoë.li@exämple.org", 61_234, "Zoë (2)");
  t.is(errorClass(one), "connect ECONNREFUSED <n> for <address> (<id>) <text> after <n> ms, tag <id>");
  t.is(causeOf({ ...failed, error: one }), causeOf({ ...failed, error: two }));
  t.is(
    causeOf({ ...failed, error: `${one} ${"x".repeat(2_000)}` }),
    causeOf({ ...failed, error: `${one} ${"x".repeat(1_990)}` }),
  );
});

test("queue, event type, reason and kind of error each make another cause", (t) => {
  const kinds = [
    failed,
    { ...failed, queue: "q" },
    { ...failed, routingKey: "user.created.v1" },
    { ...failed, reason: "invalid-event" },
    { ...failed, error: "DriverException 23514" },
    { ...failed, error: "UniqueConstraintViolationException 23505 table=users constraint=users_pkey" },
    { ...failed, error: "UniqueConstraintViolationException 23505 table=users constraint=users_key" },
  ];
  t.is(new Set(kinds.map(causeOf)).size, kinds.length);
  for (const each of kinds) t.regex(causeOf(each), /^[0-9a-f]{12}$/);
});

test("of an error of any length only as much is read as we write of one", (t) => {
  t.is(errorClass(`${"1".repeat(2_000)} told by nobody of ours`), "<n>");
  const hostile = errorClass(`${"-".repeat(200_000)}@`);
  t.is(hostile, "-".repeat(300));
});

test("a reason that nobody knows is no label of its own", (t) => {
  t.is(reasonLabel("retries-exhausted"), "retries-exhausted");
  t.is(reasonLabel("ann@example.com"), "other");
});

test("dead-letters is hosted wherever outbox is, and nowhere else", (t) => {
  t.true(hostedServices(["users", "audit", "outbox"]).includes("dead-letters"));
  t.false(hostedServices(["gateway", "users", "smtp-registry"]).includes("dead-letters"));
});
