/** What a process as a whole shows on a scrape: its own readiness, and the queues of the broker. */
import type { Bus } from "../../mixins/bus/port.ts";
import type { Metrics } from "../../mixins/metrics/metrics.ts";
import type { Health } from "../contracts/actions.ts";

/** `ready` never rejects. Checks come and go: while a process starts or stops there is only `process`. */
export const showHealth = (
  metrics: Pick<Metrics, "onScrape" | "healthCheckUp">,
  ready: () => Promise<Health>,
) =>
  metrics.onScrape({
    async measure() {
      const { checks } = await ready();
      return () => {
        metrics.healthCheckUp.reset();
        for (const [check, { status }] of Object.entries(checks))
          metrics.healthCheckUp.set({ check }, status === "up" ? 1 : 0);
      };
    },
    forget: () => metrics.healthCheckUp.reset(),
  });

/** Every process that uses the bus shows all queues, so that one that is alive is enough. */
export const showQueues = (
  { onScrape, queueMessages, queueConsumers }: Pick<Metrics, "onScrape" | "queueMessages" | "queueConsumers">,
  bus: Bus,
) => {
  const forget = (): void => {
    queueMessages.reset();
    queueConsumers.reset();
  };
  return onScrape({
    async measure() {
      const states = await bus.queues();
      return () => {
        forget();
        for (const { queue, messages, consumers } of states) {
          queueMessages.set({ queue }, messages);
          if (consumers !== undefined) queueConsumers.set({ queue }, consumers);
        }
      };
    },
    forget,
  });
};
