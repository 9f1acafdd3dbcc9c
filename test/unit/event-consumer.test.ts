import test from "ava";
import fc from "fast-check";
import { type ApplyEvents, eventHandler } from "../../mixins/bus/event-consumer.ts";
import { currentCorrelation } from "../../mixins/context/correlation.ts";
import { type Metrics, processMetrics } from "../../mixins/metrics/metrics.ts";
import { Unavailable } from "../../services/contracts/errors.ts";
import { delivery, userEvent } from "../support/events.ts";
import { testLogger } from "../support/logs.ts";

const retryDelaysMs = [10, 20];

function handlerOf(
  apply: ApplyEvents,
  options: { metrics?: Metrics; signal?: AbortSignal; lines?: string[] } = {},
) {
  const { metrics = processMetrics(), signal = new AbortController().signal, lines = [] } = options;
  const log = testLogger({ written: lines });
  return eventHandler({ name: "test", queue: "q", retryDelaysMs, log, metrics, apply }, signal);
}

async function counted(metrics: Metrics): Promise<Record<string, number>> {
  const { values } = await metrics.eventsProcessed.get();
  return Object.fromEntries(values.map(({ labels, value }) => [`${labels.type} ${labels.result}`, value]));
}

test("exactly the poison events are refused and every other one is applied once, whatever the batch", async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 12 }), async (poisons) => {
      const events = poisons.map(() => userEvent());
      const poison = new Set(events.filter((_, index) => poisons[index]).map(({ id }) => id));
      const applied: string[] = [];
      const handle = handlerOf(async (batch) => {
        if (batch.some(({ id }) => poison.has(id))) throw new TypeError("poison");
        applied.push(...batch.map(({ id }) => id));
        return batch.map(() => "processed");
      });
      const verdicts = await handle(events.map((event) => delivery(event)));
      t.deepEqual(
        verdicts.map(({ kind }) => kind),
        poisons.map((isPoison) => (isPoison ? "retry" : "done")),
      );
      t.deepEqual(
        applied,
        events.map(({ id }) => id).filter((id) => !poison.has(id)),
      );
    }),
    { numRuns: 20 },
  );
});

test("what is no event that the consumer knows is dead at once, and the reason tells no value", async (t) => {
  const metrics = processMetrics();
  const handle = handlerOf(async (batch) => batch.map(() => "processed"), { metrics });
  const event = userEvent();
  const broken = { ...event, time: "secret@example.com" };
  const verdicts = await handle([
    delivery("{"),
    delivery({ ...event, type: "user.vanished.v9" }),
    delivery(broken),
    delivery("null"),
    delivery({ ...event, somethingNew: { a: 1 } }),
  ]);
  t.like(verdicts, [
    { kind: "dead", reason: "not-json" },
    { kind: "dead", reason: "unknown-type" },
    { kind: "dead", reason: "invalid-event", error: "time: invalid_format" },
    { kind: "dead", reason: "unknown-type" },
    { kind: "done" },
  ]);
  t.deepEqual(await counted(metrics), { "unknown dead": 4, "user.updated.v1 processed": 1 });
});

test("a failing event is tried three times at once and its error text holds no value", async (t) => {
  const metrics = processMetrics();
  let tries = 0;
  const lines: string[] = [];
  const apply = async () => {
    tries += 1;
    throw Object.assign(new Error("Key (smtp)=(ann@example.com) exists"), {
      code: "23505",
      constraint: "smtp_key",
    });
  };
  const handle = handlerOf(apply, { metrics, lines });
  const first = await handle([delivery(userEvent())]);
  t.deepEqual(first, [{ kind: "retry", error: "Error 23505 constraint=smtp_key" }]);
  t.is(tries, 3);
  await handle([delivery(userEvent(), retryDelaysMs.length)]);
  t.deepEqual(await counted(metrics), { "user.updated.v1 retried": 1, "user.updated.v1 dead": 1 });
  t.false(lines.join("").includes("ann@example.com"));
});

test("a batch that takes the database too long is halved until each part takes its effect", async (t) => {
  const tried: number[] = [];
  const stop = new AbortController();
  const apply: ApplyEvents = async (batch) => {
    if (tried.push(batch.length) > 7) stop.abort();
    if (batch.length < 3) return batch.map(() => "processed");
    const cause = Object.assign(new Error("canceling statement due to statement timeout"), { code: "57014" });
    throw new Unavailable("database", "The database can't be reached", { cause });
  };
  const handle = handlerOf(apply, { signal: stop.signal });
  const verdicts = await handle(Array.from({ length: 8 }, () => delivery(userEvent())));
  t.true(verdicts.every(({ kind }) => kind === "done"));
  t.deepEqual(tried, [8, 4, 2, 2, 4, 2, 2]);
});

test("a failure that can't be noted is retried all the same", async (t) => {
  const told: unknown[] = [];
  const handle = eventHandler(
    {
      name: "test",
      queue: "q",
      retryDelaysMs,
      log: testLogger(),
      metrics: processMetrics(),
      apply: () => Promise.reject(new TypeError("no")),
      async failed(event, failures, error) {
        told.push([event.id, failures, error]);
        throw new Unavailable("database", "The database can't be reached");
      },
    },
    new AbortController().signal,
  );
  const event = userEvent();
  const verdicts = await handle([delivery(event, 1)]);
  t.like(verdicts, [{ kind: "retry" }]);
  t.like(told, [[event.id, 2]]);
});

test("an event that succeeds when tried again is done", async (t) => {
  let tries = 0;
  const handle = handlerOf(async (batch) => {
    tries += 1;
    if (tries < 3) throw new Error("not yet");
    return batch.map(() => "stale");
  });
  t.deepEqual(await handle([delivery(userEvent())]), [{ kind: "done" }]);
});

test("a transaction that lost against another is repeated with the same batch", async (t) => {
  const sizes: number[] = [];
  const handle = handlerOf(async (batch) => {
    sizes.push(batch.length);
    if (sizes.length <= 3) throw Object.assign(new Error("deadlock"), { code: "40P01" });
    return batch.map(() => "processed");
  });
  const verdicts = await handle([delivery(userEvent()), delivery(userEvent())]);
  t.deepEqual(verdicts, [{ kind: "done" }, { kind: "done" }]);
  t.deepEqual(sizes, [2, 2, 2, 2]);
});

test("a database that can't be reached is waited for and counts as no failure of the event", async (t) => {
  const metrics = processMetrics();
  let tries = 0;
  const apply: ApplyEvents = async (batch) => {
    tries += 1;
    if (tries < 3) throw new Unavailable("database", "The database can't be reached");
    return batch.map(() => "processed");
  };
  const handle = handlerOf(apply, { metrics });
  t.deepEqual(await handle([delivery(userEvent()), delivery(userEvent())]), [
    { kind: "done" },
    { kind: "done" },
  ]);
  t.deepEqual(await counted(metrics), { "user.updated.v1 processed": 2 });
});

test("a consumer that stops while its database is away gives the batch back untouched", async (t) => {
  const metrics = processMetrics();
  const stopping = new AbortController();
  const apply = async () => {
    stopping.abort();
    throw new Unavailable("database", "The database can't be reached");
  };
  const handle = handlerOf(apply, { metrics, signal: stopping.signal });
  t.deepEqual(await handle([delivery(userEvent()), delivery("{")]), [
    { kind: "requeue" },
    { kind: "dead", reason: "not-json", error: "the body is not JSON in UTF-8" },
  ]);
});

test("no verdict is given before apply has committed", async (t) => {
  let commit: () => void = () => {};
  const committed = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let applying: () => void = () => {};
  const began = new Promise<void>((resolve) => {
    applying = resolve;
  });
  const handle = handlerOf(async (batch) => {
    applying();
    await committed;
    return batch.map(() => "processed");
  });
  let answered = false;
  const verdicts = Promise.resolve(handle([delivery(userEvent())])).finally(() => {
    answered = true;
  });
  await began;
  await new Promise((resolve) => setImmediate(resolve));
  t.false(answered, "acknowledged before the commit");
  commit();
  t.deepEqual(await verdicts, [{ kind: "done" }]);
});

test("each event is handled and logged under its own correlation", async (t) => {
  const lines: string[] = [];
  const seen: (string | undefined)[] = [];
  const log = testLogger({ written: lines });
  const apply: ApplyEvents = async (batch) => {
    seen.push(currentCorrelation()?.correlationId);
    return batch.map(() => "processed");
  };
  const metrics = processMetrics();
  const handle = eventHandler(
    { name: "test", queue: "q", retryDelaysMs, log, metrics, apply },
    new AbortController().signal,
  );
  const [one, two] = [userEvent({ correlationId: "c-1" }), userEvent({ correlationId: "c-2" })];
  await handle([delivery(one)]);
  await handle([delivery(one), delivery(two)]);
  t.deepEqual(seen, ["c-1", undefined]);
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(
    told.map(({ correlationId, eventId, userId }) => [correlationId, eventId, userId]),
    [one, one, two].map((event) => [event.correlationid, event.id, event.subject]),
  );
});

test("a line of a batch carries the id of each event of it, also while the batch waits for its database", async (t) => {
  const events = [userEvent(), userEvent()].map((event, n) => ({ ...event, correlationid: `request-${n}` }));
  const written: string[] = [];
  const log = testLogger({ written });
  let calls = 0;
  const apply: ApplyEvents = async (batch) => {
    calls += 1;
    if (calls === 1) throw new Unavailable("database", "away");
    log.debug("a statement");
    return batch.map(() => "processed");
  };
  await handlerOf(apply, { lines: written })(events.map((event) => delivery(event)));
  const lines = written.map((line) => JSON.parse(line));
  for (const msg of ["consumer waits for its database", "a statement"])
    t.deepEqual(lines.find((line) => line.msg === msg)?.correlationIds, ["request-0", "request-1"]);
  t.deepEqual(
    lines.filter(({ msg }) => msg === "event handled").map(({ correlationId }) => correlationId),
    ["request-0", "request-1"],
  );
});
