/** The erasure of a person: guarantee 46. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, clause, drops, statement } from "../operators.ts";

const file = "test/integration/erasure.test.ts";
const erase = "services/users/erase.ts";
const late = "an event that arrives after the erasure brings nothing back, whatever its version";

export const erasures: readonly Mutation[] = [
  {
    name: "answers-outlive-erasure",
    guarantee: "46a",
    edits: [edit(erase, "eraseAll", drops(statement("forgetAnswers")))],
    file,
    title: "no table of either database holds anything of an erased user, over in-process",
  },
  {
    name: "erased-before-told",
    guarantee: "46a",
    edits: [
      edit(erase, "eraseUser", drops(statement("outboxIsEmpty"))),
      edit(erase, "eraseAll", drops(statement("waiting", "Unavailable", "length"))),
    ],
    file,
    title: "an erasure waits for the events of its user, and is refused when they do not leave",
  },
  {
    name: "erased-comes-back",
    guarantee: "46b",
    edits: [
      edit(
        "services/audit/entries.ts",
        "appendEntries",
        becomes(
          clause("case when x.user_id is null then e.changes else audit_values_emptied(e.changes) end"),
          "e.changes",
        ),
      ),
    ],
    file,
    title: late,
  },
  {
    name: "erasure-not-final",
    guarantee: "46b",
    edits: [
      edit(
        "services/smtp-registry/projection-sql.ts",
        "project",
        becomes(clause("and m.erased_at is not null"), "and false"),
      ),
    ],
    file,
    title: late,
  },
  {
    name: "late-letter-speaks",
    guarantee: "46b",
    edits: [
      edit(
        "mixins/bus/dead-letters.ts",
        "storeDeadLetter",
        drops(statement("emptyLettersOfErased", "userId", "row")),
      ),
    ],
    file,
    title: "letters of an erased user say nothing more, those that come later too",
  },
  {
    name: "erased-guard-nothing",
    guarantee: "46c",
    edits: [
      edit(
        "services/users/sql.ts",
        "saveWrites",
        becomes(
          clause("where not exists (select from erased_keys e where"),
          "where not exists (select from erased_keys e where false and",
        ),
      ),
    ],
    file,
    title: "the guard of users refuses an erased user's address whatever the registry knows",
  },
  {
    name: "erased-look-free",
    guarantee: "46c",
    edits: [edit("services/smtp-registry/look-up.ts", "lookUp", becomes(call("erasedHolder"), "undefined"))],
    file,
    title: "an erased user's address is nobody else's until its terms are over, and nobody is told whose",
  },
  {
    name: "emptied-for-anyone",
    guarantee: "46d",
    edits: [
      edit(
        "migrations/users/Migration20261126001000_erasure.ts",
        "Migration20261126001000_erasure.up",
        becomes(clause("and exists (select from erasures where user_id = old.user_id)"), ""),
      ),
    ],
    file,
    title: "the audit log changes in no other way",
  },
];
