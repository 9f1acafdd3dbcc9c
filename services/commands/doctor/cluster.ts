/**
 * Looks at a RabbitMQ cluster by its management API: which nodes run, and which of them have a copy of each quorum queue
 * and lead it. A node that joins after the queues were declared gets no copy, and nothing in AMQP tells.
 */
import { counted } from "../../../mixins/basics/plural.ts";
import { type Finding, hint, ok, problem, unknown } from "./findings.ts";

/** As RabbitMQ makes them when nobody says otherwise: one copy may be lost. */
const copiesWanted = 3;
const named = 3;

/** Of `GET /api/nodes`. */
export interface ClusterNode {
  readonly name: string;
  readonly running: boolean;
}

/** Of `GET /api/queues/<vhost>`; members and leader are a quorum queue's. */
export interface ClusterQueue {
  readonly name: string;
  readonly members?: readonly string[];
  readonly leader?: string;
}

/** undefined: the management API does not answer, or not this user. */
export type AskManagement = <T>(path: string) => Promise<T | undefined>;

const part = "queue copies";

function nodesFinding(nodes: readonly ClusterNode[]): Finding {
  const down = nodes.flatMap(({ name, running }) => (running ? [] : name));
  if (down.length === 0) return ok("RabbitMQ nodes", counted(nodes.length, "node runs", "nodes run"));
  return problem(
    "RabbitMQ nodes",
    `${down.join(", ")} of ${nodes.length} ${down.length === 1 ? "does" : "do"} not run`,
    "start it again; one that is gone for ever: `rabbitmqctl forget_cluster_node <node>`",
  );
}

/** As many nodes as copies are wanted, those that have the most already; each then gets what it lacks. */
function growth(queues: readonly Required<ClusterQueue>[], nodes: readonly string[], wanted: number): string {
  const has = (node: string) => queues.filter(({ members }) => members.includes(node)).length;
  const chosen = [...nodes].sort((a, b) => has(b) - has(a)).slice(0, wanted);
  return chosen
    .filter((node) => has(node) < queues.length)
    .map((node) => `rabbitmq-queues grow ${node} all`)
    .join("; ");
}

function copiesFinding(queues: readonly Required<ClusterQueue>[], nodes: readonly ClusterNode[]): Finding {
  const wanted = Math.min(copiesWanted, nodes.length);
  const few = queues.filter(({ members }) => members.length < wanted);
  if (few.length > 0) {
    const first = few.slice(0, named).map(({ name, members }) => `${name} (${members.length})`);
    const more = few.length > named ? `, and ${few.length - named} more` : "";
    const running = nodes.flatMap(({ name, running }) => (running ? name : []));
    return problem(
      part,
      `fewer than ${wanted} of ${counted(few.length, "queue")}: ${first.join(", ")}${more}`,
      growth(queues, running, wanted) || "start the nodes that do not run, then ask again",
      ["RabbitMQ nodes"],
    );
  }
  const leaders = [...new Set(queues.map(({ leader }) => leader))];
  const copies = `${wanted} of each of ${counted(queues.length, "queue")}`;
  const isLopsided = leaders.length === 1 && nodes.filter(({ running }) => running).length > 1;
  return isLopsided && queues.length > 1
    ? hint(
        part,
        `${copies}, all led by ${leaders[0]}, which does all the work`,
        "rabbitmq-queues rebalance all",
      )
    : ok(part, copies);
}

/** Of the queues with these names. Pure. */
export function clusterFindings(
  nodes: readonly ClusterNode[],
  queues: readonly ClusterQueue[],
  names: readonly string[],
): Finding[] {
  const own = queues.filter(
    (queue): queue is Required<ClusterQueue> =>
      names.includes(queue.name) && queue.members !== undefined && queue.leader !== undefined,
  );
  return own.length === 0 ? [nodesFinding(nodes)] : [nodesFinding(nodes), copiesFinding(own, nodes)];
}

/** What could not be looked at is told of a cluster alone: a single node has one copy of everything. */
export async function examineCluster(
  ask: AskManagement,
  vhost: string,
  names: readonly string[],
  isCluster: boolean,
): Promise<Finding[]> {
  const nodes = await ask<ClusterNode[]>("nodes");
  const queues = await ask<ClusterQueue[]>(`queues/${encodeURIComponent(vhost)}`);
  if (nodes !== undefined && queues !== undefined) return clusterFindings(nodes, queues, names);
  if (!isCluster) return [];
  return [
    unknown(
      part,
      "the management API does not answer this user",
      "`rabbitmq-plugins enable rabbitmq_management`, and `rabbitmqctl set_user_tags <user> monitoring`",
    ),
  ];
}
