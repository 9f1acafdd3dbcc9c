/** How an event looks as an AMQP message, on its first way, on a retry and among the dead letters. No I/O. */
import type { ConsumeMessage, Options } from "amqplib";
import { amqpHeader, cloudEventsContentType } from "../../services/contracts/headers.ts";
import type { Delivery, OutgoingMessage } from "./port.ts";

/** AMQP's short strings: message id, correlation id, type, routing key. amqplib corrupts its confirms beyond it. */
const shortStringBytesMax = 255;
/** Headers must fit into one frame (128 KiB) with room to spare; whoever reads an error looks at no more of it. */
export const errorCharsMax = 2_000;

/** Whether the message's properties can be written at all. */
export const isEncodable = (message: Pick<OutgoingMessage, "id" | "type" | "correlationId">): boolean =>
  [message.id, message.type, message.correlationId].every(
    (text) => Buffer.byteLength(text) <= shortStringBytesMax,
  );

/** The properties of an event on its first way. */
export const eventProperties = (message: OutgoingMessage): Options.Publish => ({
  persistent: true,
  mandatory: true,
  messageId: message.id,
  correlationId: message.correlationId,
  type: message.type,
  contentType: cloudEventsContentType,
});

export type Headers = Readonly<Record<string, unknown>>;

export const headersOf = (message: ConsumeMessage): Headers => message.properties.headers ?? {};
export const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** A header that counts something; 0 when it does not. */
export function countOf(headers: Headers, name: string): number {
  const count = headers[name];
  return typeof count === "number" && Number.isInteger(count) && count > 0 ? count : 0;
}

/** What a handler gets to see; a message that came through a wait queue still shows its first routing key. */
export function deliveryOf(message: ConsumeMessage, doubt?: string): Delivery {
  const headers = headersOf(message);
  return {
    messageId: text(message.properties.messageId),
    correlationId: text(message.properties.correlationId),
    routingKey: text(headers[amqpHeader.originalRoutingKey]) ?? message.fields.routingKey,
    body: message.content,
    attempts: countOf(headers, amqpHeader.attempts),
    ...(doubt === undefined ? {} : { doubt }),
  };
}

export interface Failure {
  readonly attempts: number;
  readonly error: string;
  readonly at: Date;
  readonly consumer: string;
  /** Set for a dead letter. */
  readonly reason?: string | undefined;
  /** As whom it was published for the first time, where that is known. */
  readonly firstSender?: string | undefined;
}

/**
 * Headers that the broker acts on or keeps for itself. A copied x-death makes its cycle detection drop the message
 * on the second pass (4 of 6 were lost); CC and BCC would route it again.
 */
export const brokersOwn = /^(x-death|x-(first|last)-death-.*|x-delivery-count|x-acquired-count|cc|bcc)$/i;

/**
 * The properties of a message that is published again, to a wait queue or to the dead letters: the original ones,
 * where it first came from, and what went wrong. Its own expiration is gone, a dead letter must not expire, and so
 * is the user id: the broker checks it against ours, and whose it was is a header from now on.
 */
export function republishProperties(message: ConsumeMessage, failure: Failure): Options.Publish {
  const before = headersOf(message);
  const entries = Object.entries(before).filter(([name]) => !brokersOwn.test(name));
  const at = failure.at.toISOString();
  const {
    contentType,
    contentEncoding,
    priority,
    correlationId,
    replyTo,
    messageId,
    timestamp,
    type,
    appId,
  } = message.properties;
  return {
    contentType,
    contentEncoding,
    priority,
    correlationId,
    replyTo,
    messageId,
    timestamp,
    type,
    appId,
    persistent: true,
    mandatory: true,
    headers: {
      ...Object.fromEntries(entries),
      [amqpHeader.attempts]: failure.attempts,
      [amqpHeader.error]: failure.error.slice(0, errorCharsMax),
      [amqpHeader.firstFailedAt]: text(before[amqpHeader.firstFailedAt]) ?? at,
      [amqpHeader.lastFailedAt]: at,
      [amqpHeader.consumer]: failure.consumer,
      [amqpHeader.originalExchange]: text(before[amqpHeader.originalExchange]) ?? message.fields.exchange,
      [amqpHeader.originalRoutingKey]:
        text(before[amqpHeader.originalRoutingKey]) ?? message.fields.routingKey,
      ...(failure.reason === undefined ? {} : { [amqpHeader.reason]: failure.reason }),
      ...(failure.firstSender === undefined ? {} : { [amqpHeader.originalUserId]: failure.firstSender }),
    },
  };
}
