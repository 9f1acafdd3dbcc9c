/** What is on record beside the changes of users: guarantee 42. */
import { edit, type Mutation } from "../mutation.ts";
import { argument, becomes, call, condition, drops, property, statement } from "../operators.ts";

const calls = "mixins/moleculer/recorded-calls.ts";
const file = "test/integration/activity.test.ts";
const read =
  "what is read is on record before it is answered; a search and an address as a hash that finds them";
const unwritable = "what can't be put on record is not read, all else goes on and is on record later";
const operators = "what an operator did is on record, over HTTP and at the REPL, with name and reason";
const people =
  "an operator sees no names and addresses, in a letter as in a trace; whoever may see people does, on record";

export const record: readonly Mutation[] = [
  {
    name: "refusal-leaves-no-record",
    guarantee: "42a",
    edits: [edit("services/gateway/access/index.ts", "noteFailure", drops(statement("unauthenticated")))],
    file,
    title: "who was not let in is on record, once a minute for an address and a reason, without the token",
  },
  {
    name: "foreign-user-is-nowhere",
    guarantee: "42a",
    edits: [
      edit("services/gateway/access/refusals.ts", "isForRights", becomes(condition("isOutside"), "false")),
    ],
    file,
    title: "who may not is on record: for want of a scope, and for another domain's user",
  },
  {
    name: "read-without-a-record",
    guarantee: "42b",
    edits: [edit("mixins/activity-log.ts", "activityLog", drops(statement("Unavailable", "cause")))],
    file,
    title: unwritable,
  },
  {
    name: "deeds-are-forgotten",
    guarantee: "42b",
    edits: [edit("mixins/activity-log.ts", "activityLog", drops(statement("later", "againAfterMs")))],
    file,
    title: unwritable,
  },
  {
    name: "search-in-clear",
    guarantee: "42c",
    edits: [edit("services/access/activities.ts", "storedId", becomes(call("hash"), "$1"))],
    file,
    title: read,
  },
  {
    name: "deeds-without-a-name",
    guarantee: "42d",
    edits: [edit(calls, "whoOf", becomes(call("askerOf"), "askerOf({})"))],
    file,
    title: operators,
  },
  {
    name: "operator-sees-names",
    guarantee: "42e",
    edits: [edit("services/contracts/access.ts", "seesPeople", becomes(call("permits"), "true"))],
    file,
    title: people,
  },
  {
    name: "changes-in-clear",
    guarantee: "42e",
    edits: [edit("mixins/log/masking.ts", "maskPeople", becomes(call("has"), "false"))],
    file,
    title: people,
  },
  {
    name: "text-in-clear",
    guarantee: "42e",
    edits: [
      edit(
        "services/dead-letters/view.ts",
        "maskedView",
        becomes(property("payload"), "maskPeople(payload)"),
      ),
    ],
    file: "test/integration/console-masking.test.ts",
    title:
      "whatever an operator can read tells no name, no address and no id of a person, and opening a letter is on record",
  },
  {
    name: "record-wears-out-at-once",
    guarantee: "42f",
    edits: [
      edit(
        "services/access/activities.ts",
        "sweepActivities",
        becomes(argument("forgetActivity", 0), "now()"),
      ),
    ],
    file,
    title: "an entry that is handed on twice is one, and it leaves after its days",
  },
];
