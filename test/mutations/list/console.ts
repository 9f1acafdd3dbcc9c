/** What the console's program promises: guarantees 63h to 63k. */
import { edit, type Mutation } from "../mutation.ts";
import { argument, becomes, call, condition, drops, never, statement, value } from "../operators.ts";

const app = "services/gateway/console/app";
const core = `${app}/core`;
const writes = "test/unit/console-writes.test.ts";
const matrix = "test/system/console-matrix.test.ts";
const keyboard = "test/system/console-keyboard.test.ts";

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
    edits: [edit(`${core}/csv.ts`, "cellOf", becomes(condition("isText"), never))],
    file: "test/unit/console-csv.test.ts",
    title: "no text is a formula to a spreadsheet, as in every other file of ours",
  },
  {
    name: "asked-without-right",
    guarantee: "63j",
    edits: [edit(`${app}/screens/pages.ts`, "Guarded", becomes(condition("may"), never))],
    file: matrix,
    title: "viewer: each screen, in light and dark, wide and narrow",
  },
  {
    name: "page-without-focus",
    guarantee: "63j",
    edits: [edit(`${app}/parts/page.ts`, "Page", drops(statement("place", "focus")))],
    file: matrix,
    title: "viewer: each screen, in light and dark, wide and narrow",
  },
  {
    name: "dialog-begins-at-its-act",
    guarantee: "63k",
    edits: [edit(`${app}/parts/confirm.ts`, "Confirm", drops(statement("cancel", "focus")))],
    file: keyboard,
    title: "a dialog begins at Cancel, keeps the focus inside, and gives it back by Cancel and by Escape",
  },
  {
    name: "focus-goes-with-the-form",
    guarantee: "63k",
    edits: [edit(`${app}/screens/user.ts`, "Editing", becomes(condition("wasEditing", "current"), never))],
    file: keyboard,
    title: "somebody signs in, finds a user by the box, edits and saves",
  },
  {
    name: "shortcuts-while-writing",
    guarantee: "63k",
    edits: [edit(`${core}/shortcuts.ts`, "isWriting", becomes(value, "() => false"))],
    file: keyboard,
    title: "shortcuts lead to the box and to pages, while nobody writes and nobody has switched them off",
  },
];
