/**
 * Promise: tells depth and readers of every declared queue as the broker has them now, over AMQP alone (the management
 * API may be absent), on a channel of its own: a question that the broker refuses costs that channel and nothing else.
 */
import type { Channel } from "amqplib";
import { deadLetterQueue } from "../../services/contracts/headers.ts";
import type { Link } from "./link.ts";
import type { QueueSpec, QueueState } from "./port.ts";
import { declareTopology, queueDeclarations } from "./topology.ts";

/** Attaches to the link at once; rejects as long as there is no channel, or the broker does not answer. */
export function queueStates(
  link: Link,
  specs: readonly QueueSpec[],
  retryDelaysMs: readonly number[],
): () => Promise<readonly QueueState[]> {
  const names = new Set(specs.flatMap(({ queue }) => [queue, deadLetterQueue(queue)]));
  const queues = specs.flatMap((spec) => queueDeclarations(spec, retryDelaysMs).map(({ queue }) => queue));
  let current: Channel | undefined;
  link.attach({
    name: "measure",
    async open(channel) {
      // Asking for a queue that somebody has deleted closes the channel; the next one declares it again.
      await declareTopology(channel, specs, retryDelaysMs);
      current = channel;
    },
    lost() {
      current = undefined;
    },
  });
  return async () => {
    const channel = current;
    if (channel === undefined) throw new Error("Cannot measure the queues: not connected to RabbitMQ");
    // One after the other, as a channel answers anyway; 14 questions take about 5 ms.
    const states: QueueState[] = [];
    for (const queue of queues) {
      const { messageCount, consumerCount } = await channel.checkQueue(queue);
      states.push({ queue, messages: messageCount, consumers: names.has(queue) ? consumerCount : undefined });
    }
    return states;
  };
}
