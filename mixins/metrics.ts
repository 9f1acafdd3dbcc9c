/** Every metric of the public contract, defined once, in one registry a process (no ids or addresses as labels). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

export type ProcessedResult = "processed" | "duplicate" | "stale" | "retried" | "dead";

/** Gauges of prom-client whose `_total` is a counter's ending, of which `promtool check metrics` complains. */
const misnamedGauges = ["handles", "requests", "resources"].map((kind) => `nodejs_active_${kind}_total`);

export type Metrics = ReturnType<typeof createMetrics>;

export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamedGauges) registry.removeSingleMetric(name);
  const registers = [registry];
  const metrics = {
    registry,
    smtpCheckDuration: new Histogram({
      name: "smtp_check_duration_seconds",
      help: "Time users waits for the registry's answer to a reservation",
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2],
      registers,
    }),
    eventsPublished: new Counter({
      name: "events_published_total",
      help: "Events that the bus confirmed",
      labelNames: ["type"] as const,
      registers,
    }),
    eventsProcessed: new Counter({
      name: "events_processed_total",
      help: "Events that a consumer has settled, by result",
      labelNames: ["consumer", "type", "result"] as const,
      registers,
    }),
    outboxPending: new Gauge({
      name: "outbox_pending",
      help: "Events committed and not yet confirmed by the bus",
      registers,
    }),
    outboxOldestAge: new Gauge({
      name: "outbox_oldest_age_seconds",
      help: "Age of the oldest event that is not yet confirmed",
      registers,
    }),
    deadLetters: new Gauge({
      name: "dead_letters",
      help: "Events in the dead letters, by the queue they came from",
      labelNames: ["queue"] as const,
      registers,
    }),
    httpDuration: new Histogram({
      name: "http_server_request_duration_seconds",
      help: "Time from the request's headers to the end of the answer",
      labelNames: ["method", "route", "status"] as const,
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
      registers,
    }),
    consistencyViolations: new Gauge({
      name: "consistency_violations",
      help: "Differences that the last reconciliation found",
      labelNames: ["check"] as const,
      registers,
    }),
  };
  // A gauge without labels starts at 0, which a process without an outbox would report as if it were measured.
  metrics.outboxPending.remove();
  metrics.outboxOldestAge.remove();
  return metrics;
}
