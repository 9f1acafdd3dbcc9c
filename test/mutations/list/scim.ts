/** What identity providers write: guarantees 2t and 2u. */
import { edit, type Mutation } from "../mutation.ts";
import { becomes, condition, drops, property, statement, use, value } from "../operators.ts";

const users = "services/scim/users.ts";
const creates = "test/integration/scim-users.test.ts";
const changes = "test/integration/scim-changes.test.ts";
const taken = "a taken userName or address is 409 uniqueness, never a suffix, and says why and until when";
const aliases = "an alias that an administrator added stays through a PUT of one e-mail, and is not shown";
const overtaken = "patches of one user at once are all done";

export const scim: readonly Mutation[] = [
  {
    name: "scim-suffixes-a-taken-address",
    guarantee: "2t",
    edits: [
      edit(
        "services/users/provision.ts",
        "provision",
        becomes(property("onTaken"), '"suffix-primary" as never'),
      ),
    ],
    file: creates,
    title: taken,
  },
  {
    name: "scim-shown-names-are-free",
    guarantee: "2t",
    edits: [edit(users, "userActions.refuseTaken", drops(statement("userNameTaken")))],
    file: creates,
    title: taken,
  },
  {
    name: "scim-brings-anybody-back",
    guarantee: "2t",
    edits: [edit(users, "userActions.returning", becomes(condition("isSame"), "true"))],
    file: creates,
    title: "who was deleted and is created again is back under the same id, as it is wanted now",
  },
  {
    name: "scim-repeats-are-other-requests",
    guarantee: "6",
    edits: [
      edit("services/users/index.ts", "requestOf", becomes(value, "(params: unknown): unknown => params")),
    ],
    file: creates,
    title: "a repeat under its key gets the first answer, also of a create that restores",
  },
  {
    name: "scim-takes-aliases-away",
    guarantee: "2u",
    edits: [edit("services/scim/mapping.ts", "wantedAddresses", becomes(use("kept"), "[]"))],
    file: changes,
    title: aliases,
  },
  {
    name: "scim-shows-aliases",
    guarantee: "2u",
    edits: [
      edit(
        "services/scim/mapping.ts",
        "shownEmails",
        becomes(statement("filter", "held"), "return addressesOf(user).map((value) => ({ value }));"),
      ),
    ],
    file: changes,
    title: aliases,
  },
  {
    name: "scim-document-not-guarded",
    guarantee: "2u",
    edits: [
      edit(
        "services/users/provision.ts",
        "provision",
        becomes(condition("expectedRevision", "row"), "false"),
      ),
    ],
    file: changes,
    title: overtaken,
  },
  {
    name: "scim-overtaken-is-refused",
    guarantee: "2u",
    edits: [edit("services/scim/provisioned.ts", "overtaken", becomes(value, "[]"))],
    file: changes,
    title: overtaken,
  },
];
