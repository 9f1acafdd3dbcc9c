/** The verdict on a request's way as a table: given these steps, this is said; and the text that people read. */
import test from "ava";
import { traceText } from "../../services/commands/trace/text.ts";
import {
  ConsumerStep,
  type OutboxStep,
  type Trace,
  type TracedLetter,
} from "../../services/contracts/trace.ts";
import { countsOf, explain as explainPage, verdictsOf } from "../../services/trace/explain.ts";
import { eventsOf, type Facts } from "../../services/trace/facts.ts";
import { type Steps, verdictOf, worstOf } from "../../services/trace/verdict.ts";

const at = "2026-11-24T10:00:00.000Z";
const userId = "0199a000-0000-7000-8000-000000000001";
const eventId = "0199a000-0000-4000-8000-00000000000e";

const letter: TracedLetter = {
  id: "0199a000-0000-7000-8000-0000000000dd",
  queue: "smtp-registry.user-events",
  status: "pending",
  eventId,
  reason: "retries-exhausted",
  error: "DriverException P0001",
  attempts: 6,
  replays: 0,
  at,
  ageS: 90,
  discardedBy: null,
  discardReason: null,
};
const discarded: TracedLetter = {
  ...letter,
  status: "discarded",
  discardedBy: "bob",
  discardReason: "not needed",
};

const published: OutboxStep = {
  state: "published",
  writtenAt: at,
  publishedAt: at,
  attempts: 1,
  refusal: null,
  ageS: 3,
};
const pending: OutboxStep = { ...published, state: "pending", publishedAt: null, attempts: 0 };
const step = (consumer: ConsumerStep["consumer"], given: Partial<ConsumerStep> = {}): ConsumerStep => ({
  consumer,
  state: "processed",
  at,
  duplicates: 0,
  failures: 0,
  error: null,
  letter: null,
  ...given,
});
const registry = (given: Partial<ConsumerStep> = {}) => step("smtp-registry", given);
const audit = (given: Partial<ConsumerStep> = {}) => step("audit", given);
const side = (version: number, kind: "primary" | "secondary" = "primary") => ({
  version,
  addresses: [{ key: "a@b.example", address: "A@b.example", kind, state: "active" as const }],
});
const agree: Steps["addresses"] = { users: side(1), registry: side(1), state: "agree" };
const behind: Steps["addresses"] = { users: side(1), registry: null, state: "behind" };
const arrived: Steps = { userId, outbox: published, consumers: [registry(), audit()], addresses: agree };

const waiting = { state: "waiting", at: null } as const;
const retrying = { state: "retrying", at: null, failures: 2, error: "TypeError" } as const;

const table: readonly [title: string, steps: Partial<Steps>, verdict: string][] = [
  ["everything has arrived", {}, "complete"],
  ["a newer version has brought it", { consumers: [registry({ state: "superseded" }), audit()] }, "complete"],
  ["it came late", { consumers: [registry({ state: "stale" }), audit()] }, "complete"],
  ["the registry follows a newer write", { addresses: behind }, "complete"],
  ["published longer ago than is known", { outbox: { ...published, state: "forgotten" } }, "complete"],
  [
    "it waits in the outbox",
    { outbox: pending, consumers: [registry(waiting), audit(waiting)] },
    "in flight at outbox since 3 s",
  ],
  [
    "it waits there for long",
    { outbox: { ...pending, ageS: 10.1 }, consumers: [registry(waiting), audit(waiting)] },
    "stuck at outbox since 10 s",
  ],
  [
    "consumers are done and the outbox is about to let go",
    { outbox: pending },
    "in flight at outbox since 3 s",
  ],
  [
    "in process, one consumer is done and the other is not",
    { outbox: pending, consumers: [registry(waiting), audit()] },
    "in flight at smtp-registry since 3 s",
  ],
  [
    "in process, the refusal names a consumer's queue",
    {
      outbox: { ...pending, attempts: 2, refusal: "audit.user-events failed on it", ageS: 60 },
      consumers: [registry(waiting), audit(waiting)],
    },
    "stuck at audit since 60 s",
  ],
  [
    "RabbitMQ's refusal of an event that nobody has been handed names a queue",
    {
      outbox: {
        ...pending,
        attempts: 1,
        refusal:
          "not connected to RabbitMQ: ACCESS_REFUSED - access to queue 'smtp-registry.user-events' in vhost 'mail' refused for user 'ann'",
        ageS: 60,
      },
      consumers: [registry(waiting), audit(waiting)],
    },
    "stuck at outbox since 60 s",
  ],
  [
    "a consumer has not taken it yet",
    { consumers: [registry(waiting), audit()] },
    "in flight at smtp-registry since 3 s",
  ],
  [
    "a consumer does not take it",
    { outbox: { ...published, ageS: 11 }, consumers: [registry(), audit(waiting)] },
    "stuck at audit since 11 s",
  ],
  [
    "one waits and the other fails: what fails is told",
    { outbox: { ...published, ageS: 30 }, consumers: [registry(waiting), audit(retrying)] },
    "stuck at audit since 30 s",
  ],
  [
    "it is a dead letter",
    { consumers: [registry({ ...waiting, state: "dead", letter }), audit()], addresses: behind },
    "stuck at smtp-registry since 90 s",
  ],
  [
    "its dead letter was replayed long ago",
    { consumers: [registry({ ...waiting, letter: { ...letter, status: "replayed", replays: 1 } }), audit()] },
    "stuck at smtp-registry since 90 s",
  ],
  [
    "its dead letter was replayed just now",
    {
      outbox: { ...published, ageS: 900 },
      consumers: [registry({ ...waiting, letter: { ...letter, status: "replayed", ageS: 1 } }), audit()],
    },
    "in flight at smtp-registry since 1 s",
  ],
  [
    "its dead letter was discarded",
    { consumers: [registry({ ...waiting, state: "discarded", letter: discarded }), audit()] },
    "diverged at smtp-registry since 90 s",
  ],
  [
    "audit's dead letter was discarded",
    { consumers: [registry(), audit({ ...waiting, state: "discarded", letter: discarded })] },
    "diverged at audit since 90 s",
  ],
  [
    "the addresses differ",
    { addresses: { users: side(1), registry: side(1, "secondary"), state: "differ" } },
    "diverged at addresses",
  ],
  [
    "the registry is ahead",
    { addresses: { users: side(1), registry: side(7), state: "differ" } },
    "diverged at addresses",
  ],
  [
    "the addresses differ, and audit is away",
    { addresses: { ...agree, state: "differ" }, consumers: [registry(), audit({ state: "unknown" })] },
    "diverged at addresses",
  ],
  [
    "the registry is away",
    {
      consumers: [registry({ state: "unknown", at: null }), audit()],
      addresses: { ...agree, registry: null, state: "unknown" },
    },
    "unknown at smtp-registry",
  ],
  [
    "the registry is away, and it is stuck before it",
    {
      outbox: { ...pending, ageS: 20 },
      consumers: [registry({ state: "unknown", at: null }), audit(waiting)],
    },
    "stuck at outbox since 20 s",
  ],
  ["the outbox is away, all else has arrived", { outbox: { ...pending, state: "unknown" } }, "complete"],
  [
    "the outbox is away, and a consumer waits",
    { outbox: { ...pending, state: "unknown", ageS: null }, consumers: [registry(waiting), audit()] },
    "unknown at outbox",
  ],
];

const told = ({ state, at: where, sinceS }: ReturnType<typeof verdictOf>): string =>
  [state, ...(where === null ? [] : [`at ${where}`]), ...(sinceS === null ? [] : [`since ${sinceS} s`])].join(
    " ",
  );

/** What somebody has to decide on; all else comes right by itself, or has. */
const decisions: Readonly<Record<string, ReturnType<typeof verdictOf>["action"]>> = {
  "it is a dead letter": "replay",
  "its dead letter was discarded": "repair",
  "audit's dead letter was discarded": "acknowledge",
  "the addresses differ": "repair",
  "the registry is ahead": "repair",
  "the addresses differ, and audit is away": "repair",
};

for (const [title, steps, verdict] of table)
  test(`${title}: ${verdict}`, (t) => {
    const given = verdictOf({ ...arrived, ...steps });
    t.is(told(given), verdict);
    t.is(given.action, decisions[title] ?? (verdict === "complete" ? "none" : "wait"));
    t.true(given.says.length > 0 && given.next.length > 0);
  });

test("the worst of several verdicts stands for all", (t) => {
  const of = (steps: Partial<Steps>) => verdictOf({ ...arrived, ...steps });
  const [well, moving] = [of({}), of({ consumers: [registry(waiting), audit()] })];
  const apart = of({ addresses: { ...agree, state: "differ" } });
  t.is(worstOf([well, moving]), moving);
  t.is(worstOf([moving, apart, well]), apart);
  t.is(worstOf([]).state, "complete");
});

/** All on one page. */
function explain(facts: Facts, others: readonly TracedLetter[] = []): Trace | undefined {
  const events = eventsOf(facts);
  return explainPage(facts, {
    shown: events.length,
    behind: [],
    total: events.length,
    counts: countsOf(verdictsOf(events, facts)),
    letters: others,
    nextCursor: null,
  });
}

const nothing: Facts = {
  correlationId: "abc",
  outbox: { events: [] },
  requests: { answers: [], replays: [] },
  letters: { letters: [], others: [] },
  entries: [],
  audit: undefined,
  registry: undefined,
  users: undefined,
  unseen: [],
};
const note = {
  version: 2,
  action: "users.patch",
  actor: "helpdesk",
  changed: ["displayName"],
  operation: "op",
};
const row = {
  eventId,
  userId,
  type: "user.updated.v1",
  note,
  attempts: 1,
  refusal: null,
  writtenAt: at,
  publishedAt: at,
  ageS: 1,
};
const mark = { userId, version: 2, eventId: null, at: null, history: [] as number[], addresses: [] };
const facts: Facts = {
  ...nothing,
  outbox: { events: [row] },
  audit: { recorded: [{ eventId, at }], outcomes: [] },
  registry: { users: [{ ...mark, version: 3 }], outcomes: [], freedBefore: "2020-01-01T00:00:00.000Z" },
  users: { users: [{ userId, version: 3, deletedAt: null, addresses: [] }] },
};
const only = (given: Partial<Facts>) => explain({ ...facts, ...given })?.writes[0];

test("nobody knows of it: there is no trace; somebody could not be asked: it is unknown", (t) => {
  t.is(explain(nothing), undefined);
  const blind = explain({ ...nothing, outbox: undefined, unseen: [{ service: "outbox", reason: "away" }] });
  t.is(blind?.verdict.state, "unknown");
});

test("what the registry made of an event is told by its versions, not by times", (t) => {
  const stateAt = (user: Partial<typeof mark>) =>
    only({
      registry: { ...(facts.registry as NonNullable<Facts["registry"]>), users: [{ ...mark, ...user }] },
    })?.consumers[0]?.state;
  t.is(stateAt({ version: 1 }), "waiting");
  t.is(stateAt({ version: 2 }), "processed");
  t.is(stateAt({ version: 3, history: [2] }), "processed");
  t.is(stateAt({ version: 3, history: [1, 3] }), "superseded");
});

test("an answer belongs to the write whose note names it, and stands alone without one", (t) => {
  const answer = { operation: "op", action: "users.patch", replays: 2, at };
  const requests = { answers: [answer], replays: [] };
  t.like(only({ requests })?.request, { did: "PATCH /users/:id", idempotency: "answer stored", replays: 2 });
  t.is(explain({ ...facts, requests })?.writes.length, 1);
  const alone = explain({ ...nothing, requests })?.writes;
  t.like(alone, [{ transaction: null, verdict: { state: "complete" } }]);
});

test("a deleted user whose terms are over needs no tombstone in the registry", (t) => {
  const held = side(3).addresses;
  const stateOf = (deletedAt: string | null) =>
    only({ users: { users: [{ userId, version: 3, deletedAt, addresses: held }] } })?.addresses?.state;
  t.is(stateOf(null), "differ");
  t.is(stateOf("2019-01-01T00:00:00.000Z"), "agree");
  t.is(stateOf("2026-01-01T00:00:00.000Z"), "differ");
});

test("a dead letter that is no known write's is told by itself and waits for somebody", (t) => {
  const stray = explain(nothing, [{ ...letter, eventId: null }]);
  t.like(stray, {
    verdict: { state: "stuck", at: letter.queue, action: "replay" },
    letters: [{ id: letter.id }],
  });
});

test("the text tells each step, the verdict and the next action", (t) => {
  const told: Facts = {
    ...facts,
    entries: [
      {
        id: eventId,
        at,
        action: "user.updated",
        userId,
        version: 2,
        actor: "helpdesk",
        correlationId: "abc",
        changes: [{ field: "displayName", from: "Ann", to: "Bea" }],
      },
    ],
    letters: { letters: [letter], others: [] },
    registry: {
      users: [{ ...mark, version: 1 }],
      outcomes: [{ eventId, result: "retried", times: 6, error: "DriverException P0001", at, ageS: 9 }],
      freedBefore: "2020-01-01T00:00:00.000Z",
    },
    users: { users: [{ userId, version: 2, deletedAt: null, addresses: side(2).addresses }] },
    requests: {
      answers: [{ operation: "op", action: "users.patch", replays: 1, at }],
      replays: [{ action: "users.create", of: "first", times: 1, at }],
    },
  };
  const trace = explain(told, [{ ...discarded, eventId: null }]);
  t.is(
    traceText(trace as Trace),
    `trace abc: stuck at smtp-registry since 90 s
  smtp-registry gave the event up after 6 attempts: retries-exhausted (DriverException P0001); it is dead letter ${letter.id}
  → mend the cause, then POST /dead-letters/${letter.id}/replay; a replay is harmless at any time

write 1 of 1: stuck at smtp-registry since 90 s
  ✓ request        PATCH /users/:id by helpdesk: answer stored under its Idempotency-Key, given again 1 time
  ✓ transaction    user ${userId}, version 2: user.updated.v1 (event ${eventId})
                   displayName: "Ann" → "Bea"
  ✓ outbox         written ${at}, published ${at} (1 attempt)
  ✗ smtp-registry  gave it up (6 failures)
                   dead letter ${letter.id}: pending ${at}; retries-exhausted (DriverException P0001)
  ✓ audit          processed ${at}
  … addresses      users: version 2, A@b.example (primary, active)
                   registry: version 1, no address

  ✓ replay         users.create: got the stored answer of the request first, 1 time, last ${at}
  ✓ dead letter    smtp-registry.user-events, of no write that is known: dead letter ${letter.id}: discarded by bob (not needed) ${at}; retries-exhausted (DriverException P0001)`,
  );
});

test("the text names what could not be seen, and every state has its words", (t) => {
  const base = explain(facts) as Trace;
  const [write] = base.writes as [Trace["writes"][number]];
  for (const state of ConsumerStep.shape.state.options) {
    const text = traceText({ ...base, writes: [{ ...write, consumers: [registry({ state })] }] });
    t.regex(text, /^ {2}[✓…✗?] smtp-registry {2}\S/m, state);
  }
  for (const state of ["pending", "published", "forgotten", "unknown"] as const)
    t.regex(
      traceText({ ...base, writes: [{ ...write, outbox: { ...published, state } }] }),
      /^ {2}[✓…?] outbox {9}\S/m,
    );
  const partly = traceText({
    ...base,
    unseen: [{ service: "audit", reason: "can't be asked" }],
    nextCursor: "abc",
  });
  t.regex(partly, /^ {2}\? audit {10}can't be asked$/m);
  t.regex(partly, /more writes under this id: --cursor abc$/m);
  const two = traceText({
    ...base,
    writes: [write, { ...write, transaction: null, outbox: null, consumers: [], addresses: null }],
  });
  t.regex(
    two,
    /write 1 of 2: complete[\s\S]*→ nothing to do[\s\S]*write 2 of 2: complete\n.*\n.*nothing was changed/,
  );
});
