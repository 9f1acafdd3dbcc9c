/** The lists of users for clients of SCIM: guarantees 2v and 2w. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, call, clause, condition, drops, statement, value } from "../operators.ts";

const candidates = "services/scim/candidates.ts";
const lists = "services/scim/user-lists.ts";
const file = "test/integration/scim-lists.test.ts";
const sameTitle = "what the indexes find is what a look at everybody finds, for any filter and any asker";
const pagesTitle =
  "pages show every living user once, in the order of ids, and whoever is limited those of their domains";
const sharedTitle =
  "of many who ask the same at once those who wait share one answer, and a later one is newer";

export const scimLists: readonly Mutation[] = [
  {
    name: "scim-looks-up-names-by-case",
    guarantee: "2v",
    edits: [edit(candidates, "looksUp.userName", becomes(call("userNameKey"), "text"))],
    file,
    title: sameTitle,
  },
  {
    name: "scim-looks-up-one-of-two",
    guarantee: "2v",
    edits: [edit(candidates, "candidatesOf", becomes(call("union"), "known[0]"))],
    file,
    title: sameTitle,
  },
  {
    name: "scim-looks-up-outside-of-domains",
    guarantee: "2v",
    edits: [
      edit(
        "services/scim/list-sql.ts",
        "candidatesBehind",
        becomes(clause("k.user_id = users.id and"), "k.user_id = users.id or"),
      ),
    ],
    file,
    title: sameTitle,
  },
  {
    name: "scim-pages-begin-anywhere",
    guarantee: "2v",
    edits: [
      edit(
        lists,
        "userLists.beginning",
        becomes(
          statement("offset", "after", "place"),
          "return { after: sql.beforeEveryId, offset: offset - place * limits.markEvery };",
        ),
      ),
    ],
    file,
    title: pagesTitle,
  },
  {
    name: "scim-totals-are-old",
    guarantee: "2v",
    edits: [edit("services/scim/places.ts", "placesAgeMsMax", becomes(value, "3_600_000"))],
    file,
    title: "a total is 2 s old at most, and never less than what is shown",
  },
  {
    name: "scim-looks-without-end",
    guarantee: "2w",
    edits: [edit(lists, "userLists.walk", becomes(condition("nowMs", "endMs"), "false"))],
    file,
    title: "a filter that no index knows is given up after its time, and one that an index knows is not",
  },
  {
    name: "scim-equal-questions-look-each",
    guarantee: "2w",
    edits: [edit(lists, "userLists.shared", drops(call("set")))],
    file,
    title: sharedTitle,
  },
  {
    name: "scim-answer-of-before",
    guarantee: "2w",
    edits: [edit(lists, "userLists.shared", drops(call("end")))],
    file,
    title: sharedTitle,
  },
];
