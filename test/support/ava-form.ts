/** What `npm test` takes: ava's words and options, which it hands on as they are. */

import { exitCodes } from "../../services/contracts/exits.ts";
import type { CommandForm } from "../../services/runtime/command-line.ts";

export const avaForm: CommandForm = {
  name: "test",
  says: "Runs every tier, each on the servers that its files need; or what the words name, as ava takes them: test/unit/address.test.ts, a pattern, or a file with :line. The last line is `N passed, N failed`.",
  words: { form: "[file …]" },
  options: {
    match: { short: "m", value: "TITLE", says: "only tests of that title, * stands for anything" },
    serial: { short: "s", says: "one test after the other" },
    "fail-fast": { says: "ends at the first test that fails" },
    concurrency: { short: "c", value: "N", says: "files at the same time" },
    timeout: { short: "T", value: "TIME", says: "of a test that does nothing, as 10s or 2m" },
    "update-snapshots": { short: "u", says: "writes snapshots anew" },
    "node-arguments": { value: "TEXT", says: "options of Node for each file" },
    "no-worker-threads": { says: "a process for each file, as it is without" },
    verbose: { short: "v", says: "as it is without" },
    tap: { short: "t", says: "as it is without" },
    config: { value: "FILE", says: "instead of ava.config.js" },
    color: { says: "colours, whatever the output is" },
    "no-color": { says: "none" },
  },
  exits: {
    [exitCodes.ok]: "every test passed",
    [exitCodes.failure]: "one failed, or a server that it needs could not be got",
  },
};
