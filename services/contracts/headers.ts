/** Names on the wire: HTTP headers, AMQP headers, exchange, queues; and what an idempotency key may be. No logic. */

/** HTTP, lower case as Node delivers them. */
export const httpHeader = {
  correlationId: "x-correlation-id",
  traceparent: "traceparent",
  actor: "x-actor",
  roles: "x-roles",
  proxySecret: "x-proxy-secret",
  idempotencyKey: "idempotency-key",
  idempotentReplayed: "idempotent-replayed",
  ifMatch: "if-match",
} as const;

/** Where a client finds out whose tokens a service takes (RFC 9728 §3). */
export const protectedResourcePath = "/.well-known/oauth-protected-resource";

export const idempotencyKeyCharsMax = 255;
/** The key of a request, whichever way it came. Printable ASCII is what a quoted string of structured fields can hold. */
export const idempotencyKeyPattern = new RegExp(`^[\\x20-\\x7e]{1,${idempotencyKeyCharsMax}}$`);

/** AMQP headers that a message gathers on its way through retries and into the dead letters. */
export const amqpHeader = {
  attempts: "x-attempts",
  reason: "x-dead-reason",
  error: "x-last-error",
  firstFailedAt: "x-first-failed-at",
  lastFailedAt: "x-last-failed-at",
  consumer: "x-consumer",
  originalExchange: "x-original-exchange",
  originalRoutingKey: "x-original-routing-key",
  replays: "x-replays",
  /** The user of the broker as whom it was published for the first time. */
  originalUserId: "x-original-user-id",
} as const;

export const usersExchange = "mailroster.users";
export const deadLetterQueue = (queue: string): string => `${queue}.dlq`;
export const cloudEventsContentType = "application/cloudevents+json";
