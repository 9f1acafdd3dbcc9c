/** Releases, logs, figures, alerts, and work that is shared: guarantees 4f, 10 to 14 and 16. */
import { edit, type Mutation } from "../mutation.ts";
import {
  always,
  argument,
  assignment,
  becomes,
  call,
  clause,
  condition,
  drops,
  property,
  statement,
  use,
} from "../operators.ts";

const compatibility = "test/support/gate/schema-compatibility.ts";
const releasesTest = "test/unit/schema-releases.test.ts";
const correlation = "mixins/context/correlation.ts";
const operationsTest = "test/system/operations.test.ts";

const traceTest = "test/integration/trace.test.ts";

export const operations: readonly Mutation[] = [
  {
    name: "away-is-up",
    guarantee: "61d",
    edits: [
      edit("services/ops/snapshot.ts", "gather", drops(statement("away", "set", "split"))),
      edit("services/ops/snapshot.ts", "gather", drops(statement("checks", "away", "Error"))),
    ],
    file: "test/integration/status.test.ts",
    title: "while a service is away the rest is told, and who is away is named",
  },
  {
    name: "snapshot-for-each-caller",
    guarantee: "61d",
    edits: [edit("services/ops/snapshot.ts", "snapshots", becomes(condition("last", "nowMs"), always))],
    file: "test/integration/status.test.ts",
    title: "all who ask within a second get one snapshot, and 304 while nothing else is told",
  },
  {
    name: "events-are-closed",
    guarantee: "10",
    edits: [edit("test/support/gate/schema-releases.ts", "schemaOf", becomes(property("io"), '"output"'))],
    file: releasesTest,
    title: "the repository's schemas are what the code says, and break no release",
  },
  {
    name: "old-consumers-not-asked",
    guarantee: "10",
    edits: [edit(compatibility, "breakingChanges", becomes(condition("serializer"), "false"))],
    file: releasesTest,
    title: "a required member that is removed is refused",
  },
  {
    name: "old-events-not-asked",
    guarantee: "10",
    edits: [edit(compatibility, "breakingChanges", becomes(condition("deserializer"), "false"))],
    file: releasesTest,
    title: "a new required member is refused",
  },
  {
    name: "flushes-what-nobody-reads",
    guarantee: "12b",
    edits: [edit("mixins/log/logging.ts", "standardOutput", drops(assignment("flushSync")))],
    file: "test/system/last-lines.test.ts",
    title: "on node a process ends whose last lines nobody reads, in order or at once",
  },
  {
    name: "driver-messages-logged",
    guarantee: "11",
    edits: [
      edit("mixins/log/error-text.ts", "quotesNothing", becomes(statement("constructor"), "return true;")),
    ],
    file: "test/integration/log-personal-data.test.ts",
    title: "a defect that quotes the row is logged with the request's id, and shows neither name nor address",
  },
  {
    name: "addresses-not-masked",
    guarantee: "11",
    edits: [edit("mixins/log/masking.ts", "maskAddresses", becomes(condition("@"), "false"))],
    file: "test/unit/masking.test.ts",
    title: "an address is masked as a whole wherever it stands, and a scoped package is none",
  },
  {
    name: "field-not-masked",
    guarantee: "11",
    edits: [edit("mixins/log/masking.ts", "personal", becomes(use("userFieldNames"), "$.slice(1)"))],
    file: "test/unit/masking.test.ts",
    title: "each field that a client writes of a user is masked under its name",
  },
  {
    name: "id-lost-between-processes",
    guarantee: "12a",
    edits: [edit(correlation, "callCorrelation.remoteAction", drops(call("assign")))],
    file: operationsTest,
    title:
      "every line that a request leaves in any process, also of Moleculer and of the database, has its id",
  },
  {
    name: "packets-out-of-scope",
    guarantee: "12a",
    edits: [
      edit(correlation, "callCorrelation.transitMessageHandler", becomes(condition("correlationId"), always)),
    ],
    file: operationsTest,
    title:
      "every line that a request leaves in any process, also of Moleculer and of the database, has its id",
  },
  {
    name: "shared-work-is-nobodys",
    guarantee: "12a",
    edits: [
      edit(
        "mixins/coalescing.ts",
        "coalescer.carryOut",
        becomes(argument("withCorrelations", 0), "() => []"),
      ),
    ],
    file: "test/unit/coalescing.test.ts",
    title:
      "a line of shared work carries the id of each who shares it, once, and of work for one alone its id",
  },
  {
    name: "hanging-work-holds-all",
    guarantee: "4f",
    edits: [edit("mixins/coalescing.ts", "coalescer.piece", becomes(argument("setTimeout", 0), "() => {}"))],
    file: "test/unit/coalescing.test.ts",
    title: "what waits behind work that hangs goes on without it, and what comes then goes on together again",
  },
  {
    name: "work-hangs-without-end",
    guarantee: "4f",
    edits: [edit("mixins/coalescing.ts", "coalescer.goOn", becomes(condition("piecesMax"), "false"))],
    file: "test/unit/coalescing.test.ts",
    title: "when all hang, a few pieces run at a time, and the rest goes on with the first that ends",
  },
  {
    name: "batch-is-nobodys",
    guarantee: "12a",
    edits: [edit("mixins/bus/event-consumer.ts", "applyKnown", becomes(call("forAll"), "($2)()"))],
    file: "test/unit/event-consumer.test.ts",
    title:
      "a line of a batch carries the id of each event of it, also while the batch waits for its database",
  },
  {
    name: "old-figure-is-kept",
    guarantee: "13a",
    edits: [edit("mixins/metrics/scrape.ts", "measure", drops(call("forget")))],
    file: "test/unit/metrics.test.ts",
    title: "a source that fails, or does not answer in time, shows nothing and holds up no exposition",
  },
  {
    name: "rule-of-no-metric",
    guarantee: "13b",
    edits: [
      edit(
        "docker/observability/rules/alerts.yml",
        "OutboxStuck",
        becomes(clause("outbox_oldest_age_seconds"), "outbox_oldest_age"),
      ),
    ],
    file: "test/unit/alerts.test.ts",
    title: "every alert fires on what it is for, and is quiet on what is near it",
  },
  {
    name: "published-is-forgotten",
    guarantee: "14a",
    edits: [
      edit(
        "services/outbox/sql.ts",
        "moveConfirmed",
        becomes(clause("created_at from gone"), "created_at from gone where false"),
      ),
    ],
    file: traceTest,
    title: "in-process: a write that has arrived everywhere is complete, with every step",
  },
  {
    name: "ordered-by-clock",
    guarantee: "14b",
    edits: [
      edit(
        "services/trace/facts.ts",
        "inOrder",
        becomes(call("versionOf", "a"), 'Date.parse($1.row?.writtenAt ?? "")'),
      ),
      edit(
        "services/trace/facts.ts",
        "inOrder",
        becomes(call("versionOf", "b"), 'Date.parse($1.row?.writtenAt ?? "")'),
      ),
    ],
    file: traceTest,
    title: "several writes under one id are told by user and version, each with its own verdict",
  },
  {
    name: "away-is-fine",
    guarantee: "14c",
    edits: [edit("services/trace/verdict.ts", "verdictOf", becomes(call("unknown"), "[$][1]"))],
    file: traceTest,
    title: "while a service is away the rest is told, and what can't be seen is named",
  },
  {
    name: "incomplete-is-complete",
    guarantee: "14c",
    edits: [edit("services/trace/explain.ts", "overall", becomes(argument("gapVerdicts", 0), "[]"))],
    file: traceTest,
    title: "while dead-letters alone is away a trace is not complete, and tells what the others know",
  },
  {
    name: "trace-goes-with-users",
    guarantee: "14c",
    edits: [edit("services/contracts/services.ts", "table.trace", drops(use("gateway")))],
    file: "test/system/trace.test.ts",
    title:
      "over RabbitMQ the command joins as a node, and says when the registry's process is away, or that of users",
  },
  {
    name: "note-fails-the-event",
    guarantee: "14d",
    edits: [
      edit(
        "mixins/bus/event-consumer.ts",
        "noteFailure",
        becomes(statement("errorText"), "if (cause instanceof Error) throw cause; $"),
      ),
    ],
    file: "test/unit/event-consumer.test.ts",
    title: "a failure that can't be noted is retried all the same",
  },
  {
    name: "sweep-falls-behind",
    guarantee: "16",
    edits: [edit("mixins/postgres/sweeping.ts", "untilNextRoundMs", becomes(call("min"), "$2"))],
    file: "test/unit/sweeping.test.ts",
    title: "A round has an end, and while there is a backlog the next one comes within seconds",
  },
  {
    name: "marks-of-own-batch-only",
    guarantee: "16",
    edits: [
      edit(
        "services/outbox/emptied.ts",
        "emptiedUpTo",
        becomes(
          call("set", "everything"),
          "loaded.some((each) => each.ours && each.partition === partition) && $",
        ),
      ),
    ],
    file: "test/integration/relay.test.ts",
    title:
      "the low watermark never passes a transaction that is still open, and then moves in every partition",
  },
  {
    name: "marks-stand-under-a-backlog",
    guarantee: "16",
    edits: [edit("services/outbox/emptied.ts", "emptiedUpTo", becomes(condition("cut"), "false"))],
    file: "test/unit/outbox.test.ts",
    title: "a look knows up to where it emptied each partition",
  },
  {
    name: "call-leaves-its-span",
    guarantee: "17",
    edits: [edit("mixins/context/tracing.ts", "callTracing.remoteAction", drops(assignment("traceparent")))],
    file: "test/system/tracing.test.ts",
    title: "one request through three processes over RabbitMQ is one trace",
  },
  {
    name: "failed-call-is-carried-out",
    guarantee: "18",
    edits: [
      edit(
        "mixins/moleculer/fault-injection.ts",
        "faultInjection.localAction",
        becomes(call("next"), "result"),
      ),
      edit(
        "mixins/moleculer/fault-injection.ts",
        "faultInjection.localAction",
        becomes(statement("get"), "const result = await next(ctx); $"),
      ),
    ],
    file: "test/system/fault-injection.test.ts",
    title:
      "in three processes a fault set by an operator reaches the registry's process, and all can be told",
  },
  {
    name: "frame-keeps-its-first",
    guarantee: "19",
    edits: [
      edit("mixins/moleculer/call-frames.ts", "packetsOf", becomes(assignment("at"), "at = message.length")),
    ],
    file: "test/unit/call-transporter.test.ts",
    title: "a frame gives its packets back, in order and byte for byte",
  },
  {
    name: "joining-has-no-end",
    guarantee: "24a",
    edits: [edit("services/commands/join.ts", "pace", becomes(property("maxMs"), "$ + 3_600_000"))],
    file: "test/system/commands.test.ts",
    title: "the REPL does not say that it has joined when no process of the system is at RabbitMQ",
  },
  {
    name: "joins-unprobed",
    guarantee: "24a",
    edits: [edit("services/commands/rabbitmq-probe.ts", "probe", drops(call("useAsNode")))],
    file: "test/system/commands.test.ts",
    title: "what RabbitMQ said is the reason: a virtual host that is not there, a password, a permission",
  },
  {
    name: "extra-words-are-taken",
    guarantee: "24b",
    edits: [edit("services/runtime/command-line.ts", "requireKnown", becomes(condition("extra"), "false"))],
    file: "test/unit/command-line.test.ts",
    title: "a command that takes no word refuses one",
  },
  {
    name: "consequences-are-causes",
    guarantee: "24c",
    edits: [
      edit("services/commands/doctor/findings.ts", "byCause", becomes(condition("finding", "part"), "!$")),
    ],
    file: "test/system/doctor.test.ts",
    title: "of a system over RabbitMQ the doctor finds each fault, and what to do",
  },
  {
    name: "copies-are-not-counted",
    guarantee: "24d",
    edits: [edit("services/commands/doctor/cluster.ts", "copiesFinding", becomes(argument("min", 0), "1"))],
    file: "test/unit/doctor-cluster.test.ts",
    title:
      "a queue with fewer copies than three is a problem, with the line that makes those that are missing",
  },
  {
    name: "standby-is-not-missed",
    guarantee: "24d",
    edits: [
      edit("services/commands/doctor/standby.ts", "standbyFindings", becomes(condition("isAwaited"), always)),
    ],
    file: "test/integration/database-read-only.test.ts",
    title: "on a hot standby nothing is published, and what waited goes out once when it is promoted",
  },
];
