/** A clean run has no violation; each thing that can go wrong is noticed by the check that is for it. */
import test from "ava";
import type { UserEvent } from "../../services/contracts/events.ts";
import type { Facts } from "../chaos/facts.ts";
import { violationsOf } from "../chaos/invariants.ts";
import { Journal, type Operation } from "../chaos/journal.ts";

const ann = "0193a000-0000-7000-8000-000000000001";
const bob = "0193a000-0000-7000-8000-000000000002";
const at = "2026-01-01T00:00:00.000Z";

const operation = (id: string, more: Partial<Operation>): Operation => ({
  id,
  client: 0,
  kind: "create",
  userId: undefined,
  certain: true,
  request: {},
  startedMs: 0,
  endedMs: 1,
  attempts: 1,
  ambiguous: false,
  outcome: "acknowledged",
  ...more,
});

const answer = { id: ann, displayName: "two", primarySmtp: "a@x.example", secondarySmtps: [], version: 2 };

function cleanJournal(): Journal {
  const journal = new Journal();
  journal.operations.push(
    operation("create-a", { answer: { ...answer, displayName: "one", version: 1 } }),
    operation("rename-a", { kind: "rename", userId: ann, startedMs: 2, endedMs: 3, answer }),
    operation("create-b", {
      startedMs: 4,
      endedMs: 5,
      answer: { id: bob, displayName: "b", primarySmtp: "b@x.example", secondarySmtps: [], version: 1 },
    }),
  );
  return journal;
}

const created = (displayName: string, primarySmtp: string) => [
  { field: "displayName", from: null, to: displayName },
  { field: "primarySmtp", from: null, to: primarySmtp },
  { field: "secondarySmtps", from: null, to: [] },
];

const delivery = (subject: string, sequence: number): UserEvent =>
  ({ id: `${subject}-${sequence}`, subject, sequence }) as UserEvent;

/** Two users: ann, created and renamed, and bob, created. */
function cleanFacts() {
  const user = { secondarySmtps: [], deletedAt: null };
  return {
    users: [
      { ...user, id: ann, displayName: "two", primarySmtp: "a@x.example", version: 2 },
      { ...user, id: bob, displayName: "b", primarySmtp: "b@x.example", version: 1 },
    ],
    guards: [
      { key: "a@x.example", userId: ann },
      { key: "b@x.example", userId: bob },
    ],
    audit: [
      {
        id: "1",
        userId: ann,
        version: 1,
        action: "user.created",
        correlationId: "create-a",
        changes: created("one", "a@x.example"),
      },
      {
        id: "2",
        userId: ann,
        version: 2,
        action: "user.updated",
        correlationId: "rename-a",
        changes: [{ field: "displayName", from: "one", to: "two" }],
      },
      {
        id: "3",
        userId: bob,
        version: 1,
        action: "user.created",
        correlationId: "create-b",
        changes: created("b", "b@x.example"),
      },
    ],
    answers: ["create-a", "rename-a", "create-b"],
    addresses: [
      {
        key: "a@x.example",
        address: "a@x.example",
        userId: ann,
        kind: "primary",
        status: "active",
        expiresAt: null,
      },
      {
        key: "b@x.example",
        address: "b@x.example",
        userId: bob,
        kind: "primary",
        status: "active",
        expiresAt: null,
      },
    ],
    watermarks: [
      { userId: ann, version: 2 },
      { userId: bob, version: 1 },
    ],
    ledger: [
      { userId: ann, version: 1, key: "a@x.example" },
      { userId: bob, version: 1, key: "b@x.example" },
    ],
    deliveries: [delivery(ann, 1), delivery(bob, 1), delivery(ann, 1), delivery(ann, 2)],
    outbox: 0,
    deadLetters: [] as Facts["deadLetters"],
    queued: {} as Record<string, number>,
    readAt: at,
  } satisfies Facts;
}

type Tampering = (facts: ReturnType<typeof cleanFacts>, journal: Journal) => Partial<Facts> | undefined;

const checksOf = (tamper: Tampering): string[] => {
  const [journal, facts] = [cleanJournal(), cleanFacts()];
  const changed = { ...facts, ...tamper(facts, journal) };
  return violationsOf(journal, changed, { ttlMs: 1_000, skewMaxMs: 0 }).map(({ check }) => check);
};

test("a run in which all is well has no violation, though deliveries were repeated", (t) => {
  t.deepEqual(
    checksOf(() => undefined),
    [],
  );
});

/** As if ann's second version had been written after a failover, and had got this number. */
const renumbered =
  (version: number): Tampering =>
  ({ users, audit, watermarks, deliveries }, journal) => {
    for (const each of journal.operations)
      if (each.answer?.version === 2) each.answer = { ...each.answer, version };
    const second = <T extends { version: number }>(rows: readonly T[]): T[] =>
      rows.map((row) => (row.version === 2 ? { ...row, version } : row));
    return {
      users: second(users),
      audit: second(audit),
      watermarks: second(watermarks),
      deliveries: deliveries.map((each) => (each.sequence === 2 ? { ...each, sequence: version } : each)),
    };
  };

test("a step to the first version of a generation is no gap, and one to any other is", (t) => {
  t.deepEqual(checksOf(renumbered(3_000_000)), []);
  t.deepEqual(checksOf(renumbered(3_000_001)), [
    "the audit log has each version once",
    "an observer got each version, in order",
  ]);
  t.deepEqual(checksOf(renumbered(3)), [
    "the audit log has each version once",
    "an observer got each version, in order",
  ]);
});

test("what an operator's repair tells again is nobody's request, and stands for the history before it", (t) => {
  const repair: Tampering = ({ answers, audit, ledger }, journal) => {
    journal.repairs.add("repair");
    const [operation] = journal.operations.splice(1, 1);
    return {
      answers: answers.filter((key) => key !== operation?.id),
      audit: audit.map((entry) =>
        entry.correlationId === operation?.id ? { ...entry, correlationId: "repair" } : entry,
      ),
      ledger: without(ledger, 0),
    };
  };
  t.deepEqual(checksOf(repair), []);
});

const without = <T>(items: readonly T[], index: number): T[] => items.filter((_, each) => each !== index);

const tamperings: readonly [title: string, check: string, tamper: Tampering][] = [
  ["a lost write", "what was acknowledged is there once", ({ audit }) => ({ audit: without(audit, 1) })],
  [
    "a write that took effect twice",
    "nothing happened that nobody asked for",
    ({ audit }) => ({ audit: [...audit, ...audit.slice(2).map((entry) => ({ ...entry, version: 2 }))] }),
  ],
  [
    "a user whom nobody asked for",
    "nothing happened that nobody asked for",
    (_, journal) => void journal.operations.pop(),
  ],
  [
    "a refusal that took effect",
    "nothing happened that nobody asked for",
    (_, journal) =>
      void Object.assign(journal.operations[1] ?? {}, { outcome: "refused", problem: "address-taken" }),
  ],
  [
    "an effect whose answer was not stored",
    "nothing happened that nobody asked for",
    ({ answers }) => ({ answers: without(answers, 0) }),
  ],
  [
    "an older acknowledgement with a newer version",
    "versions follow the order of acknowledgements",
    (_, journal) => void Object.assign(journal.operations[0] ?? {}, { startedMs: 10, endedMs: 11 }),
  ],
  [
    "a user that was denied",
    "refusals are true",
    (_, journal) =>
      void journal.operations.push(
        operation("x", { kind: "rename", userId: bob, outcome: "refused", problem: "not-found" }),
      ),
  ],
  [
    "an operation without a definite answer",
    "refusals are true",
    (_, journal) =>
      void journal.operations.push(operation("x", { kind: "rename", userId: bob, outcome: "open" })),
  ],
  [
    "a defect shown to a client",
    "refusals are true",
    (_, journal) =>
      journal.attempted({ operation: "x", atMs: 1, tookMs: 1, status: 500, text: "" }) as undefined,
  ],
  [
    "a doubled audit entry",
    "the audit log has each version once",
    ({ audit }) => ({ audit: [...audit, ...audit.slice(2).map((entry) => ({ ...entry, id: "4" }))] }),
  ],
  [
    "two users with one address, written differently",
    "no two users share an address",
    ({ users }) => ({ users: users.map((user) => ({ ...user, secondarySmtps: [`Shared@X.example`] })) }),
  ],
  [
    "an address that is not guarded",
    "no two users share an address",
    ({ guards }) => ({ guards: without(guards, 0) }),
  ],
  [
    "an event that the registry missed",
    "the registry agrees with users",
    ({ addresses }) => ({ addresses: without(addresses, 0) }),
  ],
  [
    "a watermark that stayed behind",
    "the registry agrees with users",
    ({ watermarks }) => ({ watermarks: watermarks.map((mark) => ({ ...mark, version: 1 })) }),
  ],
  [
    "a hold for ever",
    "no hold outlives its term",
    ({ addresses }) => ({
      addresses: [
        ...addresses,
        {
          key: "c@x.example",
          address: "c@x.example",
          userId: bob,
          kind: "primary",
          status: "reserved",
          expiresAt: "2027-01-01T00:00:00.000Z",
        },
      ],
    }),
  ],
  [
    "a gap in the history of addresses",
    "the history of addresses is complete",
    ({ ledger }) => ({ ledger: without(ledger, 0) }),
  ],
  [
    "an event that was never delivered",
    "an observer got each version, in order",
    ({ deliveries }) => ({ deliveries: without(deliveries, 1) }),
  ],
  [
    "events out of order",
    "an observer got each version, in order",
    ({ deliveries }) => ({ deliveries: deliveries.toReversed() }),
  ],
  ["an event left in the outbox", "nothing is left on the way", () => ({ outbox: 1 })],
  [
    "a dead letter",
    "nothing is left on the way",
    () => ({ deadLetters: [{ queue: "audit.user-events", reason: "retries-exhausted", error: "Error" }] }),
  ],
];

for (const [title, check, tamper] of tamperings)
  test(`${title} is noticed`, (t) => {
    t.true(checksOf(tamper).includes(check), checksOf(tamper).join(", "));
  });
