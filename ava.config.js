export default {
  extensions: ["ts"],
  files: ["test/**/*.test.ts"],
  concurrency: 2,
  timeout: "300s",
  workerThreads: false,
  failFast: false,
  environmentVariables: { NODE_ENV: "test" },
};
