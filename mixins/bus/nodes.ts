/**
 * Promise: of the nodes of one RabbitMQ each process begins at another one and takes the next in turn after a loss, so
 * that the loss of a node is felt by those alone that were there; a node that falls silent is noticed within seconds.
 */
import { createHash } from "node:crypto";

/** A connection on which nothing was heard for twice as long is given up (AMQP 0-9-1 §4.2.7). */
const heartbeatSeconds = 4;
const hashBytes = 4;
/** More digits than these are no number of instances, and no safe integer. */
const ordinalDigitsMax = 9;

/** `;` separates the nodes. */
const split = (url: string): string[] => url.split(";").filter((node) => node !== "");

/**
 * Which node a process begins at. A number at the end of its id counts on from its namesakes: users-0 and users-1 begin at
 * two nodes, where a hash of the whole id would send them to the same one every third time.
 */
export function firstNode(nodeId: string, count: number): number {
  const [, stem = "", ordinal] = new RegExp(`^(.*?)(\\d{1,${ordinalDigitsMax}})?$`).exec(nodeId) ?? [];
  const start = createHash("sha256").update(stem).digest().readUIntBE(0, hashBytes);
  return (start + Number(ordinal ?? 0)) % count;
}

/** The same nodes, in the order in which this process tries them. */
export function nodesInTurn(url: string, nodeId: string): string {
  const nodes = split(url);
  const first = firstNode(nodeId, nodes.length);
  return [...nodes.slice(first), ...nodes.slice(0, first)].join(";");
}

/** The URL of each node, with our heartbeat unless it says another. */
export function nodesOf(url: string): string[] {
  return split(url).map((node) => {
    const parsed = new URL(node);
    if (!parsed.searchParams.has("heartbeat")) parsed.searchParams.set("heartbeat", `${heartbeatSeconds}`);
    return parsed.href;
  });
}
