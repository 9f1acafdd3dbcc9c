/** Dead letters and reconciliation: guarantees 8 and 9. */
import type { Mutation } from "../mutation.ts";

const busLetters = "mixins/bus/letters.ts";
const store = "mixins/bus/dead-letters.ts";
const letterSql = "services/dead-letters/sql.ts";
const rabbitTest = "test/integration/dead-letters-rabbitmq.test.ts";
const httpTest = "test/integration/dead-letters-http.test.ts";
const pass = "services/reconciler/pass.ts";
const rules = "services/users/rules.ts";
const serviceTest = "test/integration/dead-letters-service.test.ts";
const reconcilerTest = "test/integration/reconciler.test.ts";

export const letters: readonly Mutation[] = [
  {
    name: "letter-acknowledged-first",
    guarantee: "8a",
    edits: [
      {
        file: busLetters,
        find: "const durable = await handler(batch.map(({ letter }) => letter));\n    return durable.map((stored) => ({",
        replace:
          "void handler(batch.map(({ letter }) => letter));\n    return batch.map(() => true).map((stored) => ({",
      },
    ],
    file: rabbitTest,
    title: "a process killed between the delivery of a letter and its commit loses and doubles nothing",
  },
  {
    name: "every-letter-is-new",
    guarantee: "8a",
    edits: [
      {
        file: store,
        find: `.update(\`\${letter.messageId ?? ""}\\n\`)`,
        replace: `.update(\`\${letter.messageId ?? ""}\\n\${uuidV7()}\`)`,
      },
    ],
    file: rabbitTest,
    title: "a letter that lies twice in the queue is stored once, and the queue is empty then",
  },
  {
    name: "letters-fail-together",
    guarantee: "8b",
    edits: [
      {
        file: "services/dead-letters/intake.ts",
        find: "const stored = await applyBisecting<DeadLetter, Stored>(\n      letters,\n      storePatiently,",
        replace:
          'const stored = await applyBisecting<DeadLetter, Stored>(\n      letters,\n      (all) => storePatiently(all).catch((): Stored[] => all.map(() => "not stored")),',
      },
    ],
    file: rabbitTest,
    title: "what is no letter of ours, and what can't be stored, keep nothing back behind them",
  },
  {
    name: "replay-marked-unconfirmed",
    guarantee: "8c",
    edits: [
      {
        file: "services/dead-letters/letters.ts",
        find: 'if (outcome.status !== "confirmed")',
        replace: 'if (outcome.status !== "confirmed" && replays < 0)',
      },
    ],
    file: httpTest,
    title: "a replay that the bus does not take is a 503, and the letter stays pending",
  },
  {
    name: "replay-not-compared",
    guarantee: "8c",
    edits: [
      {
        file: "services/smtp-registry/sql.ts",
        find: "\n   where mark.version < excluded.version",
        replace: "",
      },
    ],
    file: serviceTest,
    title: "in-process: a replay of an old version changes nothing, one of the newest takes effect",
  },
  {
    name: "mark-goes-backward",
    guarantee: "8d",
    edits: [
      {
        file: letterSql,
        find: "status = case when replays < ? then 'replayed' else status end",
        replace: "status = case when replays < ? or true then 'replayed' else status end",
      },
      {
        file: letterSql,
        find: "settled_at = case when replays < ? then ?::timestamptz else settled_at end",
        replace: "settled_at = case when replays < ? or true then ?::timestamptz else settled_at end",
      },
    ],
    file: serviceTest,
    title:
      "in-process: a letter that fails after its replay is pending again, under its id, with its replays counted",
  },
  {
    name: "late-letter-reopens",
    guarantee: "8e",
    edits: [
      {
        file: store,
        find: "where excluded.replays > l.replays or (excluded.replays = l.replays and l.status <> 'discarded')",
        replace: "where true",
      },
    ],
    file: httpTest,
    title: "a letter older than the last replay, or than the decision to discard it, changes nothing",
  },
  {
    name: "pending-is-swept",
    guarantee: "8f",
    edits: [
      {
        file: letterSql,
        find: "select id from dead_letters where settled_at < ? order by settled_at",
        replace:
          "select id from dead_letters where coalesce(settled_at, '2000-01-01') < ? order by settled_at",
      },
    ],
    file: httpTest,
    title: "what was settled leaves the table after its term, what is pending never does",
  },
  {
    name: "discard-forgets-who",
    guarantee: "8f",
    edits: [{ file: letterSql, find: "discarded_by = ?,", replace: "discarded_by = left(?, 0)," }],
    file: httpTest,
    title:
      "a discard takes its reason from the body or the query, and keeps who, when, why and the correlation id",
  },
  {
    name: "check-left-out",
    guarantee: "9a",
    edits: [
      {
        file: "services/reconciler/compare.ts",
        find: '  else if (registry.version > user.version) yield "registry_ahead";\n',
        replace: "",
      },
    ],
    file: reconcilerTest,
    title:
      "each difference is reported as itself alone, and a repair ends what telling the state again can end",
  },
  {
    name: "outbox-not-asked",
    guarantee: "9a",
    edits: [{ file: pass, find: " || again.isPending(userId)", replace: "" }],
    file: reconcilerTest,
    title: "an event that waits is no difference, one that was given up is, and its letter is told",
  },
  {
    name: "no-grace",
    guarantee: "9a",
    edits: [
      {
        file: pass,
        find: "+ graceMs - performance.now()) + 1;",
        replace: "+ graceMs * 0 - performance.now()) + 1;",
      },
    ],
    file: reconcilerTest,
    title: "with a clock that is a day behind what stands is reported, what moves within the grace is not",
  },
  {
    name: "what-moves-counts",
    guarantee: "9a",
    edits: [
      {
        file: pass,
        find: "known.check === check && known.version === version && known.found === found",
        replace: "known.check === check",
      },
    ],
    file: reconcilerTest,
    title: "with a clock that is a day behind what stands is reported, what moves within the grace is not",
  },
  {
    name: "repair-under-an-old-version",
    guarantee: "9b",
    edits: [
      {
        file: rules,
        find: "const version = Math.max(state.version, above) + 1;",
        replace: "const version = Math.max(state.version, above * 0) + 1;",
      },
    ],
    file: reconcilerTest,
    title:
      "each difference is reported as itself alone, and a repair ends what telling the state again can end",
  },
  {
    name: "deleted-told-as-updated",
    guarantee: "9b",
    edits: [
      {
        file: rules,
        find: 'type: state.deletedAt === null ? "user.updated.v1" : "user.deleted.v1",',
        replace: 'type: "user.updated.v1",',
      },
    ],
    file: reconcilerTest,
    title: "a deleted user is repaired as deleted, and one whose terms are over needs none",
  },
  {
    name: "told-again-adds-nothing",
    guarantee: "9c",
    edits: [
      {
        file: "services/smtp-registry/history.ts",
        find: "isToldAgain(event) ? new Map<string, HeldAddress>() : heldBefore(event)",
        replace: "heldBefore(event)",
      },
    ],
    file: "test/integration/registry-projection.test.ts",
    title: "A user told again puts the ledger right from then on",
  },
  {
    name: "told-again-closes-nothing",
    guarantee: "9c",
    edits: [
      {
        file: "services/smtp-registry/sql.ts",
        find: "where last.state <> 'removed' and not",
        replace: "where false and not",
      },
    ],
    file: "test/integration/registry-projection.test.ts",
    title: "A user told again puts the ledger right from then on",
  },
  {
    name: "accepted-for-ever",
    guarantee: "9e",
    edits: [
      {
        file: "services/reconciler/acknowledgements.ts",
        find: `\${userId} \${check} \${gap}`,
        replace: `\${userId} \${check} \${gap === null}`,
      },
    ],
    file: reconcilerTest,
    title:
      "an acknowledged gap is told apart with who and why, counts no more, and counts again when it is another one",
  },
  {
    name: "accepted-is-hidden",
    guarantee: "9e",
    edits: [
      {
        file: "services/reconciler/work.ts",
        find: "list(acknowledged, finding.acknowledged);",
        replace: "list(acknowledged, []);",
      },
    ],
    file: reconcilerTest,
    title:
      "an acknowledged gap is told apart with who and why, counts no more, and counts again when it is another one",
  },
  {
    name: "queue-not-asked",
    guarantee: "9f",
    edits: [
      {
        file: "services/reconciler/backlogs.ts",
        find: "mayHold: (queue) => !emptied",
        replace: 'mayHold: (queue) => queue === "" && !emptied',
      },
    ],
    file: reconcilerTest,
    title:
      "what may wait in a queue is pending, for as long as the queue holds messages and no longer than the bound",
  },
  {
    name: "queue-hides-for-ever",
    guarantee: "9f",
    edits: [
      {
        file: "services/reconciler/backlogs.ts",
        find: "<= backlogSMax,",
        replace: "<= backlogSMax * 1_000,",
      },
    ],
    file: reconcilerTest,
    title:
      "what may wait in a queue is pending, for as long as the queue holds messages and no longer than the bound",
  },
  {
    name: "empty-queue-holds",
    guarantee: "9f",
    edits: [
      {
        file: "services/reconciler/backlogs.ts",
        find: "          emptied.add(queue);\n",
        replace: "",
      },
    ],
    file: reconcilerTest,
    title:
      "what may wait in a queue is pending, for as long as the queue holds messages and no longer than the bound",
  },
  {
    name: "backlog-waits",
    guarantee: "9d",
    edits: [
      {
        file: "mixins/postgres/sweeping.ts",
        find: "gone >= batchesMax * sweepRowsMax ?",
        replace: "gone < 0 ?",
      },
    ],
    file: "test/unit/sweeping.test.ts",
    title: "A round has an end, and while there is a backlog the next one comes within seconds",
  },
  {
    name: "counters-are-left",
    guarantee: "9d",
    edits: [
      {
        file: "services/smtp-registry/sql.ts",
        find: "where base_key in (select key from gone) for update",
        replace: "where false and base_key in (select key from gone) for update",
      },
    ],
    file: "test/integration/registry-terms.test.ts",
    title: "A counter goes with the name that it numbers, and the next number is found all the same",
  },
  {
    name: "cause-by-error-text",
    guarantee: "8g",
    edits: [
      {
        file: "mixins/bus/dead-letter-cause.ts",
        find: "[queue, routingKey, reason, errorClass(error)]",
        replace: "[queue, routingKey, reason, error]",
      },
    ],
    file: "test/unit/dead-letters.test.ts",
    title: "a cause is the same whatever ids, numbers, addresses and quoted values the error names",
  },
  {
    name: "line-without-cause",
    guarantee: "8g",
    edits: [
      {
        file: "mixins/bus/handing.ts",
        find: "      cause: causeOf({ queue, routingKey: delivery.routingKey, reason, error }),\n",
        replace: "",
      },
    ],
    file: serviceTest,
    title:
      "in-process: a poison event is kept with its reason in seconds, in one error line, and stops nobody",
  },
];
