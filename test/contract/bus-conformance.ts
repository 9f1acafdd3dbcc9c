/**
 * What every bus promises (mixins/bus/port.ts), as tests that know nothing of how it keeps it. A bus that joins the
 * house runs this suite; what only one implementation can show stands in its own file.
 */
import { strict as assert } from "node:assert";
import type { TestFn } from "ava";
import type {
  BatchHandler,
  Bus,
  DeadLetter,
  Delivery,
  OutgoingMessage,
  QueueSpec,
  Verdict,
} from "../../mixins/bus/port.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import { eventually } from "../support/eventually.ts";
import { testLogger } from "../support/logs.ts";

export interface Letter {
  readonly messageId: string | undefined;
  readonly correlationId: string | undefined;
  readonly routingKey: string;
  readonly body: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  readonly lastFailedAt: Date;
}

export interface BusOptions {
  readonly queues: readonly QueueSpec[];
  readonly retryDelaysMs: readonly number[];
  readonly log: Logger;
  readonly batchMax?: number;
  readonly prefetch?: number;
}

/** How the suite gets a bus, and sees what became dead letters. */
export interface BusMaker {
  make(options: BusOptions): Bus;
  letters(queue: string): Promise<Letter[]>;
}

let cases = 0;

/** Names of one test's own. */
export function names() {
  cases += 1;
  const type = `case${cases}.created.v1`;
  return { type, queue: `case${cases}.first`, other: `case${cases}.second` };
}

export const message = (type: string, number: number): OutgoingMessage => ({
  id: `${type}-${number}`,
  type,
  correlationId: `correlation-${number}`,
  body: JSON.stringify({ number }),
});

export const messages = (type: string, count: number): OutgoingMessage[] =>
  Array.from({ length: count }, (_, number) => message(type, number));

/** A logger whose lines a test can read. */
export function linesLogger(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  return { log: testLogger({ lines }), lines };
}

/** Publishes in order, and what is refused again, until the bus has taken all. */
export async function publishAll(
  bus: Bus,
  all: readonly OutgoingMessage[],
  timeoutMs = 30_000,
): Promise<void> {
  let waiting = [...all];
  await eventually(
    async () => {
      const outcomes = await bus.publish(waiting);
      waiting = waiting.filter((_, index) => outcomes[index]?.status !== "confirmed");
      const refusal = outcomes.find((outcome) => outcome.status === "refused");
      if (refusal !== undefined) throw new Error(`Cannot publish: ${refusal.reason}`);
    },
    { timeoutMs },
  );
}

export const done: Verdict = { kind: "done" };

/** A handler that keeps what it saw, and answers each delivery as told. */
export function recorder(answer: (delivery: Delivery) => Verdict = () => done) {
  const seen: { id: string | undefined; attempts: number; at: number }[] = [];
  const batches: number[] = [];
  const handler: BatchHandler = async (batch) => {
    batches.push(batch.length);
    for (const { messageId, attempts } of batch) seen.push({ id: messageId, attempts, at: Date.now() });
    return batch.map(answer);
  };
  const ids = () => seen.map(({ id }) => id);
  return { handler, seen, batches, ids };
}

/** A handler that does not answer before it is let go. */
export function gate() {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

/** Registers the tests common to every bus. */
export function busConformance(test: TestFn, maker: BusMaker): void {
  deliveryTests(test, maker);
  failureTests(test, maker);
  letterTests(test, maker);
  lifeTests(test, maker);
}

/** Opens a bus for one test and closes it after; the test's own subscriptions are stopped first. */
export function opened(
  t: { teardown(fn: () => Promise<void>): void },
  maker: Pick<BusMaker, "make">,
  options: Partial<BusOptions> & Pick<BusOptions, "queues">,
) {
  const { log, lines } = linesLogger();
  const bus = maker.make({ retryDelaysMs: [50], log, ...options });
  const subscriptions: { stop(): Promise<void> }[] = [];
  bus.start();
  t.teardown(async () => {
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
    await bus.close();
  });
  const subscribe = (queue: string, handler: BatchHandler) => {
    const subscription = bus.subscribe(queue, handler);
    subscriptions.push(subscription);
    return subscription;
  };
  return { bus, subscribe, lines };
}

function deliveryTests(test: TestFn, maker: BusMaker): void {
  test("an event reaches every queue that is bound to its type, and no other", async (t) => {
    const { type, queue, other } = names();
    const stranger = `${queue}.stranger`;
    const queues = [
      { queue, bindings: [type] },
      { queue: other, bindings: [type] },
      { queue: stranger, bindings: [`${type}.not`] },
    ];
    const { bus, subscribe } = opened(t, maker, { queues });
    const [first, second, third] = [recorder(), recorder(), recorder()];
    subscribe(queue, first.handler);
    subscribe(other, second.handler);
    subscribe(stranger, third.handler);
    const sent = messages(type, 20);
    await publishAll(bus, sent);
    await eventually(() => {
      assert.deepEqual([first.ids(), second.ids()], [sent.map(({ id }) => id), sent.map(({ id }) => id)]);
    });
    t.is(third.seen.length, 0);
  });

  test("a delivery shows the event as it was published", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    const seen: Delivery[] = [];
    subscribe(queue, async (batch) => {
      seen.push(...batch);
      return batch.map(() => done);
    });
    const sent = { ...message(type, 0), body: '{"name":"Žofie ❤"}' };
    await publishAll(bus, [sent]);
    await eventually(() => assert.equal(seen.length, 1));
    const [delivery] = seen;
    t.like(delivery, {
      messageId: sent.id,
      correlationId: sent.correlationId,
      routingKey: type,
      attempts: 0,
    });
    t.is(Buffer.from(delivery?.body ?? []).toString(), sent.body);
  });

  test("one publisher's order is kept, in batches of at most batchMax, one at a time", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }], batchMax: 7 });
    const record = recorder();
    let running = 0;
    let runningMax = 0;
    subscribe(queue, async (batch) => {
      running += 1;
      runningMax = Math.max(runningMax, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return record.handler(batch);
    });
    const sent = messages(type, 300);
    await Promise.all([publishAll(bus, sent.slice(0, 150)), publishAll(bus, sent.slice(150))]);
    await eventually(() => {
      assert.deepEqual(
        record.ids(),
        sent.map(({ id }) => id),
      );
    });
    t.is(runningMax, 1);
    t.true(Math.max(...record.batches) <= 7);
    t.true(record.batches.length < 300, "nothing was batched");
  });

  test("an event that no queue takes is refused, never confirmed", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    const record = recorder();
    subscribe(queue, record.handler);
    await publishAll(bus, [message(type, 0)]);
    const outcomes = await bus.publish([message(type, 1), message("nobody.takes.it", 2), message(type, 3)]);
    t.deepEqual(
      outcomes.map(({ status }) => status),
      ["confirmed", "refused", "confirmed"],
    );
    t.regex((outcomes[1] as { reason: string }).reason, /unroutable/);
  });

  test("a queue that nobody declared can't be read", (t) => {
    const { type, queue, other } = names();
    const { bus } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    t.throws(() => bus.subscribe(other, recorder().handler), { message: /Cannot subscribe/ });
  });
}

function failureTests(test: TestFn, maker: BusMaker): void {
  test("a batch whose handler throws, or answers with gaps, comes again until it is done", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    const record = recorder();
    let calls = 0;
    subscribe(queue, async (batch) => {
      calls += 1;
      const verdicts = await record.handler(batch);
      if (calls === 1) throw new Error("no");
      if (calls === 2) return [];
      return calls === 3 ? verdicts.map(() => ({ kind: "requeue" })) : verdicts;
    });
    await publishAll(bus, [message(type, 0)]);
    await eventually(() => assert.ok(record.seen.length >= 4));
    t.deepEqual(
      record.seen.map(({ attempts }) => attempts),
      [0, 0, 0, 0],
    );
    t.deepEqual(await maker.letters(queue), []);
  });

  test("a failing event is retried after each delay, then dead-lettered with all that is known", async (t) => {
    const { type, queue } = names();
    const retryDelaysMs = [60, 120, 60];
    const { bus, subscribe, lines } = opened(t, maker, {
      queues: [{ queue, bindings: [type] }],
      retryDelaysMs,
    });
    const record = recorder(({ attempts }) => ({ kind: "retry", error: `failure ${attempts}` }));
    subscribe(queue, record.handler);
    const startedAt = Date.now();
    await publishAll(bus, [message(type, 0)]);
    const [letter] = await eventually(async () => {
      const found = await maker.letters(queue);
      if (found.length === 0) throw new Error("Cannot find a letter: none yet");
      return found;
    });
    t.deepEqual(
      record.seen.map(({ attempts }) => attempts),
      [0, 1, 2, 3],
    );
    for (const [index, delayMs] of retryDelaysMs.entries()) {
      const [before, after] = [record.seen[index]?.at ?? 0, record.seen[index + 1]?.at ?? 0];
      // Jitter takes a fifth at most; a millisecond is lost to rounding.
      t.true(after - before >= delayMs * 0.8 - 1, `retry ${index} came after ${after - before} ms`);
    }
    t.like(letter, {
      messageId: message(type, 0).id,
      correlationId: "correlation-0",
      routingKey: type,
      body: message(type, 0).body,
      reason: "retries-exhausted",
      error: "failure 3",
      attempts: 4,
    });
    const [firstAt, lastAt] = [letter?.firstFailedAt.getTime() ?? 0, letter?.lastFailedAt.getTime() ?? 0];
    t.true(firstAt >= startedAt && lastAt - firstAt >= 180 && lastAt <= Date.now());
    const errors = await eventually(() => {
      const found = lines.filter(({ level }) => level === 50 || level === "error");
      assert.equal(found.length, 1);
      return found;
    });
    t.like(errors[0], {
      correlationId: "correlation-0",
      eventId: message(type, 0).id,
      queue,
      reason: "retries-exhausted",
      attempts: 4,
    });
  });

  test("a dead event goes to the dead letters at once", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    const record = recorder(() => ({ kind: "dead", reason: "unparsable", error: "no JSON" }));
    subscribe(queue, record.handler);
    await publishAll(bus, [{ ...message(type, 0), body: "\u0000 no { JSON" }]);
    const letters = await eventually(async () => {
      const found = await maker.letters(queue);
      assert.equal(found.length, 1);
      return found;
    });
    t.like(letters[0], { reason: "unparsable", error: "no JSON", attempts: 1, body: "\u0000 no { JSON" });
    t.is(record.seen.length, 1);
  });

  test("a failing event holds up neither the others nor the other queue", async (t) => {
    const { type, queue, other } = names();
    const queues = [
      { queue, bindings: [type] },
      { queue: other, bindings: [type] },
    ];
    const { bus, subscribe } = opened(t, maker, { queues, retryDelaysMs: [50, 50] });
    const bad = message(type, 3).id;
    const failing = recorder(({ messageId }) => (messageId === bad ? { kind: "retry", error: "no" } : done));
    const healthy = recorder();
    subscribe(queue, failing.handler);
    subscribe(other, healthy.handler);
    const sent = messages(type, 10);
    await publishAll(bus, sent);
    await eventually(async () => assert.equal((await maker.letters(queue)).length, 1));
    t.deepEqual(
      healthy.ids(),
      sent.map(({ id }) => id),
    );
    const good = sent.map(({ id }) => id).filter((id) => id !== bad);
    t.deepEqual(
      failing.ids().filter((id) => id !== bad),
      good,
    );
    t.is(failing.ids().filter((id) => id === bad).length, 3);
  });
}

function letterTests(test: TestFn, maker: BusMaker): void {
  test("a dead letter comes to its reader until it is durable", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    subscribe(queue, recorder(() => ({ kind: "dead", reason: "unparsable", error: "no JSON" })).handler);
    const seen: DeadLetter[] = [];
    const reading = bus.deadLetters(queue, async (letters) => {
      seen.push(...letters);
      return letters.map(() => seen.length > 1);
    });
    await publishAll(bus, [message(type, 0)]);
    await eventually(() => assert.equal(seen.length, 2));
    await reading.stop();
    for (const letter of seen)
      t.like(letter, {
        queue,
        messageId: message(type, 0).id,
        correlationId: "correlation-0",
        routingKey: type,
        reason: "unparsable",
        attempts: 1,
      });
    t.deepEqual(await maker.letters(queue), []);
  });

  test("a replayed event reaches its own queue alone, as new, and is a letter of that replay when it fails", async (t) => {
    const { type, queue, other } = names();
    const queues = [
      { queue, bindings: [type] },
      { queue: other, bindings: [type] },
    ];
    const { bus, subscribe } = opened(t, maker, { queues, retryDelaysMs: [20] });
    const failing = recorder(() => ({ kind: "retry", error: "no" }));
    const stranger = recorder();
    subscribe(queue, failing.handler);
    subscribe(other, stranger.handler);
    const seen: DeadLetter[] = [];
    const reading = bus.deadLetters(queue, async (letters) => {
      seen.push(...letters);
      return letters.map(() => true);
    });
    await eventually(() => assert.ok(bus.status().connected));
    const { id: messageId, correlationId, body } = message(type, 0);
    const replayed = {
      messageId,
      correlationId,
      type,
      body: Buffer.from(body),
      headers: { tenant: "a" },
      replays: 4,
    };
    const [outcome, unknown] = [await bus.publishTo(queue, replayed), await bus.publishTo("none", replayed)];
    t.is(outcome.status, "confirmed");
    t.regex(unknown.status === "refused" ? unknown.reason : "", /unroutable/);
    await eventually(() => assert.equal(seen.length, 1));
    await reading.stop();
    t.like(seen[0], { messageId, correlationId, routingKey: type, replays: 4, reason: "retries-exhausted" });
    t.is(seen[0]?.headers?.tenant, "a");
    t.is(Buffer.from(seen[0]?.body ?? []).toString(), body);
    t.like(failing.seen[0], { id: messageId, attempts: 0 });
    t.is(stranger.seen.length, 0);
  });
}

function lifeTests(test: TestFn, maker: BusMaker): void {
  test("stop settles the batch in hand and hands back the rest, which the next reader gets", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }], batchMax: 5 });
    const { open, opened: released } = gate();
    const first = recorder();
    let answered = false;
    const subscription = subscribe(queue, async (batch) => {
      const verdicts = await first.handler(batch);
      await released;
      answered = true;
      return verdicts;
    });
    const sent = messages(type, 30);
    const published = publishAll(bus, sent);
    await eventually(() => assert.ok(first.seen.length > 0));
    const stopping = Promise.all([subscription.stop(), subscription.stop()]).then(() => answered);
    open();
    t.true(await stopping, "stop did not wait for the batch in hand");
    // Not before: what the queue still has would come to it ahead of what is handed back.
    const second = recorder();
    subscribe(queue, second.handler);
    await published;
    await eventually(() => assert.equal(first.seen.length + second.seen.length, 30));
    t.true(second.seen.length >= 25);
    t.deepEqual(
      [...first.ids(), ...second.ids()],
      sent.map(({ id }) => id),
    );
  });

  test("a reader that comes later gets what was waiting", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    const sent = messages(type, 10);
    const published = publishAll(bus, sent);
    const first = recorder();
    const subscription = subscribe(queue, first.handler);
    await eventually(() => assert.equal(first.seen.length, 10));
    await subscription.stop();
    const more = publishAll(bus, messages(type, 12).slice(10));
    const second = recorder();
    subscribe(queue, second.handler);
    await Promise.all([published, more]);
    await eventually(() =>
      assert.deepEqual(
        second.ids(),
        messages(type, 12)
          .slice(10)
          .map(({ id }) => id),
      ),
    );
    t.is(first.seen.length, 10);
  });

  test("a bus says when it is ready, and until then refuses", async (t) => {
    const { type, queue } = names();
    const { log } = linesLogger();
    const bus = maker.make({ queues: [{ queue, bindings: [type] }], retryDelaysMs: [50], log });
    t.false(bus.status().connected);
    t.is((await bus.publish([message(type, 0)]))[0]?.status, "refused");
    const ready = new Promise<void>((resolve) => void bus.onReady(resolve));
    bus.start();
    await ready;
    t.deepEqual(bus.status(), { connected: true, blocked: false });
    await bus.close();
    t.false(bus.status().connected);
  });

  test("closing at once from several sides leaves no publisher without an answer", async (t) => {
    const { type, queue } = names();
    const { bus, subscribe } = opened(t, maker, { queues: [{ queue, bindings: [type] }] });
    const record = recorder();
    const subscription = subscribe(queue, record.handler);
    await publishAll(bus, [message(type, 0)]);
    const publishing = bus.publish(messages(type, 200));
    const stopping = subscription.stop();
    const closing = [bus.close(), bus.close()];
    const outcomes = await publishing;
    t.is(outcomes.length, 200);
    await Promise.all([stopping, ...closing, bus.close()]);
    t.deepEqual(
      (await bus.publish([message(type, 0)])).map(({ status }) => status),
      ["refused"],
    );
  });
}
