/** Where the gateways of the running system listen: each has told so itself, so nobody needs to guess a port. */
import { hostname } from "node:os";
import type { ServiceBroker } from "moleculer";
import type { Health } from "../contracts/actions.ts";
import {
  authorityOf,
  canonicalHost,
  isLoopbackHost,
  isWildcardHost,
  reachableAuthority,
} from "../contracts/host.ts";

export interface ListeningGateway {
  readonly nodeId: string;
  /** undefined: it listens on the loopback interface of another machine. */
  readonly url: string | undefined;
  readonly machine: string;
}

interface Service {
  readonly name: string;
  readonly nodeID?: string;
  readonly metadata?: { readonly address?: { readonly host: string; readonly port: number } };
}

function urlOf({ host, port }: { host: string; port: number }, machine: string): string | undefined {
  if (machine === hostname()) return `http://${reachableAuthority(host, port)}`;
  const canonical = canonicalHost(host) ?? host;
  if (isLoopbackHost(canonical)) return undefined;
  return `http://${authorityOf(isWildcardHost(canonical) ? machine : canonical, port)}`;
}

/** Of the system that the broker has joined. */
export function gatewaysOf(broker: ServiceBroker): ListeningGateway[] {
  const nodes = broker.registry.getNodeList({ onlyAvailable: true, withServices: false }) as {
    id: string;
    hostname?: string;
  }[];
  const services = broker.registry.getServiceList({ onlyAvailable: true }) as Service[];
  return services.flatMap(({ name, nodeID = "", metadata }) => {
    if (name !== "gateway" || metadata?.address === undefined) return [];
    const machine = nodes.find(({ id }) => id === nodeID)?.hostname ?? "";
    return [{ nodeId: nodeID, machine, url: urlOf(metadata.address, machine) }];
  });
}

/** What is down and why, by the names of the checks, each reason once; empty when nothing is. */
export function downIn(health: Health | undefined): string {
  const down = Object.entries(health?.checks ?? {}).filter(([, { status }]) => status === "down");
  return [...Map.groupBy(down, ([, { detail }]) => detail ?? "down")]
    .map(([detail, checks]) => `${checks.map(([name]) => name).join(", ")} (${detail})`)
    .join(", ");
}
