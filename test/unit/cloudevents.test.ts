import { randomUUID } from "node:crypto";
import test from "ava";
import { CloudEvent, HTTP } from "cloudevents";
import { v7 as uuidv7 } from "uuid";
import { UserEvent } from "../../services/contracts/events.ts";
import { cloudEventsContentType } from "../../services/contracts/headers.ts";
import { toUserEvent } from "../../services/users/events.ts";
import { decideCreate } from "../../services/users/rules.ts";

const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
const cause = { action: "users.create", correlationId: "abc", actor: "hr", traceparent } as const;

function createdEvent() {
  const decision = decideCreate(
    uuidv7(),
    { displayName: "Ann Lee" },
    [{ address: "ann@example.com", kind: "primary" }],
    new Date("2026-11-23T10:00:00Z"),
  );
  return toUserEvent(randomUUID(), decision.type, decision.state, decision.changes, cause);
}

test("an event of ours is a valid CloudEvent to the CNCF's own library", (t) => {
  const event = createdEvent();
  t.notThrows(() => new CloudEvent(event, true));
});

test("an event of ours is read back from structured mode with its extensions and data", (t) => {
  const event = createdEvent();
  const read = HTTP.toEvent({
    headers: { "content-type": cloudEventsContentType },
    body: JSON.stringify(event),
  }) as CloudEvent;
  t.is(read.type, "user.created.v1");
  t.is(read.subject, event.subject);
  t.deepEqual([read.sequence, read.correlationid, read.actor], [1, "abc", "hr"]);
  t.deepEqual((read.data as unknown as { user: unknown }).user, event.data.user);
});

test("a consumer ignores members it does not know", (t) => {
  const event = { ...createdEvent(), extra: 1 };
  t.true(UserEvent.safeParse({ ...event, data: { ...event.data, later: true } }).success);
});
