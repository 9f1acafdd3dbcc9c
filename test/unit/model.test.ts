import test from "ava";
import { proofFaults, storyOf } from "../support/gate/model.ts";
import { invariants, mutations, proofs } from "../support/gate/model-runs.ts";

const whole = "State-vector 152 byte, depth reached 243, errors: 0\n   704766 states, stored\n";
const everyStep = { everyStep: true };

test("a search that looked at every state and found nothing is a proof", (t) => {
  t.deepEqual(proofFaults(whole, everyStep), []);
});

test("a search that ran out of depth, memory or time is no proof", (t) => {
  const depth = "error: max search depth too small\n";
  t.true(proofFaults(`${depth}${whole}`, everyStep).length > 0);
  t.true(proofFaults(`Warning: Search not completed\n${whole}`, everyStep).length > 0);
  t.true(proofFaults("", everyStep).length > 0);
});

test("a model in which a step never happens proves nothing of it, but for the refusals that must not", (t) => {
  const unreached = '\tprotocol.pml:257, state 40, "mark[user] = version"\n';
  const refusals = `\tprotocol.pml:99, state 41, "assert(0)"\n\tprotocol.pml:98, state 39, "printf('BROKEN: x\\n')"\n`;
  t.is(proofFaults(`${whole}${unreached}`, everyStep).length, 1);
  t.deepEqual(proofFaults(`${whole}${refusals}`, everyStep), []);
  t.deepEqual(proofFaults(`${whole}${unreached}`, { everyStep: false }), []);
});

test("a counterexample ends with the invariant that it breaks", (t) => {
  const trail = ["", "failover: without loss", "BROKEN: one owner a key", "spin: protocol.pml:99, Error"];
  t.deepEqual(storyOf(trail), { steps: ["failover: without loss"], broken: "one owner a key" });
  t.is(storyOf(["failover: without loss"]).broken, undefined);
});

test("every invariant is broken by a mutation, and no proof is of one", (t) => {
  for (const invariant of invariants) t.true(mutations.some(({ breaks }) => breaks === invariant));
  const names = new Set(mutations.map(({ name }) => name));
  for (const { defines } of proofs) t.false(defines.some((define) => names.has(define)));
});
