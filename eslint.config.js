// Only what Biome does not have: type-aware rules (a promise nobody awaits is a lost event), regular expressions whose
// work grows faster than what they read (one header of 60 KB kept a process busy for four minutes), and how long a file
// and a function with all inside it may be.
import regexp from "eslint-plugin-regexp";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: [".data/**"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.base],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: false }],
      "@typescript-eslint/await-thenable": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
    },
  },
  {
    files: ["services/**/*.ts", "mixins/**/*.ts", "migrations/**/*.ts", "moleculer.config.ts"],
    // A factory is read like a class, so a function's own lines are counted elsewhere (test/support/gate/tidy.ts).
    rules: { "max-lines": ["error", { max: 300 }], "max-lines-per-function": ["error", { max: 150 }] },
  },
  {
    files: ["services/**/*.ts", "mixins/**/*.ts", "moleculer.config.ts"],
    plugins: { regexp },
    rules: {
      "regexp/no-super-linear-backtracking": ["error", { report: "potential" }],
      "regexp/no-super-linear-move": ["error", { report: "potential" }],
    },
  },
  {
    // Of two it can't see that they are linear: a quotation mark scans to the end only when no other of its kind
    // follows, and an id begins only where a word does.
    files: ["mixins/bus/dead-letter-cause.ts"],
    rules: { "regexp/no-super-linear-move": "off" },
  },
);
