/**
 * Promise: an event is believed only from a user of the broker who hosts the outbox, by whichever way it has come to the
 * queue; what its consumer has set aside for a retry, only when that user set it aside and the outbox sent it first.
 *
 * RabbitMQ vouches for the user who has published a message, and for no other: so a copy says who it first came from, and
 * is believed for the sake of whoever has copied it. A letter keeps that, and its replay is looked at anew: one that was
 * sent by a stranger never becomes an event by going round. Without a table of peers nobody is doubted. Pure.
 */
import type { ConsumeMessage } from "amqplib";
import { consumerNames, queueOf } from "../../services/contracts/consumers.ts";
import { amqpHeader } from "../../services/contracts/headers.ts";
import { hasRole, type Peers } from "../../services/contracts/peers.ts";
import { hostRoles } from "../../services/contracts/services.ts";
import { headersOf, text } from "./wire.ts";

/** The reason of a dead letter that nobody was asked to handle. */
export const untrustedSender = "untrusted-sender";

export interface EventSenders {
  /** Why a message of the queue is not believed; undefined: it is. */
  doubt(message: ConsumeMessage): string | undefined;
  /** The same of a message among its dead letters. */
  letterDoubt(message: ConsumeMessage): string | undefined;
  /** Who has published it for the first time, as far as whoever has copied it is believed. */
  firstSender(message: ConsumeMessage): string | undefined;
}

const publishers = hostRoles("outbox");

/** Of one queue of a consumer. */
export function eventSenders(queue: string, peers: Peers | undefined): EventSenders {
  const consumer = consumerNames.find((name) => queueOf(name) === queue);
  const readers = consumer === undefined ? [] : hostRoles(consumer);
  const publishes = (user: string | undefined): boolean =>
    peers === undefined || hasRole(peers, user, publishers);
  const handles = (user: string | undefined): boolean =>
    peers === undefined || hasRole(peers, user, [...publishers, ...readers]);
  const sender = (message: ConsumeMessage): string | undefined => text(message.properties.userId);
  const copied = (message: ConsumeMessage): string | undefined =>
    text(headersOf(message)[amqpHeader.originalUserId]);
  const says = (user: string | undefined): string =>
    user === undefined ? "RabbitMQ vouches for nobody as its sender" : `it was sent by ${user}`;
  return {
    doubt(message) {
      const user = sender(message);
      if (!handles(user)) return says(user);
      const first = copied(message) ?? user;
      return publishes(first) ? undefined : says(first);
    },
    letterDoubt(message) {
      const user = sender(message);
      return handles(user) ? undefined : says(user);
    },
    firstSender(message) {
      const user = sender(message);
      return handles(user) ? (copied(message) ?? user) : user;
    },
  };
}
