/**
 * A network namespace for each RabbitMQ node, joined by a bridge on which the clients are, too. A cut line is a route to
 * nowhere on both sides: packets are dropped in silence, as by a broken cable. Linux, and root.
 */
import { randomInt } from "node:crypto";
import { runProgram } from "../../support/provision/command.ts";
import type { Stops } from "../../support/stops.ts";
import { type NodeName, nodeNames } from "./node-names.ts";

export interface Network {
  address(node: NodeName): string;
  /** Stands before a command that is to run there. */
  prefix(node: NodeName): readonly string[];
  /** Cuts this node from the other two; clients reach all of them still. */
  cut(node: NodeName): Promise<void>;
  join(node: NodeName): Promise<void>;
}

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram("ip", args);
  if (code !== 0) throw new Error(`ip ${args.join(" ")} failed: ${stderr.trim()}`);
}

/** Rejects where namespaces can't be made. Everything is gone after `stops`. */
export async function startNetwork(stops: Stops): Promise<Network> {
  const number = randomInt(1, 250);
  const [bridge, subnet] = [`mrha${number}`, `10.203.${number}`];
  const namespaceOf = (node: NodeName) => `mrha${number}${node}`;
  const address = (node: NodeName) => `${subnet}.${11 + nodeNames.indexOf(node)}`;
  const prefix = (node: NodeName) => ["ip", "netns", "exec", namespaceOf(node)];
  await ip("link", "add", bridge, "type", "bridge");
  stops.add(() => ip("link", "delete", bridge));
  await ip("address", "add", `${subnet}.1/24`, "dev", bridge);
  await ip("link", "set", bridge, "up");
  for (const node of nodeNames) {
    const [namespace, outer] = [namespaceOf(node), `mrha${number}v${node}`];
    await ip("netns", "add", namespace);
    // The pair of interfaces goes with it.
    stops.add(() => ip("netns", "delete", namespace));
    await ip("link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", namespace);
    await ip("link", "set", outer, "master", bridge, "up");
    await ip("-n", namespace, "address", "add", `${address(node)}/24`, "dev", "eth0");
    await ip("-n", namespace, "link", "set", "eth0", "up");
    await ip("-n", namespace, "link", "set", "lo", "up");
  }
  const routes = async (what: "add" | "delete", node: NodeName): Promise<void> => {
    for (const other of nodeNames.filter((each) => each !== node)) {
      await ip("-n", namespaceOf(node), "route", what, "blackhole", `${address(other)}/32`);
      await ip("-n", namespaceOf(other), "route", what, "blackhole", `${address(node)}/32`);
    }
  };
  return { address, prefix, cut: (node) => routes("add", node), join: (node) => routes("delete", node) };
}
