/** What becomes of an address that is wanted: guarantees 2g to 2i. */
import { edit, type Mutation } from "../mutation.ts";
import { argument, becomes, call, clause, condition, statement } from "../operators.ts";

const registrySql = "services/smtp-registry/sql.ts";
const onTakenTest = "test/integration/users-on-taken.test.ts";
const holds = "services/smtp-registry/lapsed-holds.ts";
const holdsTest = "test/integration/registry-holds.test.ts";

export const addresses: readonly Mutation[] = [
  {
    name: "blocked-suffixed",
    guarantee: "2g",
    edits: [
      edit("services/smtp-registry/reserve-alone.ts", "conflictsIn", becomes(condition("blocked"), "false")),
      edit(
        registrySql,
        "reserve",
        becomes(
          clause("where verdict = 'blocked' or verdict = 'taken' and refuse"),
          "where verdict in ('blocked', 'taken') and refuse",
        ),
      ),
      edit(
        registrySql,
        "reserve",
        becomes(
          clause("where verdict = 'taken' and not exists"),
          "where verdict in ('blocked', 'taken') and not exists",
        ),
      ),
    ],
    file: onTakenTest,
    title: "a blocked name is refused and never suffixed, as primary and as secondary, whatever is asked",
  },
  {
    name: "blocked-by-suffix",
    guarantee: "2g",
    edits: [
      edit(
        "services/smtp-registry/suffix-rule.ts",
        "suffixesOf",
        becomes(call("numbersAfter"), "$.slice(0, 0)"),
      ),
    ],
    file: onTakenTest,
    title: "a suffix never makes a blocked name, nor one that is a blocked name and a number",
  },
  {
    name: "refusal-opens-circuit",
    guarantee: "2h",
    edits: [
      edit(
        "services/smtp-registry/reserve-alone.ts",
        "refuse",
        becomes(
          statement("releaseHolds"),
          '$ if (conflicts.some(({ noSuffix }) => noSuffix !== undefined)) throw new Unavailable("database", "Cannot find a free suffix");',
        ),
      ),
    ],
    file: onTakenTest,
    title: "an address that no suffix fits is refused at once, however often it comes, and stops nobody",
  },
  {
    name: "a-look-ends-too-late",
    guarantee: "2h",
    edits: [
      edit(
        "services/smtp-registry/suffix-choice.ts",
        "nextSpan",
        becomes(condition("growth"), "leftMs <= 0"),
      ),
    ],
    file: "test/unit/registry-rules.test.ts",
    title: "A search for a suffix looks on for as long as a look fits into what is left, and no further",
  },
  {
    name: "suffixes-one-by-one",
    guarantee: "2h",
    edits: [
      edit(
        "services/smtp-registry/reserve-alone.ts",
        "attempt",
        becomes(
          statement("reserveSuffixed"),
          "for (const one of taken) await reserveSuffixed(em, current, [one], avoid); $",
        ),
      ),
    ],
    file: "test/integration/registry-suffix.test.ts",
    title: "A hundred taken addresses send as many statements as one",
  },
  {
    name: "hold-lapses",
    guarantee: "2i",
    edits: [edit(holds, "settlePage", becomes(argument("ask", 0), "[]"))],
    file: holdsTest,
    title: "the hold of a committed user is kept over its time to live, and one that nobody committed goes",
  },
  {
    name: "committed-let-go",
    guarantee: "2i",
    edits: [edit(registrySql, "ofSameUser", becomes(clause("then held."), "then excluded."))],
    file: holdsTest,
    title: "a later write of the user that fails lets none of its committed addresses go",
  },
];
