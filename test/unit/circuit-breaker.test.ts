/** When a circuit opens, tries and closes: the decisions, with the time in hand. */
import test from "ava";
import { circuit, circuitLimits, type Pass } from "../../mixins/circuit-breaker.ts";

const { faultsMax, quietMs, openMs, patienceMinMs } = circuitLimits;
const patienceMs = 1_500;

function passed(decisions: ReturnType<typeof circuit>, nowMs: number, ms = patienceMs): Pass {
  const admission = decisions.admit(ms, nowMs);
  if (!("pass" in admission)) throw new Error(`Refused for ${admission.refusedForMs} ms`);
  return admission.pass;
}

/** Open since `nowMs`. */
function opened(nowMs: number) {
  const decisions = circuit();
  for (let fault = 0; fault < faultsMax; fault += 1) decisions.failed(passed(decisions, nowMs), nowMs);
  return decisions;
}

test("A slow call alone opens nothing, nor do slow calls with an answer between them", (t) => {
  const decisions = circuit();
  for (let round = 0; round < 10; round += 1) {
    for (let fault = 1; fault < faultsMax; fault += 1)
      decisions.failed(passed(decisions, round * 10_000), round * 10_000 + patienceMs);
    decisions.answered(passed(decisions, round * 10_000), round * 10_000 + patienceMs);
  }
  t.is(decisions.state(), "closed");
});

test("One frozen instance of several opens nothing while the others answer", (t) => {
  const decisions = circuit();
  for (let now = 0; now < 60_000; now += quietMs / 2) {
    decisions.answered(passed(decisions, now), now);
    for (let fault = 0; fault < 3 * faultsMax; fault += 1) decisions.failed(passed(decisions, now), now + 1);
  }
  t.is(decisions.state(), "closed");
});

test("Calls that had no time to be answered open nothing, and none of them is the one that tries", (t) => {
  const decisions = circuit();
  for (let fault = 0; fault < 3 * faultsMax; fault += 1)
    decisions.failed(passed(decisions, 0, patienceMinMs - 1), 100);
  t.is(decisions.state(), "closed");
  t.deepEqual(opened(0).admit(patienceMinMs - 1, openMs), { refusedForMs: 0 });
});

test("An open circuit refuses until its time is over, then lets one call through at a time", (t) => {
  const decisions = opened(100);
  t.is(decisions.state(), "open");
  t.deepEqual(decisions.admit(patienceMs, 100), { refusedForMs: openMs });
  t.deepEqual(decisions.admit(patienceMs, 100 + openMs - 1), { refusedForMs: 1 });
  const trying = passed(decisions, 100 + openMs);
  t.is(decisions.state(), "half-open");
  t.deepEqual(decisions.admit(patienceMs, 200 + openMs), { refusedForMs: patienceMs - 100 });
  decisions.failed(trying, 100 + openMs + patienceMs);
  t.is(decisions.state(), "open");
  t.deepEqual(decisions.admit(patienceMs, 100 + openMs + patienceMs), { refusedForMs: openMs });
  decisions.answered(passed(decisions, 100 + 2 * openMs + patienceMs), 101 + 2 * openMs + patienceMs);
  t.is(decisions.state(), "closed");
});

test("What was begun before the circuit opened neither opens nor closes it, and an answer lets the next call try", (t) => {
  const decisions = circuit();
  const early = Array.from({ length: faultsMax + 2 }, () => passed(decisions, 0));
  for (const pass of early.slice(0, faultsMax)) decisions.failed(pass, patienceMs);
  const [late, later] = early.slice(faultsMax) as [Pass, Pass];
  decisions.failed(late, patienceMs + openMs - 1);
  t.deepEqual(decisions.admit(patienceMs, patienceMs + openMs - 1), { refusedForMs: 1 }, "no second start");
  decisions.answered(later, patienceMs + openMs - 1);
  t.is(decisions.state(), "open");
  decisions.answered(passed(decisions, patienceMs + openMs - 1), patienceMs + openMs);
  t.is(decisions.state(), "closed");
});

test("A sign of life lets the next call try at once, and changes nothing else", (t) => {
  const decisions = opened(0);
  decisions.mayBeBack(10);
  t.is(decisions.state(), "open");
  const trying = passed(decisions, 10);
  decisions.mayBeBack(20);
  t.true("refusedForMs" in decisions.admit(patienceMs, 20), "one call at a time");
  decisions.failed(trying, 30);
  t.deepEqual(decisions.admit(patienceMs, 30), { refusedForMs: openMs });
});
