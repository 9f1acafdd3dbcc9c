/** Promise: a handler is asked once per batch, and whatever it does there is one verdict for each delivery. */

import type { Logger } from "../log/logging.ts";
import { causeOf } from "./dead-letter-cause.ts";
import type { Delivery, Verdict } from "./port.ts";

const requeue: Verdict = { kind: "requeue" };

/** A handler that throws, or answers another number of verdicts, has said nothing: the whole batch is requeued. */
export async function deliveryVerdicts<D extends Delivery>(
  handler: (batch: readonly D[]) => Promise<readonly Verdict[]>,
  batch: readonly D[],
  queue: string,
  log: Logger,
): Promise<readonly Verdict[]> {
  try {
    const verdicts = await handler(batch);
    if (verdicts.length === batch.length) return verdicts;
    log.error({ queue, deliveries: batch.length, verdicts: verdicts.length }, "Handler's answer has gaps");
  } catch (err) {
    log.error({ err, queue, deliveries: batch.length }, "Handler failed on a whole batch");
  }
  return batch.map(() => requeue);
}

/** The one `error` line of a dead letter, with the cause that groups it; the error text stays in the letter, it may hold personal data. */
export function logDeadLetter(
  log: Logger,
  queue: string,
  delivery: Delivery,
  dead: { reason: string; error: string; attempts: number },
): void {
  const { reason, error, attempts } = dead;
  log.error(
    {
      correlationId: delivery.correlationId ?? null,
      eventId: delivery.messageId ?? null,
      eventType: delivery.routingKey,
      queue,
      reason,
      cause: causeOf({ queue, routingKey: delivery.routingKey, reason, error }),
      attempts,
    },
    "Event dead-lettered",
  );
}
