import { statSync } from "node:fs";
import { availableParallelism } from "node:os";

export default {
  extensions: ["ts"],
  files: ["test/**/*.test.ts"],
  // A file starts processes of its own; two of them keep a small machine busy (three take as long).
  concurrency: Math.min(4, Math.max(2, Math.floor(availableParallelism() / 2))),
  // The longest first, by what stands in them: a long one that begins last leaves a core idle.
  sortTestFiles: (one, other) => statSync(other).size - statSync(one).size,
  timeout: "300s",
  workerThreads: false,
  failFast: false,
  environmentVariables: { NODE_ENV: "test" },
};
