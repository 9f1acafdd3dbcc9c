/**
 * Promise: services start although RabbitMQ is absent at boot, and join the others when it comes.
 *
 * Moleculer's `broker.start()` waits for the transporter before it starts any service, so a gateway could not even
 * answer 503. Here the wait has an end; the connecting goes on behind it, and Moleculer's own `afterConnect` then
 * subscribes and announces the node, as it does after a reconnect.
 */
import type { Middleware, ServiceBroker } from "moleculer";

/** Long enough for a broker that is there (measured: 0.6 s with Moleculer's own 500 ms pause). */
const bootWaitMs = 3_000;

export function patientConnect(): Middleware {
  return {
    name: "PatientConnect",
    starting(broker: ServiceBroker) {
      const transit = broker.transit as unknown as { connect(): Promise<void> } | null;
      if (!transit) return;
      const connect = transit.connect.bind(transit);
      transit.connect = () => {
        let timer: NodeJS.Timeout | undefined;
        const patience = new Promise<void>((resolve) => {
          timer = setTimeout(() => {
            broker.logger.warn("RabbitMQ is not reachable yet, services start without it");
            resolve();
          }, bootWaitMs);
        });
        return Promise.race([connect(), patience]).finally(() => clearTimeout(timer));
      };
    },
  } as unknown as Middleware;
}
