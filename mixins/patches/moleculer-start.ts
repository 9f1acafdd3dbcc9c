/**
 * Promise: services start although RabbitMQ is absent at boot, and join the others when it comes.
 *
 * Moleculer's `broker.start()` waits for the transporter before it starts any service, so a gateway could not even
 * answer 503. Here the wait has an end; the connecting goes on behind it, and Moleculer's own `afterConnect` then
 * subscribes and announces the node, as it does after a reconnect.
 */
import type { Middleware, ServiceBroker } from "moleculer";
import { TimeoutError, within } from "../basics/pause.ts";

/** Long enough for a broker that is there (measured: 0.6 s with Moleculer's own 500 ms pause). */
const bootWaitMs = 3_000;

export function patientConnect(): Middleware {
  return {
    name: "PatientConnect",
    starting(broker: ServiceBroker) {
      const transit = broker.transit as unknown as { connect(): Promise<void> } | null;
      if (!transit) return;
      const connect = transit.connect.bind(transit);
      transit.connect = () =>
        within(bootWaitMs, "too late", connect()).catch((error: unknown) => {
          if (!(error instanceof TimeoutError)) throw error;
          broker.logger.warn("RabbitMQ is not reachable yet, services start without it");
        });
    },
  } as unknown as Middleware;
}
