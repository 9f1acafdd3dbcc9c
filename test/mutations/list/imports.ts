/** What is brought in, and what is asked before: guarantee 53. */
import { edit, type Mutation } from "../mutation.ts";
import { always, becomes, call, condition, drops, never, statement, use } from "../operators.ts";

const importTest = "test/integration/import.test.ts";
const formatsTest = "test/unit/import-formats.test.ts";
const checkTest = "test/integration/users-check.test.ts";
const domainsTest = "test/integration/domains-of-a-caller.test.ts";
const run = "mixins/import/run.ts";
const rules = "services/users/check-rules.ts";

export const imports: readonly Mutation[] = [
  {
    name: "same-is-not-found",
    guarantee: "53a",
    edits: [edit(rules, "same", becomes(call("isEmpty"), "false"))],
    file: importTest,
    title: "the same file again writes nothing, also when every idempotency key is forgotten",
  },
  {
    name: "rows-do-not-wait",
    guarantee: "53b",
    edits: [edit(run, "importRows", becomes(call("all"), "Promise.resolve()"))],
    file: importTest,
    title: "of two rows with one address the first one of the file has it, though both are in hand at once",
  },
  {
    name: "first-answers-count-for-ever",
    guarantee: "53a",
    edits: [edit(run, "create", becomes(condition("isThere"), always))],
    file: importTest,
    title: "a user who was deleted after a run is told as one, and comes again when the address is free",
  },
  {
    name: "patches-without-a-version",
    guarantee: "53c",
    edits: [edit("mixins/http/patient-client.ts", "requestHeaders", becomes(condition("version"), "true"))],
    file: importTest,
    title: "a user that others change meanwhile is looked at once more, not overwritten",
  },
  {
    name: "checks-forget-the-registry",
    guarantee: "53d",
    edits: [edit("services/users/check.ts", "gather", drops(statement("addStatuses")))],
    file: checkTest,
    title: "a hold that is under way stands against a thorough check, and is left to the write by another",
  },
  {
    name: "checks-tell-of-other-domains",
    guarantee: "41a",
    edits: [edit(rules, "checkCreate", becomes(condition("outside"), never))],
    file: domainsTest,
    title: "a check tells nothing of addresses and ids that lie outside",
  },
  {
    name: "wrong-bytes-are-read",
    guarantee: "53e",
    edits: [
      edit("mixins/import/text.ts", "utf8Of", becomes(call("decode"), "new TextDecoder().decode(bytes)")),
    ],
    file: formatsTest,
    title:
      "Windows-1252 is read when it is named, and told apart from UTF-8 by line and column when it is not",
  },
  {
    name: "lists-are-always-utf-8",
    guarantee: "53e",
    edits: [edit("services/commands/bulk/rows.ts", "rowsOf", becomes(use("encoding"), "undefined"))],
    file: "test/unit/bulk-rows.test.ts",
    title: "a list of people is read in the encoding of its mark, else in the one that is named",
  },
  {
    name: "console-knows-no-domains",
    guarantee: "53f",
    edits: [
      edit(
        "services/gateway/console/app/core/import-wishes.ts",
        "keyOf",
        becomes(call("hostOf"), "address.slice(at + 1)"),
      ),
    ],
    file: "test/system/console-import.test.ts",
    title: "a file in csv is looked at, imported, and found there by the next look, as the command does it",
  },
];
