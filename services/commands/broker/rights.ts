/**
 * What each user of the broker may do in each of the two virtual hosts: the least with which the processes of its roles
 * start, write, hear events, retry, trace and tell their health (docs/security.md, "Broker"). Pure.
 *
 * Calls go through the default exchange, and a right to write to that is one to write to every queue of the virtual host.
 * So events have a virtual host of their own, in which a gateway has no login, and what the rights can't tell apart the
 * receivers do, by the sender whom RabbitMQ vouches for.
 */
import { consumerNames, consumerQueues, queueOf } from "../../contracts/consumers.ts";
import { usersExchange } from "../../contracts/headers.ts";
import { nodePrefix, type PeerRole } from "../../contracts/peers.ts";
import { hostRoles } from "../../contracts/services.ts";

/** Regular expressions on the names of queues and exchanges, as RabbitMQ takes them. */
export interface Permissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

export interface Rights {
  readonly calls: Permissions;
  /** undefined: no login there. */
  readonly events: Permissions | undefined;
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
const anyOf = (...names: readonly string[]): string => `^(${names.join("|")})$`;
const none = "^$";

const moleculer = escaped("MOL-mailroster.");
/** Exchanges by which the processes of a namespace find each other. */
const everybody = `${moleculer}(DISCOVER|INFO|DISCONNECT|HEARTBEAT|PING)`;
/** Queues of the processes of one user; PROBE is a command's, which looks whether it may join. */
const own = (user: string): string =>
  `${moleculer}(REQ|RES|EVENT|DISCOVER|INFO|DISCONNECT|HEARTBEAT|PING|PONG|PROBE)\\.${escaped(nodePrefix(user))}.*`;
const defaultExchange = escaped("amq.default");

/** With its wait queues, its dead letters and the exchange by which those come there. */
const family = (queue: string): string => `${escaped(queue)}(\\..*)?`;
const exchange = escaped(usersExchange);
const topology = [exchange, ...consumerQueues.map(family)];

function callsRights(user: string): Permissions {
  const names = [everybody, own(user)];
  return { configure: anyOf(...names), write: anyOf(...names, defaultExchange), read: anyOf(...names) };
}

/**
 * Whoever publishes declares all queues, which takes a right to read them, and reads all dead letters; whoever consumes
 * reads what is its own, and finds the others' declared.
 */
function eventsRights(roles: readonly PeerRole[]): Permissions | undefined {
  const among = (hosts: readonly PeerRole[]): boolean => hosts.some((role) => roles.includes(role));
  const read = among(hostRoles("outbox"))
    ? consumerQueues
    : consumerNames.filter((name) => among(hostRoles(name))).map(queueOf);
  if (read.length > 0)
    return {
      configure: anyOf(...topology),
      write: anyOf(...topology, defaultExchange),
      read: anyOf(exchange, ...read.map(family)),
    };
  // Depths and readers are told to whoever may log in.
  return roles.includes("operator") ? { configure: none, write: none, read: none } : undefined;
}

/** Of a user with these roles. */
export const brokerRights = (user: string, roles: readonly PeerRole[]): Rights => ({
  calls: callsRights(user),
  events: eventsRights(roles),
});

/**
 * Of a consumer that is no part of the system, in the virtual host of events (docs/guides/consuming-events.md): it declares
 * its own queue and its own dead letters, and binds them. Without a right to write to the default exchange it can put
 * nothing into a queue of ours, so what it gives up goes by an exchange of its own. To whom a fact goes is its publisher's
 * matter: it can't write to the exchange either.
 */
export const foreignConsumerRights = (queue: string): Permissions => ({
  configure: anyOf(family(queue)),
  write: anyOf(family(queue)),
  read: anyOf(exchange, family(queue)),
});
