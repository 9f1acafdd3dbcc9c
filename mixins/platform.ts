/** What a process hands to each service that it hosts; nothing is found through a global. */
import type { Bus } from "./bus/port.ts";
import type { Logger } from "./log/logging.ts";
import type { Metrics } from "./metrics/metrics.ts";

export interface Platform {
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly bus: Bus;
  readonly now: () => Date;
}
