/** Dead letters and reconciliation: guarantees 8 and 9. */
import { edit, type Mutation } from "../mutation.ts";
import {
  argument,
  becomes,
  call,
  clause,
  condition,
  drops,
  never,
  property,
  statement,
  use,
} from "../operators.ts";

const busLetters = "mixins/bus/dead-letter-message.ts";
const store = "mixins/bus/dead-letters.ts";
const operator = "services/dead-letters/letters.ts";
const letterSql = "services/dead-letters/sql.ts";
const rabbitTest = "test/integration/dead-letters-rabbitmq.test.ts";
const httpTest = "test/integration/dead-letters-http.test.ts";
const pass = "services/reconciler/pass.ts";
const rules = "services/users/rules.ts";
const serviceTest = "test/integration/dead-letters-service.test.ts";
const reconcilerTest = "test/integration/reconciler.test.ts";

const replays = "services/dead-letters/replays.ts";
const replaysTest = "test/integration/dead-letter-replays.test.ts";

export const letters: readonly Mutation[] = [
  {
    name: "replay-has-no-bound",
    guarantee: "8h",
    edits: [edit(replays, "walk", becomes(condition("letters"), never))],
    file: replaysTest,
    title:
      "a replay of a cause sends the oldest that failed before, at most so many, tells how many, and is on record",
  },
  {
    name: "replays-beside-each-other",
    guarantee: "8h",
    edits: [edit("mixins/postgres/exclusive.ts", "runExclusively", becomes(condition("locked"), "true"))],
    file: replaysTest,
    title:
      "one replay of a cause runs at a time in an installation, others beside it, and a repeat begins no other",
  },
  {
    name: "interrupted-replay-runs-for-ever",
    guarantee: "8h",
    edits: [edit("mixins/postgres/kept-work.ts", "asItStands", becomes(call("isHeld"), "true"))],
    file: replaysTest,
    title: "a replay whose process has ended is interrupted, and another goes on with what is left",
  },
  {
    name: "interrupted-replay-ends-anew",
    guarantee: "8h",
    edits: [edit(replays, "replays.end", drops(property("status")))],
    file: replaysTest,
    title: "a replay that was called interrupted stays so, though its process lives and comes to its end",
  },
  {
    name: "letter-acknowledged-first",
    guarantee: "8a",
    edits: [edit(busLetters, "letterReading", becomes(call("handler"), "(void $, $1.map(() => true))"))],
    file: rabbitTest,
    title: "a process killed between the delivery of a letter and its commit loses and doubles nothing",
  },
  {
    name: "every-letter-is-new",
    guarantee: "8a",
    edits: [edit(store, "rowOf", becomes(call("createHash"), "$.update(uuidV7())"))],
    file: rabbitTest,
    title: "a letter that lies twice in the queue is stored once, and the queue is empty then",
  },
  {
    name: "letters-fail-together",
    guarantee: "8b",
    edits: [
      edit(
        "services/dead-letters/intake.ts",
        "intake",
        becomes(
          argument("applyBisecting", 1),
          '(all) => $(all).catch((): Stored[] => all.map(() => "not stored"))',
        ),
      ),
    ],
    file: rabbitTest,
    title: "what is no letter of ours, and what can't be stored, keep nothing back behind them",
  },
  {
    name: "replay-marked-unconfirmed",
    guarantee: "8c",
    edits: [edit(operator, "letters.replayOnce", becomes(condition("confirmed"), never))],
    file: httpTest,
    title: "a replay that the bus does not take is a 503, and the letter stays pending",
  },
  {
    name: "replay-not-compared",
    guarantee: "8c",
    edits: [
      edit(
        "services/smtp-registry/projection-sql.ts",
        "advanceWatermarks",
        drops(clause("where mark.version < excluded.version")),
      ),
    ],
    file: serviceTest,
    title: "in-process: a replay of an old version changes nothing, one of the newest takes effect",
  },
  {
    name: "mark-goes-backward",
    guarantee: "8d",
    edits: [edit(operator, "markReplayed", becomes(condition("replays"), never))],
    file: serviceTest,
    title:
      "in-process: a letter that fails after its replay is pending again, under its id, with its replays counted",
  },
  {
    name: "late-letter-reopens",
    guarantee: "8e",
    edits: [
      edit(
        store,
        "storing",
        drops(
          clause(
            "where excluded.replays > l.replays or (excluded.replays = l.replays and l.status <> 'discarded')",
          ),
        ),
      ),
    ],
    file: httpTest,
    title: "a letter older than the last replay, or than the decision to discard it, changes nothing",
  },
  {
    name: "pending-is-swept",
    guarantee: "8f",
    edits: [
      edit(
        letterSql,
        "deleteSettled",
        becomes(clause("where settled_at <"), "where coalesce(settled_at, '2000-01-01') <"),
      ),
    ],
    file: httpTest,
    title: "what was settled leaves the table after its term, what is pending never does",
  },
  {
    name: "discard-forgets-who",
    guarantee: "8f",
    edits: [edit(operator, "letters.discard", becomes(property("discardedBy"), '""'))],
    file: httpTest,
    title:
      "a discard takes its reason from the body or the query, and keeps who, when, why and the correlation id",
  },
  {
    name: "check-left-out",
    guarantee: "9a",
    edits: [edit("services/reconciler/compare.ts", "registryChecks", drops(statement("registry_ahead")))],
    file: reconcilerTest,
    title:
      "each difference is reported as itself alone, and a repair ends what telling the state again can end",
  },
  {
    name: "outbox-not-asked",
    guarantee: "9a",
    edits: [edit(pass, "lookAgainAt", becomes(condition("isPending"), "false"))],
    file: reconcilerTest,
    title: "an event that waits is no difference, one that was given up is, and its letter is told",
  },
  {
    name: "no-grace",
    guarantee: "9a",
    edits: [edit(pass, "lookAgain", becomes(call("ceil"), "0"))],
    file: reconcilerTest,
    title: "with a clock that is a day behind what stands is reported, what moves within the grace is not",
  },
  {
    name: "what-moves-counts",
    guarantee: "9a",
    edits: [
      edit(pass, "stands", becomes(condition("version"), "true")),
      edit(pass, "stands", becomes(condition("found"), "true")),
    ],
    file: reconcilerTest,
    title: "with a clock that is a day behind what stands is reported, what moves within the grace is not",
  },
  {
    name: "repair-under-an-old-version",
    guarantee: "9b",
    edits: [edit(rules, "decideReemit", becomes(call("max"), "$1"))],
    file: reconcilerTest,
    title:
      "each difference is reported as itself alone, and a repair ends what telling the state again can end",
  },
  {
    name: "deleted-told-as-updated",
    guarantee: "9b",
    edits: [edit(rules, "decideReemit", becomes(property("type"), '"user.updated.v1"'))],
    file: reconcilerTest,
    title: "a deleted user is repaired as deleted, and one whose terms are over needs none",
  },
  {
    name: "told-again-adds-nothing",
    guarantee: "9c",
    edits: [
      edit("services/smtp-registry/history.ts", "ledgerEntries", becomes(condition("isToldAgain"), "false")),
    ],
    file: "test/integration/registry-projection.test.ts",
    title: "A user told again puts the ledger right from then on",
  },
  {
    name: "told-again-closes-nothing",
    guarantee: "9c",
    edits: [
      edit(
        "services/smtp-registry/projection-sql.ts",
        "closeHistory",
        becomes(clause("where last.state <> 'removed' and not"), "where false and not"),
      ),
    ],
    file: "test/integration/registry-projection.test.ts",
    title: "A user told again puts the ledger right from then on",
  },
  {
    name: "accepted-for-ever",
    guarantee: "9e",
    edits: [edit("services/reconciler/acknowledgements.ts", "keyOf", becomes(use("gap"), "gap === null"))],
    file: reconcilerTest,
    title:
      "an acknowledged gap is told apart with who and why, counts no more, and counts again when it is another one",
  },
  {
    name: "accepted-is-hidden",
    guarantee: "9e",
    edits: [edit("services/reconciler/work.ts", "collect", drops(call("list", "acknowledged")))],
    file: reconcilerTest,
    title:
      "an acknowledged gap is told apart with who and why, counts no more, and counts again when it is another one",
  },
  {
    name: "queue-not-asked",
    guarantee: "9f",
    edits: [
      edit("services/reconciler/backlogs.ts", "watchQueues.mayHold", becomes(condition("emptied"), "false")),
    ],
    file: reconcilerTest,
    title:
      "what may wait in a queue is pending, for as long as the queue holds messages and no longer than the bound",
  },
  {
    name: "queue-hides-for-ever",
    guarantee: "9f",
    edits: [
      edit(
        "services/reconciler/backlogs.ts",
        "watchQueues.mayHold",
        becomes(condition("backlogSMax"), "true"),
      ),
    ],
    file: reconcilerTest,
    title:
      "what may wait in a queue is pending, for as long as the queue holds messages and no longer than the bound",
  },
  {
    name: "empty-queue-holds",
    guarantee: "9f",
    edits: [edit("services/reconciler/backlogs.ts", "watchQueues.look", drops(call("add")))],
    file: reconcilerTest,
    title:
      "what may wait in a queue is pending, for as long as the queue holds messages and no longer than the bound",
  },
  {
    name: "backlog-waits",
    guarantee: "9d",
    edits: [
      edit("mixins/postgres/sweeping.ts", "untilNextRoundMs", becomes(condition("sweepRowsMax"), "false")),
    ],
    file: "test/unit/sweeping.test.ts",
    title: "A round has an end, and while there is a backlog the next one comes within seconds",
  },
  {
    name: "counters-are-left",
    guarantee: "9d",
    edits: [
      edit(
        "services/smtp-registry/sql.ts",
        "sweepOf",
        becomes(clause("base_key in (select key from gone) for update"), "false for update"),
      ),
    ],
    file: "test/integration/registry-terms.test.ts",
    title: "A counter goes with the name that it numbers, and the next number is found all the same",
  },
  {
    name: "cause-by-error-text",
    guarantee: "8g",
    edits: [edit("mixins/bus/dead-letter-cause.ts", "causeOf", becomes(call("errorClass"), "$1"))],
    file: "test/unit/dead-letters.test.ts",
    title: "a cause is the same whatever ids, numbers, addresses and quoted values the error names",
  },
  {
    name: "line-without-cause",
    guarantee: "8g",
    edits: [edit("mixins/bus/delivery-verdicts.ts", "logDeadLetter", drops(property("cause")))],
    file: serviceTest,
    title:
      "in-process: a poison event is kept with its reason in seconds, in one error line, and stops nobody",
  },
];
