/** package.json, the lock and docs/dependencies.md agree; each rule is noticed when broken. */
import test from "ava";
import { documentationFaults, lockFaults, manifestFaults, packageFaults } from "../support/gate/packages.ts";

test("the repository's packages are exact, reviewed, documented and installable", (t) => {
  t.deepEqual(packageFaults(), []);
});

test("a version range is noticed, in an override too", (t) => {
  t.deepEqual(
    manifestFaults({
      dependencies: { a: "^1.0.0", b: "1.0.0" },
      devDependencies: { c: "latest" },
      overrides: { d: "~1.0.0" },
    }),
    ["inexact-version: a ^1.0.0", "inexact-version: c latest", "inexact-version: d ~1.0.0"],
  );
});

test("a registry's host in the lock is noticed", (t) => {
  const packages = { "node_modules/a": { resolved: "https://packages.example/a.tgz" } };
  t.deepEqual(lockFaults({ packages }, {}), ["resolved-url: node_modules/a names a registry's host"]);
});

test("a lock that leaves out another platform's package is noticed", (t) => {
  const packages = {
    "node_modules/a": { optionalDependencies: { "a-linux": "1.0.0", "a-darwin": "1.0.0" } },
    "node_modules/a/node_modules/a-linux": {},
  };
  t.deepEqual(lockFaults({ packages }, {}), ["incomplete-lock: a-darwin of node_modules/a is missing"]);
});

test("an install script that nobody reviewed is noticed, and a rule for none", (t) => {
  const packages = {
    "node_modules/a": { hasInstallScript: true },
    "node_modules/x/node_modules/b": { hasInstallScript: true },
  };
  t.deepEqual(lockFaults({ packages }, { allowScripts: { b: false, gone: true } }), [
    "unreviewed-script: a (allow or deny it in allowScripts)",
    "stale-script-rule: gone has no install script",
  ]);
});

test("a dependency without its line is noticed, a line without its dependency, twice, and an empty cell", (t) => {
  const manifest = {
    dependencies: { a: "1.0.0" },
    optionalDependencies: { b: "1.0.0" },
    devDependencies: { c: "1.0.0" },
  };
  const page = "| package | what for |\n|---|---|\n| `a` | x |\n| `a` | x |\n| `b` |  |\n| `gone` | x |\n";
  t.deepEqual(documentationFaults(manifest, page), [
    "undocumented: c",
    "documented-but-gone: gone",
    "documented-twice: a",
    "empty-cell: b",
  ]);
});
