/** Databases that can't be used as they should: guarantees 20. */
import type { Mutation } from "../mutation.ts";

const faults = "mixins/postgres/database-faults.ts";
const batch = "services/outbox/batch.ts";
const relay = "services/outbox/relay.ts";
const faultsTest = "test/unit/database-faults.test.ts";
const readOnlyTest = "test/integration/database-read-only.test.ts";
const fullDiskTest = "test/system/full-disk.test.ts";
const tlsTest = "test/integration/database-tls.test.ts";
const schemaTest = "test/integration/database-schema.test.ts";

export const databases: readonly Mutation[] = [
  {
    name: "class-of-errors-undecided",
    guarantee: "20a",
    edits: [{ file: faults, find: 'ended), "F0"),', replace: 'ended), "F1"),' }],
    file: faultsTest,
    title: "SQLSTATE F0000 (configuration file error) is outage, ended, wait",
  },
  {
    name: "fatal-is-judged-by-code",
    guarantee: "20a",
    edits: [
      {
        file: faults,
        find: '  if (severity === "FATAL" || severity === "PANIC") return known?.kind === "outage" ? known : lost;\n',
        replace: '  if (severity === "LOG") return lost;\n',
      },
    ],
    file: faultsTest,
    title: "an error by which the server ends the session is an outage, whatever its code",
  },
  {
    name: "standby-is-a-database-too",
    guarantee: "20b",
    edits: [{ file: faults, find: 'ended), "25006"),', replace: 'ended), "25007"),' }],
    file: readOnlyTest,
    title: "while either database takes no writes every write is Unavailable, health says why, reads go on",
  },
  {
    name: "sessions-stay-read-only",
    guarantee: "20b",
    edits: [
      {
        file: "mixins/postgres/database-client.ts",
        find: "    return this.#broken || this.#readOnlyBy.size > 0;",
        replace: "    return this.#broken && this.#readOnlyBy.size < 0;",
      },
    ],
    file: readOnlyTest,
    title: "while either database takes no writes every write is Unavailable, health says why, reads go on",
  },
  {
    name: "standby-is-published-from",
    guarantee: "20c",
    edits: [
      {
        file: batch,
        find: "loaded.some(({ readOnly }) => readOnly)",
        replace: "loaded.every(({ ours }) => !ours && ours)",
      },
      { file: relay, find: "  #rehearses = true;", replace: "  #rehearses = false;" },
      { file: relay, find: "      this.#rehearses = true;\n", replace: "" },
    ],
    file: readOnlyTest,
    title: "on a hot standby nothing is published, and what waited goes out once when it is promoted",
  },
  {
    name: "failed-batch-is-published-again",
    guarantee: "20c",
    edits: [{ file: relay, find: "      this.#rehearses = true;\n", replace: "" }],
    file: readOnlyTest,
    title: "what the database would not let go is published once, however often the relay looks",
  },
  {
    name: "migration-not-in-the-list",
    guarantee: "20d",
    edits: [
      {
        file: "migrations/users/index.ts",
        find: "  Migration20261126000200_audit_once,\n",
        replace: "",
      },
    ],
    file: schemaTest,
    title: "every file of migrations/users is in its list, in the order of their names",
  },
  {
    name: "ready-without-rights",
    guarantee: "20d",
    edits: [
      {
        file: "mixins/postgres/database-health.ts",
        find: "row.closed.length > 0",
        replace: "row.closed.length < 0",
      },
    ],
    file: schemaTest,
    title: "a users database whose user may no longer write is not up",
  },
  {
    name: "ready-without-a-schema",
    guarantee: "20d",
    edits: [
      {
        file: "mixins/postgres/database-health.ts",
        find: "row.missing.length > 0",
        replace: "row.missing.length < 0",
      },
    ],
    file: schemaTest,
    title: "a users database without a table or a column that is needed is not up",
  },
  {
    name: "parameters-of-urls-are-dropped",
    guarantee: "20e",
    edits: [{ file: "mixins/postgres/database.ts", find: "      ...named,\n", replace: "" }],
    file: tlsTest,
    title: "with sslmode=verify-full no session of the whole system is in clear text",
  },
  {
    name: "contradictions-of-urls-are-taken",
    guarantee: "20e",
    edits: [
      {
        file: "mixins/postgres/database-url.ts",
        find: "  if (contradicted !== undefined) return contradicted;\n",
        replace: "",
      },
    ],
    file: tlsTest,
    title: "a URL whose parameters would have no effect is no URL for us, and its secrets are not told",
  },
  {
    name: "name-is-not-compared",
    guarantee: "20e",
    edits: [
      {
        file: "mixins/postgres/database-url.ts",
        find: "ssl === false || isIP(host) === 0",
        replace: "ssl === false || isIP(host) >= 0",
      },
    ],
    file: tlsTest,
    title: "every mode that is to check refuses another authority and another name",
  },
  {
    name: "ready-on-a-full-disk",
    guarantee: "20f",
    edits: [{ file: "mixins/postgres/database.ts", find: "      failing = true;\n", replace: "" }],
    file: fullDiskTest,
    title: "while its disk is full a system refuses writes, is not ready and says why, and then goes on",
  },
  {
    name: "restarts-are-given-up",
    guarantee: "20f",
    edits: [
      {
        file: "services/embedded/postgres-server.ts",
        find: "attempt = 0; !stopping;",
        replace: "attempt = 0; attempt < 1 && !stopping;",
      },
    ],
    file: fullDiskTest,
    title: "while its disk is full a system refuses writes, is not ready and says why, and then goes on",
  },
  {
    name: "initdb-says-what-it-removes",
    guarantee: "20g",
    edits: [
      {
        file: "services/embedded/postgres-reasons.ts",
        find: "  if (noSpace.test(output)) return diskIsFull(folder);\n  const lines = output",
        replace: "  const lines = output",
      },
    ],
    file: fullDiskTest,
    title: "a first start on a disk of 20 MB ends with exit code 1 and says that it is full",
  },
];
