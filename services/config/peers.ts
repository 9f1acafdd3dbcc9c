/** Who joins the system at RabbitMQ: AMQP_PEERS, and what the other variables must say when it is set. */
import { hostname } from "node:os";
import { nodePrefix, type PeerRole, type Peers, peerRoles, userOf } from "../contracts/peers.ts";
import { hostedServices, hostRoles, needsBus, type ServiceName } from "../contracts/services.ts";
import { brokerUrl, secretUrl } from "./readers.ts";
import { fault, type Variables } from "./variables.ts";

const name = "AMQP_PEERS";
/** It becomes part of a process's id, of the names of queues and of RabbitMQ's regular expressions. */
const userPattern = /^[\w.-]{1,60}$/;

/** As RabbitMQ comes. */
const localManagementUrl = "http://guest:guest@127.0.0.1:15672";

const isRole = (word: string): word is PeerRole => (peerRoles as readonly string[]).includes(word);

function parsePeer(text: string): readonly [string, readonly PeerRole[]] {
  const [user = "", roles, ...rest] = text.split("=").map((part) => part.trim());
  const named = (roles ?? "").split("+").map((role) => role.trim());
  if (!userPattern.test(user) || rest.length > 0 || !named.every(isRole))
    throw fault(
      name,
      `must hold user=role or user=role+role, separated by commas, with the roles ${peerRoles.join(", ")}; a user has letters, digits, dots, hyphens and underscores`,
    );
  return [user, [...new Set(named)]];
}

/** Throws ConfigError. */
export function parsePeers(text: string): Peers {
  const pairs = text.split(",").map(parsePeer);
  const peers = new Map(pairs);
  if (peers.size < pairs.length) throw fault(name, "must name each user once");
  for (const user of peers.keys())
    for (const other of peers.keys())
      if (other !== user && other.startsWith(nodePrefix(user)))
        throw fault(
          name,
          `must not hold both ${user} and ${other}: a process of the one could pass for the other's`,
        );
  return peers;
}

/** undefined: whoever has a login at the broker is believed. */
function readPeers(env: Variables): Peers | undefined {
  const text = env.text(name);
  return text === undefined ? undefined : parsePeers(text);
}

/** Throws ConfigError. */
export function readBroker(
  env: Variables,
): Pick<Joining, "amqpUrl" | "eventsAmqpUrl" | "peers"> & { managementUrl: string } {
  const amqpUrl = brokerUrl(env, "AMQP_URL");
  const eventsAmqpUrl = brokerUrl(env, "EVENTS_AMQP_URL");
  if (eventsAmqpUrl !== undefined && amqpUrl === undefined)
    throw fault("AMQP_URL", "is missing: EVENTS_AMQP_URL is set, and calls go where AMQP_URL says");
  const managementUrl = secretUrl(env, "RABBITMQ_MANAGEMENT_URL") ?? localManagementUrl;
  return { amqpUrl, eventsAmqpUrl: eventsAmqpUrl ?? amqpUrl, peers: readPeers(env), managementUrl };
}

interface Joining {
  readonly services: readonly ServiceName[];
  readonly nodeId: string;
  readonly amqpUrl: string | undefined;
  readonly eventsAmqpUrl: string | undefined;
  readonly peers: Peers | undefined;
}

/** What the id of this process begins with; empty: with anything. */
export function ownNodePrefix({ amqpUrl, peers }: Pick<Joining, "amqpUrl" | "peers">): string {
  const user = peers === undefined || amqpUrl === undefined ? undefined : userOf(amqpUrl);
  return user === undefined ? "" : nodePrefix(user);
}

/** The roles of the user as whom a URL logs in. */
function rolesAt(variable: string, url: string, peers: Peers): readonly PeerRole[] {
  const roles = peers.get(userOf(url) ?? "");
  if (roles === undefined) throw fault(variable, `must log in as one of the users of ${name}`);
  return roles;
}

/** The others would believe nothing that this process says. Throws ConfigError. */
export function requirePeers({ services, nodeId, amqpUrl, eventsAmqpUrl, peers }: Joining): void {
  if (peers === undefined || amqpUrl === undefined) return;
  const roles = rolesAt("AMQP_URL", amqpUrl, peers);
  const hosted = hostedServices(services);
  const foreign = hosted.find((service) => !hostRoles(service).some((role) => roles.includes(role)));
  if (services.length > 0 && foreign !== undefined)
    throw fault(
      name,
      `must give ${userOf(amqpUrl)} the role ${hostRoles(foreign).join(" or ")}, for this process hosts ${foreign}`,
    );
  const prefix = ownNodePrefix({ amqpUrl, peers });
  if (!nodeId.startsWith(prefix))
    throw fault(
      "NODE_ID",
      `must begin with ${prefix} while ${name} is set, for AMQP_URL logs in as that user`,
    );
  const onBus = services.length === 0 ? [] : hosted.filter(needsBus);
  if (eventsAmqpUrl === undefined || onBus.length === 0) return;
  const eventRoles = rolesAt("EVENTS_AMQP_URL", eventsAmqpUrl, peers);
  const mute = onBus.find((service) => !hostRoles(service).some((role) => eventRoles.includes(role)));
  if (mute !== undefined)
    throw fault(
      "EVENTS_AMQP_URL",
      `must log in as a user with the role ${hostRoles(mute).join(" or ")}, for this process hosts ${mute}`,
    );
}

/** Of a command, which joins and hosts nothing. Throws ConfigError when nobody would believe it. */
export function commandNodeId(config: Omit<Joining, "services" | "nodeId">, role: string): string {
  const nodeId = `${ownNodePrefix(config)}${role}-${hostname()}-${process.pid}`;
  requirePeers({ ...config, services: [], nodeId });
  return nodeId;
}
