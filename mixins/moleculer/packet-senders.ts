/**
 * Promise: a packet of Moleculer's is believed only when the user of the broker who has sent it may say what it says: it
 * speaks for a process of its own, offers services that its roles host, calls actions that name one of its roles, and
 * tells events of services that it hosts. Pure.
 *
 * Without it every login at the broker is a process of the system with all rights (docs/security.md, "Broker").
 */
import { type ActionName, actions } from "../../services/contracts/actions.ts";
import { hasRole, nodePrefix, type PeerRole, type Peers } from "../../services/contracts/peers.ts";
import { type HostedName, hostRoles, services } from "../../services/contracts/services.ts";

/** Why a packet is dropped; bounded, for a metric's label. */
export const packetRefusals = [
  "unknown-user",
  "foreign-node",
  "foreign-service",
  "not-a-caller",
  "foreign-event",
] as const;
export type PacketRefusal = (typeof packetRefusals)[number];

/** What Moleculer asks of any process (mixins/moleculer/every-node.ts, services/runtime/peers.ts). */
const ofEveryNode: ReadonlySet<string> = new Set(["$node.list", "$node.services"]);
/** What every process brings along beside the table of services. */
const inEveryProcess: ReadonlySet<string> = new Set(["$node", "fault"]);

interface OfferedService {
  readonly name?: unknown;
  readonly actions?: unknown;
}

const rolesHosting = (service: string): readonly PeerRole[] =>
  Object.hasOwn(services, service) ? hostRoles(service as HostedName) : [];

const mayHost = (peers: Peers, user: string, service: string): boolean =>
  inEveryProcess.has(service) || hasRole(peers, user, rolesHosting(service));

/** An action of another name than its service's would be called for what it is not. */
function mayOffer(peers: Peers, user: string, offered: OfferedService): boolean {
  const { name, actions: own } = offered;
  if (typeof name !== "string" || !mayHost(peers, user, name)) return false;
  const names = Object.entries((own ?? {}) as Record<string, { name?: unknown } | null>);
  return names.every(([key, action]) =>
    [key, action?.name].every((each) => typeof each === "string" && each.startsWith(`${name}.`)),
  );
}

function mayCall(peers: Peers, user: string, action: unknown): boolean {
  if (typeof action !== "string") return false;
  if (ofEveryNode.has(action)) return true;
  return Object.hasOwn(actions, action) && hasRole(peers, user, actions[action as ActionName].callers);
}

/** `access.changed` is told by whoever may host `access`. */
const mayTell = (peers: Peers, user: string, event: unknown): boolean =>
  typeof event === "string" && mayHost(peers, user, event.split(".", 1)[0] ?? "");

/** undefined: it is believed. `user` is whom RabbitMQ vouches for; `command` and `payload` are Moleculer's. */
export function packetRefusal(
  peers: Peers,
  user: string | undefined,
  command: string,
  payload: unknown,
): PacketRefusal | undefined {
  if (user === undefined || !peers.has(user)) return "unknown-user";
  const { sender, services: offered, action, event } = (payload ?? {}) as Record<string, unknown>;
  if (typeof sender !== "string" || !sender.startsWith(nodePrefix(user))) return "foreign-node";
  switch (command) {
    case "INFO": {
      const all = Array.isArray(offered) ? (offered as readonly (OfferedService | null)[]) : [];
      return all.every((one) => mayOffer(peers, user, one ?? {})) ? undefined : "foreign-service";
    }
    case "REQ":
      return mayCall(peers, user, action) ? undefined : "not-a-caller";
    case "EVENT":
      return mayTell(peers, user, event) ? undefined : "foreign-event";
    default:
      return undefined;
  }
}
