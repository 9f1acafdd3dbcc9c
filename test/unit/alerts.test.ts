/** The shipped alerts: valid, each with a way to act on it, each seen to fire and seen to be quiet. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { repositoryRoot } from "../support/gate/run-tool.ts";
import { promtool } from "../support/prometheus.ts";
import { alerts, observability, ruleFiles } from "../support/rules.ts";

const testFiles = globSync(join(repositoryRoot, "test/alerts/*.yml")).sort();
const runbook = readFileSync(join(repositoryRoot, "docs/runbook.md"), "utf8");
const sections = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);

test("Prometheus takes the rules and the configuration that it ships with", async (t) => {
  for (const args of [
    ["check", "rules", ...ruleFiles()],
    ["check", "config", join(observability, "prometheus.yml")],
  ]) {
    const { code, stdout, stderr } = await promtool(args);
    t.is(code, 0, stdout + stderr);
  }
});

test("every alert fires on what it is for, and is quiet on what is near it", async (t) => {
  const { code, stdout, stderr } = await promtool(["test", "rules", ...testFiles]);
  t.is(code, 0, stdout + stderr);
});

test("every alert has a test in which it fires and one in which it is quiet", (t) => {
  const titles = testFiles.flatMap((path) =>
    (
      parse(readFileSync(path, "utf8")) as {
        tests: { name: string; promql_expr_test: { exp_samples: unknown[] }[] }[];
      }
    ).tests.map(
      ({ name, promql_expr_test: [first] }) => `${name.split(":")[0]} ${first?.exp_samples.length}`,
    ),
  );
  const wanted = alerts().flatMap(({ alert }) => [`${alert} fires 1`, `${alert} is quiet 0`]);
  t.deepEqual([...new Set(titles)].sort(), wanted.sort());
});

test("every alert has a severity, a section of the runbook, and a summary that says what to do next", (t) => {
  t.true(alerts().length > 15);
  for (const { alert, labels, annotations } of alerts()) {
    t.regex(labels?.severity ?? "", /^(critical|warning)$/, alert);
    t.regex(annotations?.summary ?? "", /^[^:]{20,}: [a-z]+ .{10,}$/, alert);
    t.is(annotations?.runbook, `docs/runbook.md#${alert.toLowerCase()}`);
  }
});

test("the runbook has a section for every alert, in the order of the rules, and for nothing else", (t) => {
  t.deepEqual(
    sections,
    alerts().map(({ alert }) => alert),
  );
  for (const text of runbook.split(/^## /m).slice(1))
    for (const part of ["Means", "Urgent", "Look", "Safe", "Escalate"])
      t.true(text.includes(`**${part}**`), `${text.split("\n")[0]}: ${part}`);
});
