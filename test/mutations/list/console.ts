/** What the console's program promises: guarantees 63h and 63i. */
import { edit, type Mutation } from "../mutation.ts";
import { argument, becomes, call, condition, never, statement } from "../operators.ts";

const core = "services/gateway/console/app/core";
const writes = "test/unit/console-writes.test.ts";

export const consoleProgram: readonly Mutation[] = [
  {
    name: "key-for-each-repeat",
    guarantee: "63h",
    edits: [
      edit(
        `${core}/intent.ts`,
        "sender.send",
        becomes(argument("ask", 1), "{ ...request, key: newIntent() }"),
      ),
    ],
    file: writes,
    title: "a write that nobody answers is repeated by itself under the key that it began with",
  },
  {
    name: "key-after-giving-up",
    guarantee: "63h",
    edits: [edit(`${core}/intent.ts`, "sender.send", becomes(statement("refused"), "kept = undefined;\n$"))],
    file: writes,
    title: "a write that was given up has its key also when somebody sends it again by hand",
  },
  {
    name: "cut-answer-is-final",
    guarantee: "63h",
    edits: [edit(`${core}/api.ts`, "dataOf", becomes(call("unanswered"), "error"))],
    file: writes,
    title: "a write that nobody answers is repeated by itself under the key that it began with",
  },
  {
    name: "formulas-in-files",
    guarantee: "63i",
    edits: [edit(`${core}/csv.ts`, "cellOf", becomes(condition("formula"), never))],
    file: "test/unit/console-csv.test.ts",
    title: "no text is a formula to a spreadsheet, as in every other file of ours",
  },
];
