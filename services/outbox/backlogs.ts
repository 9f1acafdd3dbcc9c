/** How much waits for each consumer behind the bus, retries included: events that have left the outbox. */

import { within } from "../../mixins/basics/pause.ts";
import type { Bus } from "../../mixins/bus/port.ts";
import { consumerQueues } from "../contracts/consumers.ts";
import { deadLetterQueue } from "../contracts/headers.ts";
import type { Backlogs } from "../contracts/reconciliation.ts";

/** A frozen broker answers never; what asks has more to do. */
const waitMs = 2_000;

/** Never rejects; null: RabbitMQ does not tell. In-process nothing waits behind the outbox. */
export async function backlogsOf(bus: Pick<Bus, "queues">): Promise<Backlogs> {
  try {
    const states = await within(waitMs, "too late", bus.queues());
    return {
      queues: consumerQueues.map((queue) => ({
        queue,
        messages: states
          .filter((state) => state.queue.startsWith(queue) && state.queue !== deadLetterQueue(queue))
          .reduce((sum, { messages }) => sum + messages, 0),
      })),
    };
  } catch {
    return { queues: null };
  }
}
