/** What the doctor says of a RabbitMQ cluster, of standbys and of the instances of a role, from what they answered. */
import test from "ava";
import { queueDeclarations, userQueues } from "../../mixins/bus/topology.ts";
import { clusterFindings, examineCluster } from "../../services/commands/doctor/cluster.ts";
import { standbyFindings } from "../../services/commands/doctor/standby.ts";
import { instancesFinding } from "../../services/commands/doctor/system.ts";
import {
  allLedByOne,
  balanced,
  oneCopyShort,
  oneNodeDown,
  type RecordedCluster,
} from "../support/recorded-cluster.ts";

const names = userQueues.flatMap((spec) => queueDeclarations(spec, [1_000]).map(({ queue }) => queue));
const findingsOf = ({ nodes, queues }: RecordedCluster) => clusterFindings(nodes, queues, names);

test("a cluster whose queues have three copies each and several leaders is well", (t) => {
  t.deepEqual(findingsOf(balanced), [
    { status: "ok", part: "RabbitMQ nodes", says: "3 nodes run" },
    { status: "ok", part: "queue copies", says: "3 of each of 6 queues" },
  ]);
});

test("a queue with fewer copies than three is a problem, with the line that makes those that are missing", (t) => {
  const [, copies] = findingsOf(oneCopyShort);
  t.like(copies, {
    status: "problem",
    says: "fewer than 3 of 1 queue: smtp-registry.user-events (2)",
    todo: "rabbitmq-queues grow b@127.0.0.1 all",
  });
});

test("queues that were declared before the other nodes joined get a line for each of these", (t) => {
  const { nodes, queues } = balanced;
  const alone = queues.map((queue) => ({ ...queue, members: ["a@127.0.0.1"], leader: "a@127.0.0.1" }));
  const [, copies] = clusterFindings(nodes, alone, names);
  t.is(copies?.todo, "rabbitmq-queues grow b@127.0.0.1 all; rabbitmq-queues grow c@127.0.0.1 all");
  t.regex(copies?.says ?? "", /^fewer than 3 of 6 queues: .+ \(1\), and 3 more$/);
});

test("of a cluster of two, two copies are all that there can be, and of a single node one", (t) => {
  const own = { name: names[0] ?? "", leader: "a" };
  const running = (name: string) => ({ name, running: true });
  t.is(clusterFindings([running("a")], [{ ...own, members: ["a"] }], names)[1]?.status, "ok");
  const two = [running("a"), running("b")];
  t.is(clusterFindings(two, [{ ...own, members: ["a", "b"] }], names)[1]?.status, "ok");
  t.is(clusterFindings(two, [{ ...own, members: ["a"] }], names)[1]?.status, "problem");
});

test("all leaders on one node are a hint, and no problem", (t) => {
  const [, copies] = findingsOf(allLedByOne);
  t.like(copies, {
    status: "ok",
    says: "3 of each of 6 queues, all led by a@127.0.0.1, which does all the work",
    todo: "rabbitmq-queues rebalance all",
  });
});

test("a node that does not run is named", (t) => {
  const [nodes, copies] = findingsOf(oneNodeDown);
  t.like(nodes, { status: "problem", says: "c@127.0.0.1 of 3 does not run" });
  t.is(copies?.status, "ok");
});

test("a management API that does not answer is told of a cluster, and not of a single node", async (t) => {
  const silent = async () => undefined;
  t.deepEqual(await examineCluster(silent, "/", names, false), []);
  t.like((await examineCluster(silent, "/", names, true))[0], { status: "unknown", part: "queue copies" });
});

const streaming = { name: "p2", state: "streaming", sync: "sync" } as const;
const replications = [
  [{ awaited: "", standbys: [] }, undefined, undefined],
  [{ awaited: "", standbys: [{ ...streaming, sync: "async" }] }, "ok", /may lose/],
  [{ awaited: "p2", standbys: [streaming] }, "ok", /^p2 sync, streaming$/],
  [{ awaited: "ANY 1 (p2)", standbys: [{ ...streaming, sync: "quorum" }] }, "ok", /quorum/],
  [{ awaited: "p2", standbys: [] }, "problem", /no such standby streams$/],
  [{ awaited: "p2", standbys: [{ ...streaming, sync: "async" }] }, "problem", /\(p2 async/],
  [{ awaited: "p2", standbys: [{ ...streaming, state: "catchup" }] }, "problem", /catchup/],
  [{ awaited: "p2", standbys: [{ name: "p2", state: null, sync: null }] }, "ok", /1 standby/],
] as const;

for (const [replication, status, says] of replications)
  test(`of replication ${JSON.stringify(replication)} the doctor says ${status ?? "nothing"}`, (t) => {
    const [finding] = standbyFindings("users", replication);
    t.is(finding?.status, status);
    if (says !== undefined) t.regex(finding?.says ?? "", says);
  });

test("a service that one process alone hosts is named in a hint", (t) => {
  const twice = ["gateway", "users", "outbox", "audit", "smtp-registry"].flatMap((name) => [
    { name },
    { name },
  ]);
  t.deepEqual(instancesFinding(twice), {
    status: "ok",
    part: "instances",
    says: "gateway 2, users 2, outbox 2, audit 2, smtp-registry 2",
  });
  t.like(instancesFinding(twice.slice(1)), {
    status: "ok",
    says: "gateway 1, users 2, outbox 2, audit 2, smtp-registry 2",
    todo: "nobody takes over from the only gateway: start a second (docs/scaling.md)",
  });
});
