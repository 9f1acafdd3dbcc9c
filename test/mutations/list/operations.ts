/** Releases, logs, figures, alerts, and work that is shared: guarantees 4f, 10 to 14 and 16. */
import type { Mutation } from "../mutation.ts";

const compatibility = "test/support/gate/schema-compatibility.ts";
const releasesTest = "test/unit/schema-releases.test.ts";
const correlation = "mixins/context/correlation.ts";
const operationsTest = "test/system/operations.test.ts";

const traceTest = "test/integration/trace.test.ts";

export const operations: readonly Mutation[] = [
  {
    name: "events-are-closed",
    guarantee: "10",
    edits: [
      {
        file: "test/support/gate/schema-releases.ts",
        find: 'z.toJSONSchema(eventSchemas[type], { io: "input",',
        replace: 'z.toJSONSchema(eventSchemas[type], { io: "output",',
      },
    ],
    file: releasesTest,
    title: "the repository's schemas are what the code says, and break no release",
  },
  {
    name: "old-consumers-not-asked",
    guarantee: "10",
    edits: [
      {
        file: compatibility,
        find: 'if (!check_compat(old, now, "serializer"))',
        replace: 'if (release === "" && !check_compat(old, now, "serializer"))',
      },
    ],
    file: releasesTest,
    title: "a required member that is removed is refused",
  },
  {
    name: "old-events-not-asked",
    guarantee: "10",
    edits: [
      {
        file: compatibility,
        find: 'if (!check_compat(old, now, "deserializer"))',
        replace: 'if (release === "" && !check_compat(old, now, "deserializer"))',
      },
    ],
    file: releasesTest,
    title: "a new required member is refused",
  },
  {
    name: "driver-messages-logged",
    guarantee: "11",
    edits: [
      {
        file: "mixins/log/error-text.ts",
        find: '  return error.constructor === Error && error.name === "Error";',
        replace: "  return true;",
      },
    ],
    file: "test/integration/log-personal-data.test.ts",
    title: "a defect that quotes the row is logged with the request's id, and shows neither name nor address",
  },
  {
    name: "addresses-not-masked",
    guarantee: "11",
    edits: [
      {
        file: "mixins/log/masking.ts",
        find: 'line.includes("@") || line.includes("%40") ? line.replaceAll(',
        replace: 'line.includes("@@") ? line.replaceAll(',
      },
    ],
    file: "test/unit/masking.test.ts",
    title: "an address is masked as a whole wherever it stands, and a scoped package is none",
  },
  {
    name: "id-lost-between-processes",
    guarantee: "12",
    edits: [
      { file: correlation, find: "      Object.assign(ctx.meta, correlationOf(ctx.meta));\n", replace: "" },
    ],
    file: operationsTest,
    title:
      "every line that a request leaves in any process, also of Moleculer and of the database, has its id",
  },
  {
    name: "packets-out-of-scope",
    guarantee: "12",
    edits: [
      {
        file: correlation,
        find: "meta?.correlationId === undefined ? receive()",
        replace: 'meta?.correlationId === undefined || meta.correlationId !== "" ? receive()',
      },
    ],
    file: operationsTest,
    title:
      "every line that a request leaves in any process, also of Moleculer and of the database, has its id",
  },
  {
    name: "shared-work-is-nobodys",
    guarantee: "12",
    edits: [
      {
        file: "mixins/coalescing.ts",
        find: "withCorrelations(idsOf, run)",
        replace: "withCorrelations(() => idsOf().slice(0, 0), run)",
      },
    ],
    file: "test/unit/coalescing.test.ts",
    title:
      "a line of shared work carries the id of each who shares it, once, and of work for one alone its id",
  },
  {
    name: "hanging-work-holds-all",
    guarantee: "4f",
    edits: [
      {
        file: "mixins/coalescing.ts",
        find: "      hangs = true;",
        replace: "      if (hangsMs > 0) return;\n      hangs = true;",
      },
    ],
    file: "test/unit/coalescing.test.ts",
    title: "what waits behind work that hangs goes on without it, and what comes then goes on together again",
  },
  {
    name: "work-hangs-without-end",
    guarantee: "4f",
    edits: [
      {
        file: "mixins/coalescing.ts",
        find: " || hanging >= piecesMax) return;",
        replace: " || (hanging < 0 && hanging >= piecesMax)) return;",
      },
    ],
    file: "test/unit/coalescing.test.ts",
    title: "when all hang, a few pieces run at a time, and the rest goes on with the first that ends",
  },
  {
    name: "batch-is-nobodys",
    guarantee: "12",
    edits: [
      {
        file: "mixins/bus/event-consumer.ts",
        find: ": forAll(events, () => apply(events, failuresOf)));",
        replace: ": apply(events, failuresOf));",
      },
    ],
    file: "test/unit/event-consumer.test.ts",
    title:
      "a line of a batch carries the id of each event of it, also while the batch waits for its database",
  },
  {
    name: "old-figure-is-kept",
    guarantee: "13a",
    edits: [
      {
        file: "mixins/metrics/scrape.ts",
        find: "whoever works with that dependency.\n    watched.source.forget();",
        replace: "whoever works with that dependency.",
      },
    ],
    file: "test/unit/metrics.test.ts",
    title: "a source that fails, or does not answer in time, shows nothing and holds up no exposition",
  },
  {
    name: "rule-of-no-metric",
    guarantee: "13b",
    edits: [
      {
        file: "docker/observability/rules/alerts.yml",
        find: "expr: max(outbox_oldest_age_seconds) > 60",
        replace: "expr: max(outbox_oldest_age) > 60",
      },
    ],
    file: "test/unit/alerts.test.ts",
    title: "every alert fires on what it is for, and is quiet on what is near it",
  },
  {
    name: "published-is-forgotten",
    guarantee: "14a",
    edits: [
      {
        file: "services/outbox/sql.ts",
        find: "attempts + 1, created_at from gone\n",
        replace: "attempts + 1, created_at from gone where false\n",
      },
    ],
    file: traceTest,
    title: "in-process: a write that has arrived everywhere is complete, with every step",
  },
  {
    name: "ordered-by-clock",
    guarantee: "14b",
    edits: [
      {
        file: "services/trace/facts.ts",
        find: "(versionOf(a) ?? 0) - (versionOf(b) ?? 0)",
        replace: 'Date.parse(a.row?.writtenAt ?? "") - Date.parse(b.row?.writtenAt ?? "")',
      },
    ],
    file: traceTest,
    title: "several writes under one id are told by user and version, each with its own verdict",
  },
  {
    name: "away-is-fine",
    guarantee: "14c",
    edits: [
      {
        file: "services/trace/verdict.ts",
        find: "stuck ?? unknown(steps) ?? moving",
        replace: 'stuck ?? (steps.userId === "" ? unknown(steps) : undefined) ?? moving',
      },
    ],
    file: traceTest,
    title: "while a service is away the rest is told, and what can't be seen is named",
  },
  {
    name: "incomplete-is-complete",
    guarantee: "14c",
    edits: [
      { file: "services/trace/explain.ts", find: "...incomplete(unseen),", replace: "...incomplete([])," },
    ],
    file: traceTest,
    title: "while dead-letters alone is away a trace is not complete, and tells what the others know",
  },
  {
    name: "trace-goes-with-users",
    guarantee: "14c",
    edits: [
      {
        file: "services/contracts/services.ts",
        find: 'trace: { comesWith: ["gateway", "users"]',
        replace: 'trace: { comesWith: ["users"]',
      },
    ],
    file: "test/system/trace.test.ts",
    title:
      "over RabbitMQ the command joins as a node, and says when the registry's process is away, or that of users",
  },
  {
    name: "note-fails-the-event",
    guarantee: "14d",
    edits: [
      {
        file: "mixins/bus/event-consumer.ts",
        find: "  } catch (cause) {\n    const reason = errorText(cause);",
        replace:
          "  } catch (cause) {\n    if (cause instanceof Error) throw cause;\n    const reason = errorText(cause);",
      },
    ],
    file: "test/unit/event-consumer.test.ts",
    title: "a failure that can't be noted is retried all the same",
  },
  {
    name: "sweep-falls-behind",
    guarantee: "16",
    edits: [
      {
        file: "mixins/postgres/sweeping.ts",
        find: "? Math.min(soonMs, waitMs) : waitMs",
        replace: "? waitMs : waitMs",
      },
    ],
    file: "test/unit/sweeping.test.ts",
    title: "A round has an end, and while there is a backlog the next one comes within seconds",
  },
  {
    name: "marks-of-own-batch-only",
    guarantee: "16",
    edits: [
      {
        file: "services/outbox/emptied.ts",
        find: "for (const { partition, ours } of loaded) if (!ours) upTo.delete(partition);",
        replace:
          "const ours = new Set(loaded.filter((each) => each.ours).map(({ partition }) => partition));\n  for (const partition of [...upTo.keys()]) if (!ours.has(partition)) upTo.delete(partition);",
      },
    ],
    file: "test/integration/relay.test.ts",
    title:
      "the low watermark never passes a transaction that is still open, and then moves in every partition",
  },
  {
    name: "marks-stand-under-a-backlog",
    guarantee: "16",
    edits: [
      {
        file: "services/outbox/emptied.ts",
        find: "if (cut.has(partition)) upTo.set(partition, BigInt(id));",
        replace: "if (cut.has(partition)) upTo.set(partition, 0n);",
      },
    ],
    file: "test/unit/outbox.test.ts",
    title: "a look knows up to where it emptied each partition",
  },
  {
    name: "call-leaves-its-span",
    guarantee: "17",
    edits: [
      {
        file: "mixins/context/tracing.ts",
        find: "        ctx.meta.traceparent = span.traceparent;\n        return traced",
        replace: "        return traced",
      },
    ],
    file: "test/system/tracing.test.ts",
    title: "one request through three processes over RabbitMQ is one trace",
  },
  {
    name: "failed-call-is-carried-out",
    guarantee: "18",
    edits: [
      {
        file: "mixins/moleculer/fault-injection.ts",
        find: "        if (fault !== undefined) await suffer(fault);\n        return next(ctx);",
        replace:
          "        const result = await next(ctx);\n        if (fault !== undefined) await suffer(fault);\n        return result;",
      },
    ],
    file: "test/system/fault-injection.test.ts",
    title:
      "in three processes a fault set by an operator reaches the registry's process, and all can be told",
  },
  {
    name: "frame-keeps-its-first",
    guarantee: "19",
    edits: [
      {
        file: "mixins/moleculer/call-transporter.ts",
        find: "    at = end;",
        replace: "    at = message.length;",
      },
    ],
    file: "test/unit/call-transporter.test.ts",
    title: "a frame gives its packets back, in order and byte for byte",
  },
  {
    name: "joining-has-no-end",
    guarantee: "24a",
    edits: [
      {
        file: "services/commands/join.ts",
        find: "maxMs: leftMs() }",
        replace: "maxMs: leftMs() + 3_600_000 }",
      },
    ],
    file: "test/system/commands.test.ts",
    title: "the REPL does not say that it has joined when no process of the system is at RabbitMQ",
  },
  {
    name: "joins-unprobed",
    guarantee: "24a",
    edits: [
      {
        file: "services/commands/rabbitmq-probe.ts",
        find: "    await useAsNode(connection, nodeId);\n",
        replace: '    if (nodeId === "") await useAsNode(connection, nodeId);\n',
      },
    ],
    file: "test/system/commands.test.ts",
    title: "what RabbitMQ said is the reason: a virtual host that is not there, a password, a permission",
  },
  {
    name: "extra-words-are-taken",
    guarantee: "24b",
    edits: [
      {
        file: "services/runtime/command-line.ts",
        find: "if (extra !== undefined)",
        replace: 'if (extra === "")',
      },
    ],
    file: "test/unit/command-line.test.ts",
    title: "a command that takes no word refuses one",
  },
  {
    name: "consequences-are-causes",
    guarantee: "24c",
    edits: [
      {
        file: "services/commands/doctor/findings.ts",
        find: "broken.has(part) && part !== finding.part",
        replace: "broken.has(part) && part === finding.part",
      },
    ],
    file: "test/system/doctor.test.ts",
    title: "of a system over RabbitMQ the doctor finds each fault, and what to do",
  },
];
