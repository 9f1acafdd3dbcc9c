/** How a command line is read, whichever command it is of. */
import test from "ava";
import { UsageError } from "../../services/contracts/exits.ts";
import {
  type CommandForm,
  helpText,
  numberOf,
  readCommandLine,
} from "../../services/runtime/command-line.ts";

const form: CommandForm = {
  name: "bake",
  says: "Bakes what is asked for.",
  words: { form: "[cake …]", max: 2, known: ["apple", "cherry"] },
  options: { json: { says: "for machines" }, minutes: { value: "N", says: "how long" } },
  exits: { 0: "baked", 3: "burnt" },
};

function read(...args: string[]) {
  const line = readCommandLine(form, args);
  if (line === "help") throw new Error("It is asked for help");
  return line;
}

test("words and options may stand in any order, and the last value counts", (t) => {
  const line = read("apple", "--minutes=3", "--json", "cherry", "--minutes", "5");
  t.deepEqual(line.words, ["apple", "cherry"]);
  t.true(line.has("json"));
  t.is(line.valueOf("minutes"), "5");
  t.is(read().valueOf("minutes"), undefined);
  t.false(read().has("json"));
});

test("what stands behind -- is a word, whatever it looks like", (t) => {
  t.throws(() => read("--", "--json"), { message: /there is no "--json", the nearest is "\w+"/ });
});

for (const [args, message] of [
  [["--jsn"], "there is no option --jsn, the nearest is --json"],
  [["--hlep"], "there is no option --hlep, the nearest is --help"],
  [["--minute", "3"], "there is no option --minute, the nearest is --minutes"],
  [["-x"], "there is no option -x, the nearest is --json"],
  [["--json=yes"], '--json takes no value, not "yes"'],
  [["--minutes"], "the value of --minutes is missing"],
  [["--minutes", "--json"], "the value of --minutes is missing"],
  [["aple"], 'there is no "aple", the nearest is "apple"'],
  [["apple", "cherry", "apple"], '"apple" is one word too many'],
] as const)
  test(`${args.join(" ")} is refused, with what there is`, (t) => {
    t.throws(() => read(...args), {
      instanceOf: UsageError,
      message: `Cannot run bake: ${message} (--help tells what there is)`,
    });
  });

test("a word that must be there is asked for by its name in the help", (t) => {
  const strict = { ...form, words: { form: "<cake>", min: 1 } };
  t.throws(() => readCommandLine(strict, []), { message: /<cake> is missing/ });
});

test("a command that takes no word refuses one", (t) => {
  t.throws(() => readCommandLine({ name: "rest", says: "Rests." }, ["now"]), {
    message: /it takes no word, not "now"/,
  });
});

test("numbers are read within their bounds", (t) => {
  const minutes = (...args: string[]) => numberOf(form, read(...args), "minutes", { min: 0, max: 10 });
  t.is(minutes(), undefined);
  t.is(minutes("--minutes", "2.5"), 2.5);
  for (const text of ["11", "soon", " "])
    t.throws(() => minutes("--minutes", text), { message: /--minutes must be a number from 0 to 10, not/ });
  t.throws(() => numberOf(form, read("--minutes", "2.5"), "minutes", { min: 0, max: 10, whole: true }), {
    message: /must be a whole number/,
  });
});

test("--help and -h win over whatever else there is, and tell of words, options and exit codes", (t) => {
  t.is(readCommandLine(form, ["--nonsense", "--help"]), "help");
  t.is(readCommandLine(form, ["-h"]), "help");
  const text = helpText(form);
  t.regex(text, /bake.* \[cake …\] \[--json\] \[--minutes N\] \[--help\]\n/);
  t.regex(text, /\n {2}--minutes N {2}how long\n/);
  t.regex(text, /\n {2}3 +burnt\n {2}64 +the command line is wrong\n/);
});
