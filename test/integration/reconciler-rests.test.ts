import test from "ava";
import { pause } from "../../mixins/basics/pause.ts";
import { passOverAll } from "../../services/reconciler/pass.ts";
import { patientAsk } from "../../services/reconciler/sources.ts";
import { rigOf } from "../support/rig.ts";

/** What a side takes for a page at least: more than a timer's grain. */
const slowMs = 20;

test("a pass rests before a page as long as the one before took", async (t) => {
  const { broker } = await rigOf(t, { environment: { RECONCILE_MINUTES: "0" } });
  const stopping = new AbortController().signal;
  const patient = patientAsk(broker, stopping);
  const pages: { readonly beganMs: number; readonly endedMs: number }[] = [];
  const ask: typeof patient = async (name, params) => {
    const beganMs = performance.now();
    const answer = await patient(name, params);
    const isPage = name.endsWith(".digest");
    if (isPage) await pause(slowMs, stopping);
    if (isPage) pages.push({ beganMs, endedMs: performance.now() });
    return answer;
  };
  await passOverAll({
    ask,
    acknowledged: async () => () => undefined,
    backlogs: { seen: async () => 0, gone: async () => {} },
    graceMs: 0,
    stopping,
    found: async () => {},
  });
  t.is(pages.length, 3, "one of each side");
  for (const [index, { beganMs }] of pages.entries()) {
    const before = pages[index - 1];
    if (before === undefined) continue;
    // A timer may come a millisecond early.
    t.true(beganMs - before.endedMs >= before.endedMs - before.beganMs - 2);
  }
});
