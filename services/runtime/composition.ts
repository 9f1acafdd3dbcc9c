/** The parts a process is put together from: every service's factory, and the bus that fits the configuration. */
import type { ServiceSchema } from "moleculer";
import type { Bus } from "../../mixins/bus/port.ts";
import type { Logger } from "../../mixins/logging.ts";
import type { Metrics } from "../../mixins/metrics.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Config, ServiceName } from "../config/index.ts";

export type ServiceFactory = (platform: Platform, config: Config) => ServiceSchema;

export const factories: Partial<Record<ServiceName, ServiceFactory>> = {};

const busUsers: readonly ServiceName[] = ["outbox", "audit", "smtp-registry"];

/** Whether a hosted service publishes or consumes events. */
export const usesBus = (config: Config): boolean => config.services.some((name) => busUsers.includes(name));

export function createBus(_config: Config, _log: Logger, _metrics: Metrics): Bus {
  return {
    kind: "in-process",
    start() {},
    status: () => ({ connected: false, blocked: false }),
    onReady: () => () => {},
    publish: async (messages) => messages.map(() => ({ status: "refused", reason: "no bus yet" })),
    subscribe: () => ({ stop: async () => {} }),
    close: async () => {},
  };
}
