/** From the commit to the consumers: guarantees 1, 3, 5 and 7. */
import { edit, type Mutation } from "../mutation.ts";
import { argument, becomes, call, clause, condition, drops, property, statement, use } from "../operators.ts";

const batch = "services/outbox/claim-batch.ts";
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
    edits: [edit(subscription, "RabbitSubscription.#settle", becomes(use("every"), "some"))],
    file: busTest,
    title: "a failing event holds up neither the others nor the other queue",
  },
  {
    name: "event-may-fail-alone",
    guarantee: "1a",
    edits: [
      edit(
        "services/users/commit.ts",
        "save",
        becomes(
          call("run"),
          "em.transactional((own) => run(own as EntityManager, $2)).catch(() => run($1, sql.saveWrites({ lockTimeout, writes, freed, events: [] })))",
        ),
      ),
    ],
    file: "test/integration/users-writes.test.ts",
    title: "an event that can't be stored undoes the user and its addresses, and frees what was reserved",
  },
  {
    name: "delete-before-confirm",
    guarantee: "1b",
    edits: [
      edit(
        batch,
        "runBatch",
        becomes(call("publishInOrder"), "run(em, sql.moveConfirmed($2.map(({ id }) => id))).then(() => $)"),
      ),
    ],
    file: relayTest,
    title: "a row is deleted only after the bus has confirmed it",
  },
  {
    name: "delete-refused-too",
    guarantee: "1b",
    edits: [edit(batch, "runBatch", becomes(argument("moveConfirmed", 0), "rows.map(({ id }) => id)"))],
    file: relayTest,
    title: "a refused user holds back only itself and is published in order once the bus takes it",
  },
  {
    name: "mandatory-off",
    guarantee: "1c",
    edits: [edit("mixins/bus/wire.ts", "eventProperties", becomes(property("mandatory"), "false"))],
    file: busTest,
    title: "an event that no queue takes is refused, never confirmed",
  },
  {
    name: "acknowledge-before-commit",
    guarantee: "1d",
    edits: [
      edit(
        "mixins/bus/event-consumer.ts",
        "eventHandler",
        becomes(call("applyBisecting"), '(void $, $1.map((): Outcome => ({ applied: "processed" })))'),
      ),
    ],
    file: "test/integration/audit.test.ts",
    title: "an event is confirmed only after its entry is committed",
  },
  {
    name: "retry-published-after-ack",
    guarantee: "1e",
    edits: [
      edit(subscription, "RabbitSubscription.#replace", drops(call("#acknowledge"))),
      edit(
        subscription,
        "RabbitSubscription.#replace",
        becomes(call("republishProperties"), "(this.#acknowledge(item), $)"),
      ),
      edit(subscription, "RabbitSubscription.#replace", drops(call("#giveBack"))),
    ],
    file: busTest,
    title:
      "a failed event is not acknowledged before its wait queue has taken it, so it survives the consumer",
  },
  {
    name: "copies-of-x-death",
    guarantee: "1e",
    edits: [edit("mixins/bus/wire.ts", "republishProperties", becomes(argument("filter", 0), "() => true"))],
    file: busTest,
    title: "what the broker wrote on a message is not published again, and what others wrote is kept",
  },
  {
    name: "no-watermark",
    guarantee: "1f",
    edits: [
      edit(
        "services/smtp-registry/projection-sql.ts",
        "advanceWatermarks",
        drops(clause("where mark.version < excluded.version")),
      ),
    ],
    file: projectionTest,
    title: "An update seen before its create, a repeated and a late event change nothing",
  },
  {
    name: "no-inbox",
    guarantee: "1f",
    edits: [
      edit(
        "services/audit/entries.ts",
        "appendEntries",
        becomes(clause("select e.id, e.at"), "select gen_random_uuid(), e.at"),
      ),
    ],
    file: "test/integration/audit.test.ts",
    title: "in-process: an event delivered twice is one entry, in one batch or in two",
  },
  {
    name: "ids-as-text",
    guarantee: "3a",
    edits: [
      edit(outboxSql, "readBatch", becomes(clause("order by r.id limit"), "order by r.id::text limit")),
    ],
    file: relayTest,
    title: "a user's backlog leaves in the order of its versions",
  },
  {
    name: "on-after-a-refusal",
    guarantee: "3a",
    edits: [
      edit(
        "services/outbox/publish.ts",
        "publishInOrder",
        becomes(
          statement("retryAfterMs"),
          "$ const rest = (waiting.get(row.aggregateId) ?? []).slice(1); if (rest.length > 0) { waiting.set(row.aggregateId, rest); continue; }",
        ),
      ),
    ],
    file: "test/unit/outbox.test.ts",
    title: "a user's rows go out in order and none goes out after a refused one, whatever the bus answers",
  },
  {
    name: "low-watermark-too-early",
    guarantee: "3a",
    edits: [
      edit("services/outbox/watermark.ts", "lowWatermarks.settle", becomes(condition("xmin"), "false")),
    ],
    file: relayTest,
    title:
      "the low watermark never passes a transaction that is still open, and then moves in every partition",
  },
  {
    name: "low-watermark-by-xmax",
    guarantee: "3a",
    edits: [
      edit(
        outboxSql,
        "readSnapshot",
        becomes(
          clause("pg_snapshot_xmax(s)::text::bigint + age(pg_snapshot_xmax(s)::xid)"),
          "pg_snapshot_xmax(s)::text",
        ),
      ),
    ],
    file: relayTest,
    title:
      "the low watermark never passes a transaction that is still open, and then moves in every partition",
  },
  {
    name: "idle-relay-trusts-its-marks",
    guarantee: "1g",
    edits: [edit(relay, "Relay.#isEmpty", becomes(use("marksOfLook"), "safe"))],
    file: relayTest,
    title: "a row that came below the marks leaves a relay to which nobody tells anything",
  },
  {
    name: "slow-batch-is-repeated",
    guarantee: "1h",
    edits: [
      edit("mixins/bus/event-consumer.ts", "eventHandler", becomes(condition("isStatementTimeout"), "false")),
    ],
    file: "test/unit/event-consumer.test.ts",
    title: "a batch that takes the database too long is halved until each part takes its effect",
  },
  {
    name: "late-event-counts",
    guarantee: "3b",
    edits: [
      edit(
        "services/smtp-registry/projection-sql.ts",
        "advanceWatermarks",
        becomes(
          clause("array_agg(user_id)::text, true) from advanced"),
          "array_agg(user_id)::text, true) from v",
        ),
      ),
    ],
    file: projectionTest,
    title: "Whatever the order of a user's events and their repeats, addresses and history end the same",
  },
  {
    name: "nudges-only",
    guarantee: "5",
    edits: [
      edit(relay, "Relay.#run", becomes(argument("wait", 0), 'last === "full" ? $ : 2 ** 31 - 1')),
      edit(relay, "Relay.#run", becomes(argument("wait", 1), "0")),
    ],
    file: relayTest,
    title: "an event of which nobody told the relay leaves by its next poll",
  },
  {
    name: "publish-while-away",
    guarantee: "5",
    edits: [edit(relay, "Relay.#measureAndDeliver", becomes(condition("#busIsReady"), "false"))],
    file: relayTest,
    title: "events wait in the outbox while the bus is away and leave by themselves when it is back",
  },
  {
    name: "no-partition-lock",
    guarantee: "7",
    edits: [
      edit(
        outboxSql,
        "claimPartitions",
        becomes(
          clause("pg_try_advisory_xact_lock(…, l.partition::int)"),
          "(…::int, l.partition::int) is not null",
        ),
      ),
    ],
    file: relayTest,
    title: "several relays share the work: while nothing fails, each event is published once",
  },
];
