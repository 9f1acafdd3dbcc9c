/** An event that a consumer gives up, on either bus: kept, seen, replayed, and in nobody's way. */
import { strict as assert } from "node:assert";
import { randomUUID } from "node:crypto";
import anyTest from "ava";
import { consumerQueues, consumers } from "../../services/contracts/consumers.ts";
import { publishAll } from "../contract/bus-conformance.ts";
import { outgoing, userEvent } from "../support/events.ts";
import { eventually } from "../support/eventually.ts";
import { addressEvent, letterById, lettersOf, pendingByQueue } from "../support/letters.ts";
import { healthOf, rigOf } from "../support/rig.ts";

// One system at a time: each is eight services and two databases.
const test = anyTest.serial;
const registryOnly = `queue=${consumers["smtp-registry"].queue}`;
const deadlineMs = 5_000;

for (const kind of ["in-process", "rabbitmq"] as const) {
  test(`${kind}: a poison event is kept with its reason in seconds, in one error line, and stops nobody`, async (t) => {
    const rig = await rigOf(t, { bus: kind });
    t.deepEqual(await pendingByQueue(rig), Object.fromEntries(consumerQueues.map((queue) => [queue, 0])));
    const poison = { ...outgoing(userEvent({ correlationId: "poison-1" })), body: "no { JSON" };
    const behind = Array.from({ length: 20 }, (_, index) => addressEvent(`behind${index}@x.example`, {}));
    const since = Date.now();
    await publishAll(rig.bus, [poison, ...behind.map(outgoing)]);
    const letters = await lettersOf(rig, consumerQueues.length);
    t.true(Date.now() - since < deadlineMs);
    t.deepEqual(letters.map(({ queue }) => queue).sort(), [...consumerQueues].sort());
    for (const letter of letters)
      t.like(letter, {
        status: "pending",
        eventId: poison.id,
        correlationId: "poison-1",
        reason: "not-json",
        attempts: 1,
        replays: 0,
      });
    await eventually(async () => {
      const { rows } = await rig.usersDb.query("select id from audit_entries");
      assert.deepEqual(rows.map(({ id }) => id).sort(), behind.map(({ id }) => id).sort());
    });
    for (const queue of consumerQueues) {
      const told = rig.lines.filter((line) => line.level === "error" && line.queue === queue);
      t.is(told.length, 1, queue);
      const cause = letters.find((letter) => letter.queue === queue)?.cause;
      t.like(told[0], {
        correlationId: "poison-1",
        eventId: poison.id,
        reason: "not-json",
        cause,
        attempts: 1,
      });
    }
    const { values } = await rig.metrics.eventsDeadLettered.get();
    t.deepEqual(
      values
        .filter(({ value }) => value > 0)
        .map(({ labels, value }) => [labels.queue, labels.reason, value])
        .sort(),
      [...consumerQueues].sort().map((queue) => [queue, "not-json", 1]),
    );
    await eventually(async () =>
      assert.deepEqual(
        await pendingByQueue(rig),
        Object.fromEntries(consumerQueues.map((queue) => [queue, 1])),
      ),
    );
    const shown = await letterById(rig, letters[0]?.id ?? "");
    t.like(shown, {
      payload: "no { JSON",
      payloadEncoding: "utf-8",
      routingKey: poison.type,
      discarded: null,
    });
  });

  test(`${kind}: a replay of an old version changes nothing, one of the newest takes effect`, async (t) => {
    const rig = await rigOf(t, { bus: kind });
    const userId = randomUUID();
    const [first, second, third] = ["one@x.example", "two@x.example", "three@x.example"].map(
      (address, index) =>
        addressEvent(address, { userId, version: index + 1, correlationId: `replay-${index + 1}` }),
    );
    if (first === undefined || second === undefined || third === undefined) return t.fail();
    const statusOf = async (address: string) => (await rig.http("GET", `/smtp/${address}`)).body.status;
    const handled = (eventId: string) =>
      eventually(() => {
        const line = rig.lines.find(
          ({ msg, eventId: id, consumer }) =>
            msg === "event handled" && id === eventId && consumer === "smtp-registry",
        );
        if (line === undefined) throw new Error(`${eventId} is not handled`);
        return line;
      });

    await rig.breakRegistry();
    await publishAll(rig.bus, [outgoing(first)]);
    const [old] = await lettersOf(rig, 1, registryOnly);
    t.like(old, { reason: "retries-exhausted", attempts: 3, eventType: first.type, userId });
    await rig.mendRegistry();
    await publishAll(rig.bus, [outgoing(second)]);
    await eventually(async () => assert.equal(await statusOf("two@x.example"), "active"));

    const stale = await rig.http("POST", `/dead-letters/${old?.id}/replay`);
    t.is(stale.status, 200);
    t.like(stale.body, { id: old?.id, status: "replayed", replays: 1 });
    t.like(await handled(first.id), { result: "stale", correlationId: "replay-1" });
    t.is(await statusOf("two@x.example"), "active");
    t.is(await statusOf("one@x.example"), "available");

    await rig.breakRegistry();
    await publishAll(rig.bus, [outgoing(third)]);
    const [newest] = await lettersOf(rig, 1, `${registryOnly}&status=pending`);
    await rig.mendRegistry();
    t.is((await rig.http("POST", `/dead-letters/${newest?.id}/replay`)).status, 200);
    t.like(await handled(third.id), { result: "processed", correlationId: "replay-3" });
    t.is(await statusOf("three@x.example"), "active");
  });

  test(`${kind}: a letter that fails after its replay is pending again, under its id, with its replays counted`, async (t) => {
    const rig = await rigOf(t, { bus: kind });
    const event = userEvent({ correlationId: "again" });
    await rig.breakRegistry();
    await publishAll(rig.bus, [outgoing(event)]);
    const [before] = await lettersOf(rig, 1, registryOnly);
    for (const replays of [1, 2]) {
      const answer = await rig.http("POST", `/dead-letters/${before?.id}/replay`);
      t.is(answer.status, 200);
      t.is(answer.body.replays, replays);
      const [after] = await eventually(async () => {
        const letters = await lettersOf(rig, 1, `${registryOnly}&status=pending`);
        assert.equal(letters[0]?.replays, replays);
        return letters;
      });
      t.like(after, {
        id: before?.id,
        eventId: event.id,
        correlationId: "again",
        reason: "retries-exhausted",
        firstFailedAt: before?.firstFailedAt,
      });
      t.truthy(after?.lastReplayedAt);
      t.true((after?.lastFailedAt ?? "") > (before?.lastFailedAt ?? ""));
    }
    await eventually(async () =>
      assert.equal((await pendingByQueue(rig))[consumers["smtp-registry"].queue], 1),
    );
    await rig.mendRegistry();
    await rig.http("POST", `/dead-letters/${before?.id}/replay`);
    await eventually(async () => assert.equal((await letterById(rig, before?.id ?? "")).status, "replayed"));
    t.is((await letterById(rig, before?.id ?? "")).replays, 3);
    await eventually(async () =>
      assert.equal((await pendingByQueue(rig))[consumers["smtp-registry"].queue], 0),
    );
  });
}

test("dead-letters tells its health", async (t) => {
  const rig = await rigOf(t);
  t.like(await healthOf(rig, "dead-letters.health"), {
    status: "up",
    checks: { database: { status: "up" }, bus: { status: "up" } },
  });
});
