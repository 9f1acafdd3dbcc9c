/**
 * A dead letter as an AMQP message: read from `<queue>.dlq`, whoever put it there, and sent back to its queue.
 *
 * Promise: a letter is acknowledged only after its handler has made it durable, and whatever lies in that queue can
 * be read as a letter: ours, one that RabbitMQ dead-lettered itself, or one that somebody has put there by hand.
 */
import type { ConsumeMessage, Options } from "amqplib";
import { amqpHeader, cloudEventsContentType, deadLetterQueue } from "../../services/contracts/headers.ts";
import { type EventSenders, untrustedSender } from "./event-senders.ts";
import type { DeadLetter, Delivery, LetterHandler, ReplayedMessage } from "./port.ts";
import type { Reading } from "./rabbitmq-subscription.ts";
import { brokersOwn, countOf, deliveryOf, type Headers, headersOf, text } from "./wire.ts";

/** What RabbitMQ notes when it dead-letters: why, from which queue, when, and by which keys it had come. */
interface Death {
  readonly queue?: unknown;
  readonly reason?: unknown;
  readonly time?: unknown;
  readonly "routing-keys"?: unknown;
}

/** The entry of this queue, else the newest: what came back from a wait queue has one of that queue too. */
function deathOf(headers: Headers, queue: string): Death | undefined {
  const deaths: unknown = headers["x-death"];
  if (!Array.isArray(deaths)) return undefined;
  const entries = deaths.filter((entry): entry is Death => typeof entry === "object" && entry !== null);
  return entries.find((entry) => entry.queue === queue) ?? entries[0];
}

const isDate = (date: Date): boolean => date.getTime() > 0 && date.getUTCFullYear() < 10_000;

/** ISO text of ours, or seconds since the epoch as amqplib shows a timestamp. */
function timeOf(value: unknown): Date | undefined {
  const seconds = typeof value === "object" && value !== null ? (value as { value?: unknown }).value : value;
  const date = typeof seconds === "number" ? new Date(seconds * 1_000) : new Date(text(value) ?? Number.NaN);
  return isDate(date) ? date : undefined;
}

type Why = Pick<DeadLetter, "reason" | "error" | "attempts" | "byBroker">;

function whyOf(headers: Headers, death: Death | undefined): Why {
  const failures = countOf(headers, amqpHeader.attempts);
  const error = text(headers[amqpHeader.error]);
  const reason = text(headers[amqpHeader.reason]);
  if (reason !== undefined) return { reason, error: error ?? "none told", attempts: failures };
  const attempts = Math.max(failures, countOf(headers, "x-delivery-count"));
  const broken = text(death?.reason);
  if (broken === undefined)
    return { reason: "unknown", error: error ?? "the message says nothing of it", attempts, byBroker: true };
  const verdict = `RabbitMQ gave it up: ${broken}`;
  return {
    reason: `broker-${broken.replaceAll("_", "-")}`,
    error: error === undefined ? verdict : `${verdict}; before that: ${error}`,
    attempts,
    byBroker: true,
  };
}

function routingKeyOf(message: ConsumeMessage, death: Death | undefined): string {
  const headers = headersOf(message);
  const keys = death?.["routing-keys"];
  return (
    text(headers[amqpHeader.originalRoutingKey]) ??
    text(message.properties.type) ??
    text(Array.isArray(keys) ? keys[0] : undefined) ??
    message.fields.routingKey
  );
}

/** Of a letter that nobody who is believed has put there: what was sent, by whom, and not a word of what it says of itself. */
function untrustedLetter(queue: string, message: ConsumeMessage, now: Date, doubt: string): DeadLetter {
  const sender = text(message.properties.userId);
  return {
    ...deliveryOf(message),
    queue,
    routingKey: text(message.properties.type) ?? message.fields.routingKey,
    reason: untrustedSender,
    error: doubt,
    attempts: 0,
    firstFailedAt: now,
    lastFailedAt: now,
    headers: sender === undefined ? {} : { [amqpHeader.originalUserId]: sender },
    byBroker: true,
  };
}

/** What a message of `<queue>.dlq` tells; `now` stands in where it tells no time. */
export function letterOf(queue: string, message: ConsumeMessage, now: Date, doubt?: string): DeadLetter {
  if (doubt !== undefined) return untrustedLetter(queue, message, now, doubt);
  const headers = headersOf(message);
  const death = deathOf(headers, queue);
  const lastFailedAt = timeOf(headers[amqpHeader.lastFailedAt]) ?? timeOf(death?.time) ?? now;
  return {
    queue,
    messageId: text(message.properties.messageId),
    correlationId: text(message.properties.correlationId),
    routingKey: routingKeyOf(message, death),
    body: message.content,
    ...whyOf(headers, death),
    firstFailedAt: timeOf(headers[amqpHeader.firstFailedAt]) ?? lastFailedAt,
    lastFailedAt,
    replays: countOf(headers, amqpHeader.replays),
    headers,
  };
}

interface LetterDelivery extends Delivery {
  readonly letter: DeadLetter;
}

/** How a subscription reads the dead letters of `queue`. */
export const letterReading = (
  queue: string,
  handler: LetterHandler,
  senders: EventSenders,
): Reading<LetterDelivery> => ({
  source: deadLetterQueue(queue),
  show: (message) => ({
    ...deliveryOf(message),
    letter: letterOf(queue, message, new Date(), senders.letterDoubt(message)),
  }),
  async handle(batch) {
    const durable = await handler(batch.map(({ letter }) => letter));
    return durable.map((stored) => ({ kind: stored ? "done" : "requeue" }));
  },
});

/** What the failures added; a replay begins anew. */
const ofFailures: ReadonlySet<string> = new Set([
  amqpHeader.attempts,
  amqpHeader.reason,
  amqpHeader.error,
  amqpHeader.firstFailedAt,
  amqpHeader.lastFailedAt,
  amqpHeader.consumer,
]);

/** A header that went through JSON: bytes come back as bytes. */
function revived(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { type, data } = value as { type?: unknown; data?: unknown };
  return type === "Buffer" && Array.isArray(data) ? Buffer.from(data) : value;
}

/** The properties under which a letter goes back to its queue, and the key it once came by. */
export const replayProperties = (message: ReplayedMessage): Options.Publish => ({
  persistent: true,
  mandatory: true,
  ...(message.messageId === undefined ? {} : { messageId: message.messageId }),
  ...(message.correlationId === undefined ? {} : { correlationId: message.correlationId }),
  type: message.type,
  contentType: cloudEventsContentType,
  headers: {
    ...Object.fromEntries(
      Object.entries(message.headers)
        .filter(([name]) => !brokersOwn.test(name) && !ofFailures.has(name))
        .map(([name, value]) => [name, revived(value)]),
    ),
    [amqpHeader.originalRoutingKey]: message.type,
    [amqpHeader.replays]: message.replays,
  },
});
