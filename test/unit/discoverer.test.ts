/** Who is given up for missed heartbeats. */
import test from "ava";
import { WakefulDiscoverer } from "../../mixins/patches/moleculer-discoverer.ts";

const heartbeatTimeout = 6;

/** A discoverer with one remote node, which was last heard so many seconds ago. */
function discoverer(silentSeconds: number) {
  const node = {
    id: "one",
    available: true,
    local: false,
    lastHeartbeatTime: process.uptime() - silentSeconds,
  };
  const given: string[] = [];
  const made = new WakefulDiscoverer({ heartbeatTimeout } as never);
  Object.assign(made, {
    logger: { warn: () => {} },
    registry: { nodes: { toArray: () => [node], disconnected: (id: string) => given.push(id) } },
  });
  return { made, given };
}

test("a node that has sent no heartbeat for too long is given up", (t) => {
  const { made, given } = discoverer(60);
  made.checkRemoteNodes();
  t.deepEqual(given, ["one"]);
});

test("a process that wakes from 20 s gives up nobody for the heartbeats that it has not read", (t) => {
  const { made, given } = discoverer(60);
  const now = performance.now.bind(performance);
  t.teardown(() => Object.assign(performance, { now }));
  Object.assign(performance, { now: () => now() + 20_000 });
  made.checkRemoteNodes();
  t.deepEqual(given, []);
});
