/** At which node of RabbitMQ a process begins, and what it takes for silence. */
import test from "ava";
import { silence } from "../../mixins/basics/silence.ts";
import { firstNode, nodesInTurn, nodesOf } from "../../mixins/bus/nodes.ts";

const cluster = "amqp://a;amqp://b;amqp://c";

test("instances whose ids end in a number begin at nodes in turn, so two of a role never begin at the same one", (t) => {
  for (const role of ["users-", "registry", "gateway-x2k4p-"]) {
    const firsts = [0, 1, 2, 3].map((instance) => nodesInTurn(cluster, `${role}${instance}`).split(";")[0]);
    t.is(new Set(firsts.slice(0, 3)).size, 3, role);
    t.is(firsts[3], firsts[0], role);
  }
});

test("ids without a number spread over all nodes", (t) => {
  const ids = Array.from({ length: 300 }, (_, index) => `${index.toString(26)}${index}-host`);
  const counts = [0, 1, 2].map((node) => ids.filter((id) => firstNode(id, 3) === node).length);
  for (const count of counts) t.true(count > 60, `${counts}`);
});

test("after a loss the next node in turn follows, and a single one stays the only one", (t) => {
  const order = nodesInTurn(cluster, "users-1").split(";");
  t.deepEqual(order.toSorted(), cluster.split(";"));
  const doubled = `${cluster};${cluster}`;
  t.true(doubled.includes(order.join(";")), order.join(";"));
  t.is(nodesInTurn("amqp://a", "users-1"), "amqp://a");
  t.is(firstNode("3".repeat(100), 3), firstNode("3".repeat(100), 3));
});

test("every node gets our heartbeat unless its URL says another", (t) => {
  t.deepEqual(nodesOf("amqp://a;amqp://b?heartbeat=30"), ["amqp://a?heartbeat=4", "amqp://b?heartbeat=30"]);
});

test("a server that is not heard for longer than it may be is silent, and not before", (t) => {
  const server = silence({ lookMs: 1_000, silentMs: 4_000 }, 0);
  for (const nowMs of [1_000, 2_000, 3_000, 4_000]) t.false(server.look(nowMs), `${nowMs}`);
  t.true(server.look(5_000));
  server.heard(5_500);
  t.false(server.look(6_000));
});

test("a process that was frozen itself takes nobody for silent before it has read what lies in its sockets", (t) => {
  const server = silence({ lookMs: 1_000, silentMs: 4_000 }, 0);
  t.false(server.look(1_000));
  t.false(server.look(21_000), "it wakes");
  t.false(server.look(22_000));
  t.true([23_000, 24_000, 25_000, 26_000].map((nowMs) => server.look(nowMs)).at(-1));
});
