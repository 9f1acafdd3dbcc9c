/** The short script: each kind of fault at least once, on servers of its own, with a seed that is always the same. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { writeReport } from "./report.ts";
import { run } from "./run.ts";
import { faultKinds } from "./schedule.ts";
import { summaryOf } from "./summary.ts";

const seed = 42;
const faults = 18;
const faultsMs = 60_000;
const timeoutMs = 360_000;

test("nothing is lost, doubled or left broken, whatever is killed, frozen, cut or refused", async (t) => {
  t.timeout(timeoutMs);
  const folder = mkdtempSync(join(tmpdir(), "mailroster-chaos-"));
  const interrupted = new AbortController().signal;
  const print = (line: string): void => t.log(line);
  const options = { seed, faults, faultsMs, baselineMs: 4_000, clients: 5, folder, print, interrupted };
  const result = await run(options);
  const summary = summaryOf(result);
  t.deepEqual(result.violations, []);
  t.is(summary.faults, faults);
  t.deepEqual(Object.keys(summary.faultsByKind).sort(), [...faultKinds].sort());
  t.deepEqual(
    result.faults.filter(({ problem }) => problem !== undefined),
    [],
  );
  t.true(summary.acknowledged > 100);
  writeReport(result, folder, () => {});
  // A failed run keeps its logs and its report.
  rmSync(folder, { recursive: true, force: true });
});
