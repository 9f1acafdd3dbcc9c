/** Which packet of Moleculer's is believed from which user of the broker. */
import test from "ava";
import { processMetrics } from "../../mixins/metrics/metrics.ts";
import { packetRefusal } from "../../mixins/moleculer/packet-senders.ts";
import { doubtOf } from "../../mixins/moleculer/refused-packets.ts";
import { parsePeers } from "../../services/config/peers.ts";
import { actions } from "../../services/contracts/actions.ts";
import { type PeerRole, peerRoles } from "../../services/contracts/peers.ts";
import { testLogger } from "../support/logs.ts";

const peers = parsePeers("gw=gateway,us=users,re=registry,op=operator,two=gateway+users");
const userOfRole: Readonly<Record<PeerRole, string>> = {
  gateway: "gw",
  users: "us",
  registry: "re",
  operator: "op",
};
const from = (user: string | undefined, command: string, payload: object) =>
  packetRefusal(peers, user, command, { sender: `${user}-1`, ...payload });
const offering = (name: string, action = `${name}.get`) => ({
  services: [{ name, actions: { [action]: { name: action } } }],
});

test("a packet of nobody, of a user who is no peer, and of a process of another user is dropped", (t) => {
  for (const command of [
    "REQ",
    "RES",
    "INFO",
    "DISCOVER",
    "DISCONNECT",
    "HEARTBEAT",
    "PING",
    "PONG",
    "EVENT",
  ]) {
    const payload = { sender: "gw-1", action: "users.get" };
    t.is(packetRefusal(peers, undefined, command, payload), "unknown-user");
    t.is(packetRefusal(peers, "guest", command, payload), "unknown-user");
    t.is(packetRefusal(peers, "us", command, payload), "foreign-node");
    t.is(packetRefusal(peers, "gw", command, { ...payload, sender: "gw1" }), "foreign-node");
    t.is(packetRefusal(peers, "gw", command, null), "foreign-node");
  }
  for (const command of ["RES", "DISCOVER", "DISCONNECT", "HEARTBEAT", "PING", "PONG"])
    t.is(from("gw", command, {}), undefined);
});

test("an action is called in the roles that it names and in no other", (t) => {
  for (const [action, { callers }] of Object.entries(actions))
    for (const role of peerRoles)
      t.is(
        from(userOfRole[role], "REQ", { action }),
        callers.includes(role) ? undefined : "not-a-caller",
        `${action} by ${role}`,
      );
  for (const action of ["$node.options", "$node.actions", "users.everything", "toString", undefined, 7])
    t.is(from("us", "REQ", { action }), "not-a-caller");
  for (const action of ["$node.list", "$node.services"]) t.is(from("re", "REQ", { action }), undefined);
  t.is(from("two", "REQ", { action: "users.digest" }), undefined);
});

test("a gateway's login calls nothing internal but what it needs for traces, health, status, keys and the record", (t) => {
  const internal = Object.entries(actions)
    .filter(([, { visibility, callers }]) => visibility === "public" && callers.includes("gateway"))
    .map(([action]) => action)
    .filter((action) => !/\.(health|trace)$/.test(action));
  t.deepEqual(internal.sort(), [
    "access.changes",
    "access.record",
    "access.used",
    "audit.request",
    "outbox.backlogs",
    "outbox.status",
    "smtp-registry.standing",
    "users.addresses",
    "users.standing",
  ]);
});

test("a service is offered in the roles that host it, under names of its own", (t) => {
  t.is(from("us", "INFO", offering("users")), undefined);
  t.is(
    from("two", "INFO", { services: [...offering("users").services, ...offering("gateway").services] }),
    undefined,
  );
  t.is(from("gw", "INFO", offering("trace")), undefined);
  t.is(from("re", "INFO", offering("ops")), undefined);
  t.is(from("op", "INFO", offering("$node")), undefined);
  t.is(from("gw", "INFO", {}), undefined);
  for (const [user, services] of [
    ["gw", offering("users")],
    ["us", offering("smtp-registry")],
    ["op", offering("dead-letters")],
    ["gw", offering("trace", "users.get")],
    ["gw", { services: [{ name: "trace", actions: { "trace.x": { name: "users.get" } } }] }],
    ["gw", offering("v2.trace")],
    ["gw", offering("nonsense")],
    ["gw", { services: [{}] }],
    ["gw", { services: [null] }],
  ] as const)
    t.is(from(user, "INFO", services), "foreign-service", JSON.stringify(services));
});

test("an event is told by whoever may host the service of its name", (t) => {
  t.is(from("us", "EVENT", { event: "outbox.appended" }), undefined);
  for (const event of ["outbox.appended", "$node.disconnected.x", "", undefined])
    t.is(
      from("gw", "EVENT", { event }),
      event?.startsWith("$node") ? undefined : "foreign-event",
      String(event),
    );
});

test("each packet that is dropped counts, and the log tells of one a minute for each reason", async (t) => {
  const lines: Record<string, unknown>[] = [];
  const metrics = processMetrics();
  let nowMs = 0;
  const doubt = doubtOf(peers, {
    log: testLogger({ lines, level: "info" }),
    refused: metrics.packetsRefused,
    now: () => nowMs,
  });
  const call = (action: string) => doubt("gw", "REQ", { sender: "gw-1", action });
  t.is(call("users.get"), undefined);
  for (let times = 0; times < 5; times += 1) t.is(call("users.reemit"), "not-a-caller");
  t.is(doubt("x".repeat(500), "PING", { sender: "gw-1" }), "unknown-user");
  nowMs = 60_000;
  call("users.digest");
  t.deepEqual(
    lines.map(({ reason, action, droppedSince }) => [reason, action, droppedSince]),
    [
      ["not-a-caller", "users.reemit", 0],
      ["unknown-user", undefined, 0],
      ["not-a-caller", "users.digest", 4],
    ],
  );
  t.is(String(lines[1]?.login).length, 200);
  const { values } = await metrics.packetsRefused.get();
  t.deepEqual(
    values.map(({ labels, value }) => [labels.reason, value]),
    [
      ["not-a-caller", 6],
      ["unknown-user", 1],
    ],
  );
});
