/** Promise: whoever asks whether the bus can be used is told why not, in the broker's words. */
import type { HealthCheck } from "../basics/mixin.ts";
import type { Bus, BusStatus } from "./port.ts";

/** `reason`: see BusStatus. */
export const disconnectionText = (reason: string | undefined): string =>
  reason === undefined ? "not connected to RabbitMQ" : `not connected to RabbitMQ: ${reason}`;

/** Why events neither go nor come as they should; undefined when they do, or when the broker only asks to wait. */
function faultOf({ connected, blocked, reason }: BusStatus): string | undefined {
  if (!connected) return disconnectionText(reason);
  return blocked || reason === undefined ? undefined : `RabbitMQ refuses: ${reason}`;
}

/** For a service: it can work while the broker asks publishers to wait. */
export const busCheck =
  (bus: Pick<Bus, "status">): HealthCheck =>
  () => {
    const fault = faultOf(bus.status());
    if (fault !== undefined) throw new Error(fault);
  };

/** Why nothing can be published now; undefined when it can. */
export function publishFault(bus: Pick<Bus, "status">): string | undefined {
  const status = bus.status();
  return faultOf(status) ?? (status.blocked ? (status.reason ?? "the broker takes no messages") : undefined);
}
