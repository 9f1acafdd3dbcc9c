/**
 * What a login at RabbitMQ is for. A process joins the others as a user of the broker, and what that user may host, call
 * and publish follows from its roles alone (docs/security.md, "Broker"). No logic but views of the table of users.
 */

/** `users` hosts all that keeps the users database; `operator` hosts nothing and calls: the REPL and the commands. */
export const peerRoles = ["gateway", "users", "registry", "operator"] as const;
export type PeerRole = (typeof peerRoles)[number];

/** Each user of the broker that may join, with its roles: a process that hosts more than one part has several. */
export type Peers = ReadonlyMap<string, readonly PeerRole[]>;

/** What the id of a process begins with that joins as this user; RabbitMQ's permissions name queues by it. */
export const nodePrefix = (user: string): string => `${user}-`;

/** As whom a URL of RabbitMQ logs in; undefined when it says nobody. All nodes of a cluster know the same users. */
export function userOf(amqpUrl: string): string | undefined {
  const [first = ""] = amqpUrl.split(";");
  const { username } = new URL(first);
  return username === "" ? undefined : decodeURIComponent(username);
}

/** Whether a user who is one of the peers has one of these roles. */
export const hasRole = (peers: Peers, user: string | undefined, roles: readonly PeerRole[]): boolean =>
  user !== undefined && (peers.get(user) ?? []).some((role) => roles.includes(role));
