/** Addresses and the answers to writes: guarantees 2, 4 and 6. */
import { edit, type Mutation } from "../mutation.ts";
import {
  argument,
  becomes,
  call,
  clause,
  condition,
  drops,
  property,
  statement,
  use,
  value,
} from "../operators.ts";

const registrySql = "services/smtp-registry/sql.ts";
const faultsTest = "test/integration/users-faults.test.ts";
const breaker = "mixins/circuit-breaker.ts";
const circuitTest = "test/integration/users-circuit.test.ts";

const addressFile = "services/contracts/address.ts";
const addressTest = "test/integration/address-rules.test.ts";

const commitsTest = "test/integration/users-commits.test.ts";

const externalIdFile = "services/users/external-id.ts";
const externalIdTest = "test/integration/users-external-id.test.ts";

const activeTest = "test/integration/users-active.test.ts";

export const writes: readonly Mutation[] = [
  {
    name: "user-names-not-unique",
    guarantee: "2l",
    edits: [
      edit(
        "migrations/users/Migration20261127000310_active.ts",
        "Migration20261127000310_active.up",
        becomes(clause("create unique index"), "create index"),
      ),
    ],
    file: activeTest,
    title: "of many at the same time who want one userName in any case one gets it",
  },
  {
    name: "user-names-by-case",
    guarantee: "2l",
    edits: [edit("services/contracts/user.ts", "userNameKey", becomes(call("toLowerCase"), "userName"))],
    file: activeTest,
    title: "of many at the same time who want one userName in any case one gets it",
  },
  {
    name: "external-ids-not-unique",
    guarantee: "2j",
    edits: [
      edit(
        "migrations/users/Migration20261127000100_external_id.ts",
        "Migration20261127000100_external_id.up",
        becomes(clause("create unique index"), "create index"),
      ),
    ],
    file: externalIdTest,
    title: "of many at the same time who want one externalId one gets it, and no other write suffers",
  },
  {
    name: "external-id-of-the-deleted-goes",
    guarantee: "2j",
    edits: [edit(externalIdFile, "freeExternalId", becomes(condition("freed"), "before.deletedAt === null"))],
    file: externalIdTest,
    title:
      "a deleted user's externalId is kept for as long as the addresses are, then whoever wants it takes it",
  },
  {
    name: "changed-users-by-creation",
    guarantee: "2k",
    edits: [
      edit(
        "services/users/list-sql.ts",
        "changedUsers",
        becomes(clause("order by users.updated_at, users.id"), "order by users.id"),
      ),
    ],
    file: "test/integration/users-lists.test.ts",
    title:
      "those who changed since a time come in the order of their last change, and one that changes meanwhile again",
  },
  {
    name: "erased-are-listed",
    guarantee: "2k",
    edits: [edit("services/users/list-sql.ts", "living.include", becomes(value, "sql`true`"))],
    file: "test/integration/users-lists.test.ts",
    title:
      "deleted users are listed and read where they are asked for, with their terms, and erased ones never",
  },
  {
    name: "whose-external-id-is-told",
    guarantee: "2j",
    edits: [edit("services/users/domain-rules.ts", "sees", becomes(call("some"), "true"))],
    file: "test/integration/domains-of-a-caller.test.ts",
    title: "an externalId that somebody outside has is refused without a word of who",
  },
  {
    name: "unseen-is-granted",
    guarantee: "2e",
    edits: [edit("services/contracts/precis.ts", "outsideIdentifierClass", drops(statement("inClass")))],
    file: addressTest,
    title: "what nobody can see, and what a mail server carries out, is no new local part, on any way in",
  },
  {
    name: "instructions-are-granted",
    guarantee: "2e",
    edits: [edit(addressFile, "objectionTo", becomes(call("some"), "instructions.test(local)"))],
    file: "test/unit/precis.test.ts",
    title: "what a mail server takes for an instruction is refused in full width, too",
  },
  {
    name: "domain-as-typed",
    guarantee: "2e",
    edits: [edit(addressFile, "parse", becomes(property("display"), 'local + "@" + written'))],
    file: addressTest,
    title: "a domain is kept as a mail server takes it, however it was typed, and is found in either form",
  },
  {
    name: "old-addresses-are-judged",
    guarantee: "2e",
    edits: [
      edit(
        "services/users/new-values.ts",
        "refuseUnfit.checkAddress",
        becomes(condition("displayOf"), "spellings.size === 0"),
      ),
    ],
    file: addressTest,
    title:
      "a user whose address has an invisible letter from before is read, changed, removed and restored as any other",
  },
  {
    name: "names-of-nothing",
    guarantee: "2f",
    edits: [edit("services/contracts/text.ts", "objectionToText", becomes(condition("visible"), "false"))],
    file: "test/unit/text.test.ts",
    title: "of all code points none is a name alone that nobody can see",
  },
  {
    name: "addresses-not-unique",
    guarantee: "2a",
    edits: [
      edit(
        "migrations/registry/Migration20261123000100_init.ts",
        "Migration20261123000100_init.up",
        becomes(clause("key text not null primary key, address"), "key text not null, address"),
      ),
      edit(
        registrySql,
        "reserve",
        becomes(clause("on conflict (key) do update set … returning held.key"), "returning held.key"),
      ),
      edit(
        "services/smtp-registry/suffix-sql.ts",
        "insertSuffixed",
        becomes(clause("on conflict (key) do update set … returning held.key"), "returning held.key"),
      ),
    ],
    file: "test/integration/registry-reservations.test.ts",
    title: "40 concurrent reservations of one address get 40 addresses, without a gap",
  },
  {
    name: "keys-not-unique",
    guarantee: "2b",
    edits: [
      edit(
        "services/users/sql.ts",
        "saveWrites",
        becomes(
          clause("where held.user_id = excluded.user_id or held.deleted_at <= …::timestamptz"),
          "where …::timestamptz is not null",
        ),
      ),
    ],
    file: faultsTest,
    title: "two users never hold one key, though the registry grants it to 20 at once",
  },
  {
    name: "deleted-guard-nothing",
    guarantee: "2b",
    edits: [
      edit(
        "services/users/sql.ts",
        "saveWrites",
        becomes(
          clause("held.deleted_at <= …::timestamptz"),
          "held.deleted_at is not null and …::timestamptz is not null",
        ),
      ),
    ],
    file: "test/integration/users-guard.test.ts",
    title:
      "a deleted user's addresses go to nobody else and come back, though the registry has not heard of it",
  },
  {
    name: "registry-asked-too-late",
    guarantee: "4a",
    edits: [edit("services/users/write.ts", "reserver", drops(call("check")))],
    file: faultsTest,
    title: "a write whose time is over before it asks the registry leaves no hold behind",
  },
  {
    name: "held-for-nobody",
    guarantee: "4a",
    edits: [edit("services/smtp-registry/reserve-together.ts", "reserver", drops(call("release")))],
    file: "test/integration/registry-reservations.test.ts",
    title: "what is granted after its caller has given up is let go",
  },
  {
    name: "silence-is-waited-for",
    guarantee: "4e",
    edits: [edit("mixins/postgres/database.ts", "ormOptions", drops(property("query_timeout")))],
    file: "test/integration/database-unreachable.test.ts",
    title: "what waits on a connection that has fallen silent is refused, and what comes after it goes on",
  },
  {
    name: "tombstone-without-term",
    guarantee: "2c",
    edits: [
      edit(
        registrySql,
        "lapsed",
        becomes(
          clause("….deleted_at <= …::timestamptz"),
          "….deleted_at is not null and …::timestamptz is not null",
        ),
      ),
    ],
    file: "test/integration/registry-terms.test.ts",
    title: "A tombstone goes to nobody else until both terms are over, and back to its owner by a restore",
  },
  {
    name: "newer-code-points",
    guarantee: "2d",
    edits: [edit("services/contracts/unicode.ts", "unkeyable", becomes(use("unicode17"), '""'))],
    file: "test/unit/address.test.ts",
    title: "Node and Deno give every address the same key, and so every block of 256 code points",
  },
  {
    name: "budget-unchecked",
    guarantee: "4a",
    edits: [edit("services/users/commit.ts", "transact", drops(call("check")))],
    file: faultsTest,
    title: "a write whose time is over is not committed",
  },
  {
    name: "work-for-nobody-goes-on",
    guarantee: "4g",
    edits: [
      edit("services/users/index.ts", "usersService", becomes(property("budget"), "budget: writeBudget()")),
    ],
    file: faultsTest,
    title: "a write whose time is over when its key has been looked up ends there and leaves nothing behind",
  },
  {
    name: "late-write-undoes-others",
    guarantee: "4g",
    edits: [edit("services/users/commit.ts", "shared", becomes(call("filter"), "works"))],
    file: commitsTest,
    title:
      "a write whose time was over while it waited is not begun, and its neighbours still share a transaction",
  },
  {
    name: "repeat-is-not-waiting",
    guarantee: "6",
    edits: [edit("mixins/idempotency.ts", "idempotency", becomes(argument("overWithin", 0), "0"))],
    file: "test/integration/users-idempotency.test.ts",
    title: "a repeat that comes while the first one runs waits for it and gets its answer",
  },
  {
    name: "takes-whatever-comes",
    guarantee: "4h",
    edits: [
      edit(
        "mixins/admission.ts",
        "admissionDecisions.refusedForMs",
        becomes(condition("isInTime"), "leftMs <= 0"),
      ),
    ],
    file: faultsTest,
    title:
      "a write that can't be done in time is refused while no statement of any could run, and done later",
  },
  {
    name: "gateway-asks-whatever-comes",
    guarantee: "4i",
    edits: [
      edit(
        "services/gateway/http/throttle.ts",
        "throttle.refusedForMs",
        becomes(condition("random"), "true"),
      ),
    ],
    file: "test/unit/throttle.test.ts",
    title: "of ten times what the service takes, twice that is passed on, and all that it takes is taken",
  },
  {
    name: "all-come-back-at-once",
    guarantee: "4h",
    edits: [edit("mixins/come-back.ts", "comeBack.turnedAway", becomes(call("random"), "0.5"))],
    file: "test/unit/admission.test.ts",
    title: "Who is refused is told to come back the later, the more were, and not all at one moment",
  },
  {
    name: "registry-asked-meanwhile",
    guarantee: "4a",
    edits: [edit("services/users/write.ts", "planChange", becomes(call("catch"), "void $.catch(() => {})"))],
    file: faultsTest,
    title: "without the registry every write is refused within 2 s, leaves nothing behind, and reads go on",
  },
  {
    name: "reads-ask-the-registry",
    guarantee: "4b",
    edits: [
      edit(
        "services/users/index.ts",
        "usersService",
        becomes(
          call("findUser"),
          '$.then(async (user) => { await ctx.call("smtp-registry.lookup", { address: user.primarySmtp }); return user; })',
        ),
      ),
    ],
    file: faultsTest,
    title: "without the registry every write is refused within 2 s, leaves nothing behind, and reads go on",
  },
  {
    name: "late-calls-are-run",
    guarantee: "4c",
    edits: [edit("moleculer.config.ts", "brokerOptions", drops(call("callLateness")))],
    file: "test/system/distributed.test.ts",
    title: "a write refused while users was frozen is not carried out when it wakes",
  },
  {
    name: "all-try-at-once",
    guarantee: "4d",
    edits: [
      edit(breaker, "circuit.admit", becomes(condition("half-open"), "false")),
      edit(breaker, "circuit.admit", becomes(argument("become", 1), "nowMs")),
    ],
    file: circuitTest,
    title: "while it does not answer, one write at a time tries",
  },
  {
    name: "refusal-is-a-fault",
    guarantee: "4d",
    edits: [edit(breaker, "circuitBreaker.run", becomes(condition("isFault"), "true"))],
    file: circuitTest,
    title: "what the registry refuses, it has answered",
  },
  {
    name: "one-fault-opens",
    guarantee: "4d",
    edits: [edit(breaker, "circuit.failed", becomes(condition("faultsMax"), "true"))],
    file: circuitTest,
    title: "one slow call opens nothing",
  },
  {
    name: "open-for-ever",
    guarantee: "4d",
    edits: [
      edit(breaker, "circuit.answered", becomes(call("become"), 'become("open", nowMs + limits.openMs)')),
    ],
    file: circuitTest,
    title:
      "a registry that stopped answering costs some writes their wait and no more, and the circuit closes by itself",
  },
  {
    name: "answers-overwritable",
    guarantee: "6",
    edits: [
      edit(
        "mixins/idempotency.ts",
        "insertRecords",
        drops(clause("where idempotency.expires_at <= excluded.created_at")),
      ),
    ],
    file: "test/integration/users-idempotency.test.ts",
    title: "requests with one key in several processes at once make one user and get one answer",
  },
  {
    name: "answer-kept-apart",
    guarantee: "6",
    edits: [
      edit("services/users/commit.ts", "transact", drops(call("keepAnswers"))),
      edit(
        "services/users/commit.ts",
        "transact",
        becomes(
          call("transaction"),
          "Promise.all(works.map(({ ticket, answer }) => db.transaction((em) => ticket.remember(em, answer)))).then(() => $)",
        ),
      ),
    ],
    file: "test/integration/users-idempotency.test.ts",
    title: "an answer and its write are stored together or not at all",
  },
  {
    name: "answers-one-by-one",
    guarantee: "15",
    edits: [
      edit(
        "services/users/commit.ts",
        "transact",
        becomes(
          call("keepAnswers"),
          "Promise.all(works.map(({ ticket, answer }) => ticket.remember(em, answer)))",
        ),
      ),
    ],
    file: "test/integration/users-commits.test.ts",
    title: "the answers of keyed writes that share a transaction are stored by one statement",
  },
  {
    name: "neighbours-fail-too",
    guarantee: "15",
    edits: [
      edit("services/users/commit.ts", "committedTogether", becomes(condition("UnknownOutcome"), "true")),
    ],
    file: commitsTest,
    title: "a write that can't succeed fails alone, and its neighbours are committed once",
  },
  {
    name: "neighbours-wait-too",
    guarantee: "15",
    edits: [edit("services/users/commit.ts", "briefly", becomes(value, '"0"'))],
    file: commitsTest,
    title: "nobody waits with writes that find their row locked",
  },
];
