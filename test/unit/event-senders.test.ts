/** Whose events are believed, on their first way, as copies and among the dead letters. */
import type { ConsumeMessage } from "amqplib";
import test from "ava";
import { letterOf } from "../../mixins/bus/dead-letter-message.ts";
import { parseEvent } from "../../mixins/bus/event-parsing.ts";
import { eventSenders } from "../../mixins/bus/event-senders.ts";
import { deliveryOf } from "../../mixins/bus/wire.ts";
import { parsePeers } from "../../services/config/peers.ts";
import { userEvent } from "../support/events.ts";

const peers = parsePeers("gw=gateway,us=users,re=registry,op=operator");
const queue = "smtp-registry.user-events";
const senders = eventSenders(queue, peers);

const message = (userId?: string, original?: string): ConsumeMessage =>
  ({
    content: Buffer.from(JSON.stringify(userEvent())),
    fields: { exchange: "mailroster.users", routingKey: "user.updated.v1", deliveryTag: 1 },
    properties: {
      ...(userId === undefined ? {} : { userId }),
      headers: original === undefined ? {} : { "x-original-user-id": original, "x-last-error": "a story" },
    },
  }) as unknown as ConsumeMessage;

test("an event is believed from the outbox's user, and a copy from its consumer's when the outbox's sent it first", (t) => {
  for (const [user, original] of [["us"], ["us", "us"], ["re", "us"]])
    t.is(senders.doubt(message(user, original)), undefined, `${user} ${original}`);
  for (const [user, original, says] of [
    [undefined, undefined, "RabbitMQ vouches for nobody as its sender"],
    ["stranger", undefined, "it was sent by stranger"],
    ["stranger", "us", "it was sent by stranger"],
    ["gw", "us", "it was sent by gw"],
    ["re", undefined, "it was sent by re"],
    ["us", "stranger", "it was sent by stranger"],
    ["re", "stranger", "it was sent by stranger"],
  ] as const)
    t.is(senders.doubt(message(user, original)), says, `${user} ${original}`);
  t.is(eventSenders("audit.user-events", peers).doubt(message("re", "us")), "it was sent by re");
});

test("what is not believed is no event to its handler, whatever it holds", (t) => {
  const forged = message("gw");
  t.like(parseEvent(deliveryOf(forged, senders.doubt(forged))), { ok: false, reason: "untrusted-sender" });
  const genuine = message("us");
  t.true(parseEvent(deliveryOf(genuine, senders.doubt(genuine))).ok);
});

test("a copy keeps who sent it first, unless nobody believes whoever copied it", (t) => {
  t.is(senders.firstSender(message("us")), "us");
  t.is(senders.firstSender(message("re", "us")), "us");
  t.is(senders.firstSender(message("us", "stranger")), "stranger");
  t.is(senders.firstSender(message("stranger", "us")), "stranger");
  t.is(senders.firstSender(message()), undefined);
});

test("a dead letter of a stranger is told as such, without a word of what it says of itself", (t) => {
  const now = new Date("2026-11-26T10:00:00.000Z");
  const read = (one: ConsumeMessage) => letterOf(queue, one, now, senders.letterDoubt(one));
  t.like(read(message("re", "us")), { error: "a story" });
  t.like(read(message("us")), { reason: "unknown" });
  const forged = read(message("stranger", "us"));
  t.like(forged, {
    reason: "untrusted-sender",
    error: "it was sent by stranger",
    attempts: 0,
    lastFailedAt: now,
  });
  t.deepEqual(forged.headers, { "x-original-user-id": "stranger" });
});

test("without a table of peers nobody is doubted", (t) => {
  const open = eventSenders(queue, undefined);
  for (const one of [message(), message("stranger"), message("re", "stranger")]) {
    t.is(open.doubt(one), undefined);
    t.is(open.letterDoubt(one), undefined);
  }
});
