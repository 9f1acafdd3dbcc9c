/** The short set of `npm run ha`, on engines of its own and within what scenarios.ts holds it to today; one scenario a test. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { Stops } from "../support/stops.ts";
import { runScenarios } from "./run.ts";
import { scenarios } from "./scenarios.ts";
import { table } from "./table.ts";

const seed = 42;
const timeoutMs = 280_000;
const stops = new Stops();
const folder = mkdtempSync(join(tmpdir(), "mailroster-ha-logs-"));
const notes: string[] = [];
const rows = runScenarios({
  scenarios: scenarios.filter(({ isShort }) => isShort),
  isShort: true,
  boundsOf: ({ bounds, today }) => today ?? bounds,
  seed,
  folder,
  stops,
  print: (line) => void notes.push(line),
  show: () => {},
  interrupted: new AbortController().signal,
});

/** AVA that is ended leaves its processes to themselves: what this one has started ends with it. */
process.once("disconnect", () => void stops.all().then(() => process.exit(1)));

/** Plays on until this scenario is over; what it did not keep, in words. */
async function brokenIn(t: ExecutionContext, name: string): Promise<string[]> {
  t.timeout(timeoutMs);
  for (let next = await rows.next(); next.done !== true; next = await rows.next()) {
    const row = next.value;
    for (const note of notes.splice(0)) t.log(note);
    t.log(table([row]));
    if (row.scenario !== name) continue;
    const broken = row.verdicts.filter(({ isKept }) => !isKept).map(({ says }) => says);
    return row.problem === undefined ? broken : [row.problem, ...broken];
  }
  return ["it was not played"];
}

test.serial("nothing is refused while nothing happens", async (t) => {
  t.deepEqual(await brokenIn(t, "baseline"), []);
});

test.serial(
  "a RabbitMQ node that is killed loses nothing, and no second goes without an answer",
  async (t) => {
    t.deepEqual(await brokenIn(t, "rabbit-kill"), []);
  },
);

test.serial("a primary that is killed loses nothing, and is replaced within Patroni's time", async (t) => {
  t.deepEqual(await brokenIn(t, "primary-kill"), []);
});

test.serial("a restart of one process after the other loses nothing", async (t) => {
  t.deepEqual(await brokenIn(t, "rolling-restart"), []);
});

test.after.always("its engines end, and its logs are removed", async () => {
  await stops.all();
  rmSync(folder, { recursive: true, force: true });
});
