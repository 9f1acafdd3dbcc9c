/**
 * What a login at RabbitMQ is for. A process joins the others as a user of the broker, and what that user may host, call
 * and publish follows from its roles alone (docs/security.md, "Broker"); one user may have several. No logic.
 */

/** `users` hosts all that keeps the users database; `operator` hosts nothing and calls: the REPL and the commands. */
export const peerRoles = ["gateway", "users", "registry", "operator"] as const;
export type PeerRole = (typeof peerRoles)[number];
