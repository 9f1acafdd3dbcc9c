/** Databases that can't be used as they should: guarantees 20. */
import { edit, type Mutation } from "../mutation.ts";
import {
  always,
  assignment,
  becomes,
  call,
  clause,
  condition,
  drops,
  never,
  property,
  statement,
  use,
  value,
} from "../operators.ts";

const faults = "mixins/postgres/database-faults.ts";
const batch = "services/outbox/claim-batch.ts";
const relay = "services/outbox/relay.ts";
const faultsTest = "test/unit/database-faults.test.ts";
const readOnlyTest = "test/integration/database-read-only.test.ts";
const client = "mixins/postgres/database-client.ts";
const primaryTest = "test/integration/database-primary.test.ts";
const budget = "mixins/postgres/connection-budget.ts";
const commitsTest = "test/integration/database-commits.test.ts";
const fullDiskTest = "test/system/full-disk.test.ts";
const tlsTest = "test/integration/database-tls.test.ts";
const poolerTest = "test/integration/database-pooler.test.ts";
const schemaTest = "test/integration/database-schema.test.ts";

export const databases: readonly Mutation[] = [
  {
    name: "class-of-errors-undecided",
    guarantee: "20a",
    edits: [edit(faults, "sqlStates", becomes(use("F0"), '"F1"'))],
    file: faultsTest,
    title: "SQLSTATE F0000 (configuration file error) is outage, ended, wait",
  },
  {
    name: "fatal-is-judged-by-code",
    guarantee: "20a",
    edits: [edit(faults, "decided", drops(statement("PANIC")))],
    file: faultsTest,
    title: "an error by which the server ends the session is an outage, whatever its code",
  },
  {
    name: "read-only-is-a-defect",
    guarantee: "20b",
    edits: [edit(faults, "sqlStates", becomes(use("25006"), '"25007"'))],
    file: readOnlyTest,
    title: "while either database takes no writes every write is Unavailable, health says why, reads go on",
  },
  {
    name: "sessions-stay-read-only",
    guarantee: "20b",
    edits: [edit(client, "DatabaseClient.isSpent", becomes(statement("#isUnfit"), "return false;"))],
    file: readOnlyTest,
    title: "while either database takes no writes every write is Unavailable, health says why, reads go on",
  },
  {
    name: "standby-is-published-from",
    guarantee: "20c",
    edits: [
      edit(batch, "runBatch", becomes(condition("readOnly"), "false")),
      edit(relay, "Relay.#rehearses", becomes(value, "false")),
      edit(relay, "Relay.#look", drops(assignment("#rehearses"))),
    ],
    file: readOnlyTest,
    title:
      "while its database takes no writes nothing is published, and what waited goes out once afterwards",
  },
  {
    name: "failed-batch-is-published-again",
    guarantee: "20c",
    edits: [edit(relay, "Relay.#look", drops(assignment("#rehearses")))],
    file: readOnlyTest,
    title: "what the database would not let go is published once, however often the relay looks",
  },
  {
    name: "standby-is-a-database-too",
    guarantee: "20i",
    edits: [edit(client, "DatabaseClient.#requirePrimary", becomes(condition("isAsked"), never))],
    file: primaryTest,
    title: "no connection is made to a standby, whatever it is for, and the reason is told",
  },
  {
    name: "first-server-only",
    guarantee: "20i",
    edits: [edit(client, "DatabaseClient.#open", drops(statement("aim")))],
    file: primaryTest,
    title: "a URL of two servers leads to the primary, and to the other one when that has become it",
  },
  {
    name: "given-up-is-gone",
    guarantee: "20j",
    edits: [edit(client, "DatabaseClient.unansweredBackend", becomes(condition("#isUnanswered"), never))],
    file: commitsTest,
    title:
      "while commits wait for a standby reads go on, writes are refused, and no backend is more than the pool",
  },
  {
    name: "writes-take-all-connections",
    guarantee: "20j",
    edits: [edit(budget, "ConnectionBudget.#turn", becomes(condition("#hasRoom"), always))],
    file: commitsTest,
    title:
      "while commits wait for a standby reads go on, writes are refused, and no backend is more than the pool",
  },
  {
    name: "session-lock-of-migrations",
    guarantee: "20k",
    edits: [
      edit(
        "services/runtime/migration-turn.ts",
        "isLocked",
        becomes(clause("pg_try_advisory_xact_lock($1)"), "pg_try_advisory_lock($1)"),
      ),
    ],
    file: schemaTest,
    title:
      "the turn to migrate is a transaction's and leaves no lock with its session, which a pooler hands on",
  },
  {
    name: "settings-of-a-session-alone",
    guarantee: "20l",
    edits: [edit(client, "DatabaseClient.#isStandby", becomes(condition("untold"), never))],
    file: poolerTest,
    title:
      "behind PgBouncer the statement timeout and the plans of each pool hold, in transactions and without",
  },
  {
    name: "migration-not-in-the-list",
    guarantee: "20d",
    edits: [
      edit("migrations/users/index.ts", "usersMigrations", drops(use("Migration20261126000200_audit_once"))),
    ],
    file: schemaTest,
    title: "every file of migrations/users is in its list, in the order of their names",
  },
  {
    name: "ready-without-rights",
    guarantee: "20d",
    edits: [edit("mixins/postgres/database-health.ts", "requireUsable", becomes(condition("closed"), never))],
    file: schemaTest,
    title: "a users database whose user may no longer write is not up",
  },
  {
    name: "ready-without-a-schema",
    guarantee: "20d",
    edits: [
      edit("mixins/postgres/database-health.ts", "requireUsable", becomes(condition("missing"), never)),
    ],
    file: schemaTest,
    title: "a users database without a table or a column that is needed is not up",
  },
  {
    name: "check-applies-what-is-missing",
    guarantee: "20h",
    edits: [
      edit(
        "services/runtime/prepare-databases.ts",
        "ways",
        becomes(call("requireMigrated"), "migrate(name, url)"),
      ),
    ],
    file: "test/integration/runtime-refusals.test.ts",
    title: "a start with MIGRATE=check goes on only once `npm run migrate` has been there",
  },
  {
    name: "check-looks-at-nothing",
    guarantee: "20h",
    edits: [edit("services/runtime/migrations.ts", "requireMigrated", becomes(condition("pending"), never))],
    file: schemaTest,
    title: "with MIGRATE=check a users database is left as it is, and refused by the names of what it lacks",
  },
  {
    name: "tls-dropped",
    guarantee: "20e",
    edits: [edit("mixins/postgres/database.ts", "ormOptions", drops(property("...named")))],
    file: tlsTest,
    title: "with sslmode=verify-full no session of the whole system is in clear text",
  },
  {
    name: "contradictions-of-urls-are-taken",
    guarantee: "20e",
    edits: [
      edit(
        "mixins/postgres/database-url.ts",
        "databaseUrlFault",
        becomes(call("contradiction"), "undefined"),
      ),
    ],
    file: tlsTest,
    title: "a URL whose parameters would have no effect is no URL for us, and its secrets are not told",
  },
  {
    name: "name-is-not-compared",
    guarantee: "20e",
    edits: [edit("mixins/postgres/database-url.ts", "connectionsOf", becomes(condition("isIP"), always))],
    file: tlsTest,
    title: "another authority and another name are refused, by an address and by a name",
  },
  {
    name: "clear-text-goes-out",
    guarantee: "20e",
    edits: [edit("services/config/readers.ts", "databaseUrl", becomes(condition("plain"), never))],
    file: tlsTest,
    title: "clear text goes over no network, unless somebody has said that it may",
  },
  {
    name: "libraries-read-the-environment",
    guarantee: "20e",
    edits: [edit("services/config/index.ts", "readConfig", drops(statement("withholdFromLibraries")))],
    file: "test/system/library-variables.test.ts",
    title: "what pg would read of the environment changes no connection",
  },
  {
    name: "ready-on-a-full-disk",
    guarantee: "20f",
    edits: [edit("mixins/postgres/database.ts", "database.translated", drops(assignment("failing")))],
    file: fullDiskTest,
    title: "while its disk is full a system refuses writes, is not ready and says why, and then goes on",
  },
  {
    name: "restarts-are-given-up",
    guarantee: "20f",
    edits: [
      edit(
        "services/embedded/postgres-server.ts",
        "keepRunning.restart",
        becomes(property("minMs"), "$, attemptsMax: 1"),
      ),
    ],
    file: fullDiskTest,
    title: "while its disk is full a system refuses writes, is not ready and says why, and then goes on",
  },
  {
    name: "initdb-says-what-it-removes",
    guarantee: "20g",
    edits: [
      edit("services/embedded/postgres-reasons.ts", "reasonOfInitdb", becomes(condition("noSpace"), "false")),
    ],
    file: fullDiskTest,
    title: "a first start on a disk of 20 MB ends with exit code 1 and says that it is full",
  },
];
