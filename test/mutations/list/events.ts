/** From the commit to the consumers: guarantees 1, 3, 5 and 7. */
import type { Mutation } from "../mutation.ts";

const batch = "services/outbox/batch.ts";
const relay = "services/outbox/relay.ts";
const outboxSql = "services/outbox/sql.ts";
const relayTest = "test/integration/relay.test.ts";
const busTest = "test/contract/bus-rabbitmq.test.ts";
const projectionTest = "test/integration/registry-projection.test.ts";
const subscription = "mixins/bus/rabbitmq-subscription.ts";

export const events: readonly Mutation[] = [
  {
    name: "whole-batch-acknowledged",
    guarantee: "1d",
    edits: [
      {
        file: subscription,
        find: 'if (settlements.every(({ action }) => action === "acknowledge")) {',
        replace: 'if (settlements.some(({ action }) => action === "acknowledge")) {',
      },
    ],
    file: busTest,
    title: "a failing event holds up neither the others nor the other queue",
  },
  {
    name: "event-may-fail-alone",
    guarantee: "1a",
    edits: [
      {
        file: "services/users/commit.ts",
        find: "  const written = await run<{ keys: number }>(em, sql.saveWrites, parameters);\n",
        replace:
          '  const saved = (own: EntityManager, told: unknown[]) => run<{ keys: number }>(own, sql.saveWrites, told);\n  const told = em.transactional((own) => saved(own as EntityManager, parameters));\n  const written = await told.catch(() => saved(em, [...parameters.slice(0, 3), "[]"]));\n',
      },
    ],
    file: "test/integration/users-writes.test.ts",
    title: "an event that can't be stored undoes the user and its addresses, and frees what was reserved",
  },
  {
    name: "delete-before-confirm",
    guarantee: "1b",
    edits: [
      {
        file: batch,
        find: "  const published = await publishInOrder(bus, rows, stopping);",
        replace:
          "  await em.execute(sql.moveConfirmed, [sql.arrayLiteral(rows.map(({ id }) => id))]);\n  const published = await publishInOrder(bus, rows, stopping);",
      },
    ],
    file: relayTest,
    title: "a row is deleted only after the bus has confirmed it",
  },
  {
    name: "delete-refused-too",
    guarantee: "1b",
    edits: [
      {
        file: batch,
        find: "[sql.arrayLiteral(confirmed.map(({ id }) => id))]",
        replace: "[sql.arrayLiteral(rows.map(({ id }) => id))]",
      },
    ],
    file: relayTest,
    title: "a refused user holds back only itself and is published in order once the bus takes it",
  },
  {
    name: "mandatory-off",
    guarantee: "1c",
    edits: [
      {
        file: "mixins/bus/wire.ts",
        find: "mandatory: true,\n  messageId: message.id,",
        replace: "mandatory: false,\n  messageId: message.id,",
      },
    ],
    file: busTest,
    title: "an event that no queue takes is refused, never confirmed",
  },
  {
    name: "acknowledge-before-commit",
    guarantee: "1d",
    edits: [
      {
        file: "mixins/bus/event-consumer.ts",
        find: "const outcomes = await applyBisecting(",
        replace:
          'const outcomes = events.map((): Outcome => ({ applied: "processed" }));\n    void applyBisecting(',
      },
    ],
    file: "test/integration/audit.test.ts",
    title: "an event is confirmed only after its entry is committed",
  },
  {
    name: "retry-published-after-ack",
    guarantee: "1e",
    edits: [
      {
        file: subscription,
        find: "const properties = republishProperties(item.message, failure);",
        replace:
          "this.#acknowledge(item);\n    const properties = republishProperties(item.message, failure);",
      },
      {
        file: subscription,
        find: "    this.#acknowledge(item);\n  }\n\n  /** Publishes to a queue until confirmed",
        replace: "  }\n\n  /** Publishes to a queue until confirmed",
      },
      {
        file: subscription,
        find: "    if (!handedOn) {\n      this.#giveBack(item);\n      return;\n    }",
        replace: "    if (!handedOn) return;",
      },
    ],
    file: busTest,
    title:
      "a failed event is not acknowledged before its wait queue has taken it, so it survives the consumer",
  },
  {
    name: "copies-of-x-death",
    guarantee: "1e",
    edits: [
      {
        file: "mixins/bus/wire.ts",
        find: "const kept = Object.entries(before).filter(([name]) => !brokersOwn.test(name));",
        replace: "const kept = Object.entries(before);",
      },
    ],
    file: busTest,
    title: "what the broker wrote on a message is not published again, and what others wrote is kept",
  },
  {
    name: "no-watermark",
    guarantee: "1f",
    edits: [
      {
        file: "services/smtp-registry/sql.ts",
        find: "\n   where mark.version < excluded.version",
        replace: "",
      },
    ],
    file: projectionTest,
    title: "An update seen before its create, a repeated and a late event change nothing",
  },
  {
    name: "no-inbox",
    guarantee: "1f",
    edits: [
      {
        file: "services/audit/entries.ts",
        find: "select e.id, e.at, e.action,",
        replace: "select gen_random_uuid(), e.at, e.action,",
      },
    ],
    file: "test/integration/audit.test.ts",
    title: "in-process: an event delivered twice is one entry, in one batch or in two",
  },
  {
    name: "ids-as-text",
    guarantee: "3a",
    edits: [
      {
        file: outboxSql,
        find: "order by r.id limit :rowsMax",
        replace: "order by r.id::text limit :rowsMax",
      },
    ],
    file: relayTest,
    title: "a user's backlog leaves in the order of its versions",
  },
  {
    name: "on-after-a-refusal",
    guarantee: "3a",
    edits: [
      {
        file: "services/outbox/publish.ts",
        find: "retryAfterMs: outcome?.retryAfterMs });\n        waiting.delete(row.aggregateId);",
        replace:
          "retryAfterMs: outcome?.retryAfterMs });\n        const rest = (waiting.get(row.aggregateId) ?? []).slice(1);\n        if (rest.length > 0) waiting.set(row.aggregateId, rest);\n        else waiting.delete(row.aggregateId);",
      },
    ],
    file: "test/unit/outbox.test.ts",
    title: "a user's rows go out in order and none goes out after a refused one, whatever the bus answers",
  },
  {
    name: "low-watermark-too-early",
    guarantee: "3a",
    edits: [
      {
        file: "services/outbox/watermark.ts",
        find: "    if (candidate !== undefined && xmin < candidate.nextXid) return;\n",
        replace: "",
      },
    ],
    file: relayTest,
    title:
      "the low watermark never passes a transaction that is still open, and then moves in every partition",
  },
  {
    name: "low-watermark-by-xmax",
    guarantee: "3a",
    edits: [
      {
        file: "services/outbox/sql.ts",
        find: '(pg_snapshot_xmax(s)::text::bigint + age(pg_snapshot_xmax(s)::xid))::text as "nextXid"',
        replace: 'pg_snapshot_xmax(s)::text as "nextXid"',
      },
    ],
    file: relayTest,
    title:
      "the low watermark never passes a transaction that is still open, and then moves in every partition",
  },
  {
    name: "idle-relay-trusts-its-marks",
    guarantee: "1g",
    edits: [
      {
        file: "services/outbox/relay.ts",
        find: "const marks = watermarks.marksOfLook();",
        replace: "const marks = watermarks.safe();",
      },
    ],
    file: relayTest,
    title: "a row that came below the marks leaves a relay to which nobody tells anything",
  },
  {
    name: "slow-batch-is-repeated",
    guarantee: "1h",
    edits: [
      {
        file: "mixins/bus/event-consumer.ts",
        find: "        if (events.length > 1 && isStatementTimeout(error)) throw error;\n",
        replace: "        if (isStatementTimeout(error)) outages += 0;\n",
      },
    ],
    file: "test/unit/event-consumer.test.ts",
    title: "a batch that takes the database too long is halved until each part takes its effect",
  },
  {
    name: "late-event-counts",
    guarantee: "3b",
    edits: [
      {
        file: "services/smtp-registry/sql.ts",
        find: "array_agg(user_id)::text, true) from advanced",
        replace: "array_agg(user_id)::text, true) from v",
      },
    ],
    file: projectionTest,
    title: "Whatever the order of a user's events and their repeats, addresses and history end the same",
  },
  {
    name: "nudges-only",
    guarantee: "5",
    edits: [
      {
        file: relay,
        find: "await this.#alarm.wait(Math.ceil(waitMs), this.#confirmed, this.#soon.signal)",
        replace:
          'await this.#alarm.wait(last === "full" ? Math.ceil(waitMs) : 2 ** 31 - 1, 0, this.#soon.signal)',
      },
    ],
    file: relayTest,
    title: "an event of which nobody told the relay leaves by its next poll",
  },
  {
    name: "publish-while-away",
    guarantee: "5",
    edits: [
      {
        file: relay,
        find: "    if (!this.#busIsReady()) {\n      this.#tellBusFault(publishFault(this.#options.bus));",
        replace:
          "    if (held.size > heldUsersMax) {\n      this.#tellBusFault(publishFault(this.#options.bus));",
      },
    ],
    file: relayTest,
    title: "events wait in the outbox while the bus is away and leave by themselves when it is back",
  },
  {
    name: "no-partition-lock",
    guarantee: "7",
    edits: [
      {
        file: outboxSql,
        find: "pg_try_advisory_xact_lock(:lockClass, l.partition::int)",
        replace: "(:lockClass::int, l.partition::int) is not null",
      },
    ],
    file: relayTest,
    title: "several relays share the work: while nothing fails, each event is published once",
  },
];
