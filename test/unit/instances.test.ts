/** Which instance of a service is called: the decisions, with the time in hand. */
import test from "ava";
import { instanceCircuitLimits, instanceLimits, instances } from "../../mixins/moleculer/instances.ts";

const { pongWaitMs, pingMs } = instanceLimits;
const patienceMs = 1_500;
const service = "users";

function observed() {
  const pings: string[] = [];
  const changes: string[] = [];
  const known = instances({
    ping: (nodeID) => pings.push(nodeID),
    changed: (nodeID, isSilent) => changes.push(`${nodeID} ${isSilent ? "silent" : "back"}`),
  });
  /** As often as the middleware does. */
  const look = (fromMs: number, untilMs: number) => {
    for (let nowMs = fromMs; nowMs <= untilMs; nowMs += 100) known.look(nowMs);
  };
  return { known, pings, changes, look };
}

test("an instance that answers neither a call nor a ping is passed over until it is heard, and is asked all the while", (t) => {
  const { known, pings, changes, look } = observed();
  look(0, 1_000);
  known.waits("one", 1_000);
  look(1_100, 1_000 + pongWaitMs - 100);
  t.true(known.isGood("one", service, patienceMs, 1_000));
  look(1_000 + pongWaitMs, 1_000 + 10 * pingMs);
  t.false(known.isGood("one", service, patienceMs, 6_000));
  t.true(known.isGood("two", service, patienceMs, 6_000));
  t.true(pings.length >= 9, `${pings.length} pings`);
  known.heard("one");
  t.true(known.isGood("one", service, patienceMs, 6_001));
  t.deepEqual(changes, ["one silent", "one back"]);
});

test("an instance that is slow but answers pings keeps its calls", (t) => {
  const { known, changes, look } = observed();
  for (let nowMs = 0; nowMs < 20_000; nowMs += 100) {
    known.waits("one", nowMs);
    look(nowMs, nowMs);
    if (nowMs % 200 === 0) known.heard("one");
  }
  t.deepEqual(changes, []);
});

test("an instance that nothing can be delivered to is passed over at once", (t) => {
  const { known, pings, changes } = observed();
  known.unreachable("one", 0);
  known.unreachable("one", 1);
  t.false(known.isGood("one", service, patienceMs, 1));
  t.deepEqual([pings, changes], [["one"], ["one silent"]]);
});

test("a process that was frozen itself takes nobody for silent for what it has not read", (t) => {
  const { known, changes, look } = observed();
  look(0, 1_000);
  known.waits("one", 1_000);
  known.look(21_000);
  known.look(21_100);
  known.heard("one");
  look(21_200, 23_000);
  t.deepEqual(changes, []);
});

test("an instance that leaves the calls of a service unanswered is passed over for it alone, but for a try now and then", (t) => {
  const { known } = observed();
  const { faultsMax, openMs } = instanceCircuitLimits;
  for (let fault = 0; fault < faultsMax; fault += 1)
    known.end("one", service, known.begin("one", service, patienceMs, 0), true, 100);
  t.false(known.isGood("one", service, patienceMs, 100 + openMs - 1));
  t.true(known.isGood("one", "audit", patienceMs, 100));
  t.true(known.isGood("two", service, patienceMs, 100));
  t.is(
    known.begin("one", service, patienceMs, 200),
    undefined,
    "called because all are such: it decides nothing",
  );
  t.true(known.isGood("one", service, patienceMs, 100 + openMs));
  const trying = known.begin("one", service, patienceMs, 100 + openMs);
  t.false(known.isGood("one", service, patienceMs, 101 + openMs), "one at a time");
  known.end("one", service, trying, false, 200 + openMs);
  t.true(known.isGood("one", service, patienceMs, 200 + openMs));
});

test("a fault now and then between answers passes over nobody", (t) => {
  const { known } = observed();
  for (let nowMs = 0; nowMs < 60_000; nowMs += 400) {
    known.end("one", service, known.begin("one", service, patienceMs, nowMs), nowMs % 800 === 0, nowMs);
    t.true(known.isGood("one", service, patienceMs, nowMs));
  }
});

test("what is known of an instance is forgotten when it leaves", (t) => {
  const { known, look, pings } = observed();
  known.unreachable("one", 0);
  known.left("one");
  look(0, 5_000);
  t.true(known.isGood("one", service, patienceMs, 5_000));
  t.is(pings.length, 1);
});
