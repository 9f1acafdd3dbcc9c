import { statSync } from "node:fs";
import { availableParallelism } from "node:os";

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
};
