/**
 * What the management API of a cluster of three RabbitMQ 3.10.8 nodes answered (`GET /api/nodes`, `GET /api/queues/%2F`),
 * with the queues of a system that retries once, and a queue of calls. Left out is what the doctor does not read.
 */
import type { ClusterNode, ClusterQueue } from "../../services/commands/doctor/cluster.ts";

export interface RecordedCluster {
  readonly nodes: readonly ClusterNode[];
  readonly queues: readonly ClusterQueue[];
}

/** Just declared over one connection. */
export const allLedByOne: RecordedCluster = {
  nodes: [
    { name: "a@127.0.0.1", running: true },
    { name: "b@127.0.0.1", running: true },
    { name: "c@127.0.0.1", running: true },
  ],
  queues: [
    { name: "MOL.x" },
    {
      name: "audit.user-events",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "audit.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "audit.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
  ],
};

/** After `rabbitmq-queues delete_member smtp-registry.user-events …b`. */
export const oneCopyShort: RecordedCluster = {
  nodes: [
    { name: "a@127.0.0.1", running: true },
    { name: "b@127.0.0.1", running: true },
    { name: "c@127.0.0.1", running: true },
  ],
  queues: [
    { name: "MOL.x" },
    {
      name: "audit.user-events",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "audit.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "audit.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    { name: "smtp-registry.user-events", members: ["a@127.0.0.1", "c@127.0.0.1"], leader: "a@127.0.0.1" },
    {
      name: "smtp-registry.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
  ],
};

/** After `rabbitmq-queues grow` and `rabbitmq-queues rebalance all`. */
export const balanced: RecordedCluster = {
  nodes: [
    { name: "a@127.0.0.1", running: true },
    { name: "b@127.0.0.1", running: true },
    { name: "c@127.0.0.1", running: true },
  ],
  queues: [
    { name: "MOL.x" },
    {
      name: "audit.user-events",
      members: ["c@127.0.0.1", "b@127.0.0.1", "a@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "audit.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "c@127.0.0.1",
    },
    {
      name: "audit.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "b@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events",
      members: ["c@127.0.0.1", "b@127.0.0.1", "a@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "b@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "c@127.0.0.1",
    },
  ],
};

/** After kill -9 of the third node. */
export const oneNodeDown: RecordedCluster = {
  nodes: [
    { name: "a@127.0.0.1", running: true },
    { name: "b@127.0.0.1", running: true },
    { name: "c@127.0.0.1", running: false },
  ],
  queues: [
    { name: "MOL.x" },
    {
      name: "audit.user-events",
      members: ["c@127.0.0.1", "b@127.0.0.1", "a@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "audit.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "audit.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "b@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events",
      members: ["c@127.0.0.1", "b@127.0.0.1", "a@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events.dlq",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "b@127.0.0.1",
    },
    {
      name: "smtp-registry.user-events.retry.1s",
      members: ["a@127.0.0.1", "c@127.0.0.1", "b@127.0.0.1"],
      leader: "a@127.0.0.1",
    },
  ],
};
