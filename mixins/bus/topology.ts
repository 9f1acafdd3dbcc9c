/**
 * The broker's exchange and queues. Publishers and consumers declare the same ones, so whoever comes first makes
 * them and no event is unroutable. Declaring is idempotent; a queue's arguments can't be changed later (406), so
 * what an operator may want to change belongs in a policy.
 */
import type { Channel } from "amqplib";
import { consumerQueues } from "../../services/contracts/consumers.ts";
import { eventTypes } from "../../services/contracts/events.ts";
import { deadLetterQueue, usersExchange } from "../../services/contracts/headers.ts";
import type { QueueSpec } from "./port.ts";

/** The queues of the system, each bound to every event of a user. */
export const userQueues: readonly QueueSpec[] = consumerQueues.map((queue) => ({
  queue,
  bindings: eventTypes,
}));

/**
 * Redeliveries after which the broker itself dead-letters: the net under an event that kills every process which
 * reads it. Ours are counted in a header, because what RabbitMQ counts differs by version.
 */
const deliveryLimit = 100;
/** The dead letters have nowhere to go, and RabbitMQ 4 drops after 20 redeliveries by default: as good as none. */
const deadLetterDeliveryLimit = 1_000_000_000;

const units: readonly (readonly [string, number])[] = [
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];

/** 1s, 30s, 2m, 10m; 250ms for what is no whole second. */
export function delayName(delayMs: number): string {
  const [unit, unitMs] = units.find(([, ms]) => delayMs % ms === 0) ?? ["ms", 1];
  return `${delayMs / unitMs}${unit}`;
}

/** Where a failed event waits `delayMs` before it comes back to `queue`. */
export const waitQueue = (queue: string, delayMs: number): string => `${queue}.retry.${delayName(delayMs)}`;

/** Dead-lettered by the broker to one queue, at least once: that needs reject-publish, or it is silently lossy. */
const safelyDeadLetteredTo = (queue: string) => ({
  "x-queue-type": "quorum",
  "x-dead-letter-exchange": "",
  "x-dead-letter-routing-key": queue,
  "x-dead-letter-strategy": "at-least-once",
  "x-overflow": "reject-publish",
});

export interface QueueDeclaration {
  readonly queue: string;
  readonly options: { readonly durable: true; readonly arguments: Readonly<Record<string, unknown>> };
}

/** The queue itself, its dead letters, and one wait queue for each delay; what another refers to comes first. */
export function queueDeclarations(
  { queue }: QueueSpec,
  retryDelaysMs: readonly number[],
): readonly QueueDeclaration[] {
  const dead = deadLetterQueue(queue);
  const declared = (name: string, args: Record<string, unknown>): QueueDeclaration => ({
    queue: name,
    options: { durable: true, arguments: args },
  });
  return [
    declared(dead, { "x-queue-type": "quorum", "x-delivery-limit": deadLetterDeliveryLimit }),
    declared(queue, { ...safelyDeadLetteredTo(dead), "x-delivery-limit": deliveryLimit }),
    ...[...new Set(retryDelaysMs)].map((delayMs) =>
      declared(waitQueue(queue, delayMs), { ...safelyDeadLetteredTo(queue), "x-message-ttl": delayMs }),
    ),
  ];
}

async function declareQueue(channel: Channel, spec: QueueSpec, retryDelaysMs: readonly number[]) {
  for (const { queue, options } of queueDeclarations(spec, retryDelaysMs))
    await channel.assertQueue(queue, options);
  for (const binding of spec.bindings) await channel.bindQueue(spec.queue, usersExchange, binding);
}

/** Declares the exchange and these queues with all that belongs to them; a rejection has closed the channel. */
export async function declareTopology(
  channel: Channel,
  queues: readonly QueueSpec[],
  retryDelaysMs: readonly number[],
): Promise<void> {
  await channel.assertExchange(usersExchange, "topic", { durable: true });
  for (const spec of queues) await declareQueue(channel, spec, retryDelaysMs);
}

/** A topic binding as the broker reads it: `*` is one word, `#` any number. */
export function bindingMatches(binding: string, routingKey: string): boolean {
  const matches = (pattern: readonly string[], words: readonly string[]): boolean => {
    const [first, ...rest] = pattern;
    if (first === undefined) return words.length === 0;
    if (first === "#") return matches(rest, words) || (words.length > 0 && matches(pattern, words.slice(1)));
    return words.length > 0 && (first === "*" || first === words[0]) && matches(rest, words.slice(1));
  };
  return matches(binding.split("."), routingKey.split("."));
}

/** The queues that an event of this type reaches. */
export const queuesFor = (queues: readonly QueueSpec[], routingKey: string): readonly QueueSpec[] =>
  queues.filter((spec) => spec.bindings.some((binding) => bindingMatches(binding, routingKey)));
