import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename } from "node:path";

export default {
  extensions: ["ts"],
  files: ["test/**/*.test.ts"],
  // A file waits for some of its time, and starts processes of its own.
  concurrency: Math.min(4, availableParallelism() + 1),
  // The longest first, by what stands in them: a long one that begins last leaves a core idle.
  sortTestFiles: (one, other) => statSync(other).size - statSync(one).size,
  timeout: "300s",
  workerThreads: false,
  failFast: false,
  environmentVariables: { NODE_ENV: "test" },
  nonSemVerExperiments: { observeRunsFromConfig: true },
  /** Tells what hangs: ava 8's TAP reporter throws where it should, and would take the files left with it. */
  async observeRun({ events }) {
    for await (const { type, period, pendingTests } of events) {
      if (type !== "timeout") continue;
      process.once("unhandledRejection", () => {});
      for (const [file, titles] of pendingTests) {
        for (const title of titles) {
          process.stdout.write(`not ok - ${basename(file, ".test.ts")} › ${title}\n`);
          process.stdout.write(`  nothing has ended for ${period} ms\n`);
        }
      }
    }
  },
};
