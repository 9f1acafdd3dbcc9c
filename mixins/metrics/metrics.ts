/**
 * Every metric of the public contract, defined once, in one registry a process (no ids or addresses as labels).
 *
 * `aggregator` says how the same metric of several processes becomes one figure (docs/metrics.md tells it): `max` for
 * what several of them measure of one thing (a table, a queue), `sum` for what each has its own share of.
 */
import { setImmediate } from "node:timers/promises";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type ScrapeSource, scrapeSources } from "./scrape.ts";

/** Half-open: one call is under way to find out whether the dependency is back. */
export const circuitStates = ["closed", "open", "half-open"] as const;
export type CircuitState = (typeof circuitStates)[number];

export type ProcessedResult = "processed" | "duplicate" | "stale" | "retried" | "dead";

/** Gauges of prom-client whose `_total` is a counter's ending, of which `promtool check metrics` complains. */
const misnamedGauges = ["handles", "requests", "resources"].map((kind) => `nodejs_active_${kind}_total`);

type Registers = Registry[];

const requestMetrics = (registers: Registers) => ({
  smtpCheckDuration: new Histogram({
    name: "smtp_check_duration_seconds",
    help: "Time users waits for the registry's answer to a reservation",
    // Half a second lies inside a bucket, not on its edge: a timer that fires a little early must not put what took
    // 0.4999 s into the bucket below, whose P99 would then read as less than half a second.
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2],
    registers,
  }),
  httpDuration: new Histogram({
    name: "http_server_request_duration_seconds",
    help: "Time from the request's headers to the end of the answer, of a stream to its first line",
    labelNames: ["method", "route", "status"] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5],
    registers,
  }),
});

const eventMetrics = (registers: Registers) => ({
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
  eventsDeadLettered: new Counter({
    name: "events_dead_lettered_total",
    help: "Events stored among the dead letters, again when one fails after its replay",
    labelNames: ["queue", "reason"] as const,
    registers,
  }),
});

/** A look-up is one statement that others share: under a millisecond, or something waits. */
const mailMetrics = (registers: Registers) => ({
  mailLookups: new Counter({
    name: "mail_lookups_total",
    help: "Questions of mail servers by socketmap, by what they were answered",
    labelNames: ["map", "result"] as const,
    registers,
  }),
  mailLookupDuration: new Histogram({
    name: "mail_lookup_duration_seconds",
    help: "Time from a mail server's question to the answer",
    labelNames: ["map"] as const,
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2],
    registers,
  }),
  mailLookupConnections: new Gauge({
    name: "mail_lookup_connections",
    help: "Open connections of mail servers",
    aggregator: "sum",
    registers,
  }),
});

const stateMetrics = (registers: Registers) => ({
  outboxPending: new Gauge({
    name: "outbox_pending",
    help: "Events committed and not yet confirmed by the bus",
    aggregator: "max",
    registers,
  }),
  outboxOldestAge: new Gauge({
    name: "outbox_oldest_age_seconds",
    help: "Age of the oldest event that is not yet confirmed",
    aggregator: "max",
    registers,
  }),
  deadLetters: new Gauge({
    name: "dead_letters",
    help: "Dead letters that nobody has decided on, by the queue they came from",
    labelNames: ["queue"] as const,
    aggregator: "max",
    registers,
  }),
  authDisabled: new Gauge({
    name: "auth_disabled",
    help: "1 where everybody who reaches the gateway from other machines may do everything",
    aggregator: "max",
    registers,
  }),
  authFailures: new Counter({
    name: "auth_failures_total",
    help: "Requests whose sender could not be told (401), by the reason",
    labelNames: ["reason"] as const,
    registers,
  }),
  activityDropped: new Counter({
    name: "activity_dropped_total",
    help: "Entries of the activity that found no room while they could not be put on record",
    registers,
  }),
  keyExpires: new Gauge({
    name: "api_key_expires_seconds",
    help: "Time until the last access key of a name ends; of at most 20 names, none that lives longer than 31 days",
    labelNames: ["name"] as const,
    aggregator: "min",
    registers,
  }),
  breakGlassKeys: new Gauge({
    name: "api_keys_break_glass",
    help: "Access keys for an emergency that are good now",
    aggregator: "max",
    registers,
  }),
  consistencyViolations: new Gauge({
    name: "consistency_violations",
    help: "Differences that the last reconciliation found",
    labelNames: ["check"] as const,
    aggregator: "max",
    registers,
  }),
});

const dependencyMetrics = (registers: Registers) => ({
  circuitState: new Gauge({
    name: "circuit_breaker_state",
    help: "1 for the state that the circuit to the target is in",
    labelNames: ["target", "state"] as const,
    aggregator: "sum",
    registers,
  }),
  circuitRefused: new Counter({
    name: "circuit_breaker_refused_total",
    help: "Calls refused at once because the target did not answer",
    labelNames: ["target"] as const,
    registers,
  }),
  admissionRefused: new Counter({
    name: "admission_refused_total",
    help: "Calls refused at once because they were not expected to be done in their caller's time, by a service or by the gateway in its place",
    labelNames: ["work"] as const,
    registers,
  }),
  packetsRefused: new Counter({
    name: "broker_packets_refused_total",
    help: "Packets of other processes that were dropped because their sender at RabbitMQ may not say that",
    labelNames: ["reason"] as const,
    registers,
  }),
  healthCheckUp: new Gauge({
    name: "health_check_up",
    help: "1 when the check of this process's readiness passes, else 0",
    labelNames: ["check"] as const,
    aggregator: "min",
    registers,
  }),
  queueMessages: new Gauge({
    name: "queue_messages",
    help: "Messages in a RabbitMQ queue that no consumer has in hand",
    labelNames: ["queue"] as const,
    aggregator: "max",
    registers,
  }),
  queueConsumers: new Gauge({
    name: "queue_consumers",
    help: "Consumers of a RabbitMQ queue that is meant to be read",
    labelNames: ["queue"] as const,
    aggregator: "max",
    registers,
  }),
});

const databaseMetrics = (registers: Registers) => ({
  poolConnections: new Gauge({
    name: "database_pool_connections",
    help: "Connections of a pool that are in use or idle, and callers that wait for one",
    labelNames: ["pool", "state"] as const,
    aggregator: "sum",
    registers,
  }),
  poolSize: new Gauge({
    name: "database_pool_connections_max",
    help: "Connections that a pool may open",
    labelNames: ["pool"] as const,
    aggregator: "sum",
    registers,
  }),
  commitsWaiting: new Gauge({
    name: "database_commits_waiting",
    help: "Commits that were given up and wait for a standby; each keeps a connection of its pool",
    labelNames: ["pool"] as const,
    aggregator: "sum",
    registers,
  }),
  oldestTransaction: new Gauge({
    name: "database_oldest_transaction_seconds",
    help: "Age of the oldest transaction of our role; dead rows newer than it can't be cleaned up",
    labelNames: ["database"] as const,
    aggregator: "max",
    registers,
  }),
  clockOffset: new Gauge({
    name: "database_clock_offset_seconds",
    help: "How far the database's clock is ahead of this process's",
    labelNames: ["database"] as const,
    aggregator: "max",
    registers,
  }),
});

export type Metrics = ReturnType<typeof processMetrics>;

export function processMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamedGauges) registry.removeSingleMetric(name);
  const registers = [registry];
  const sources = scrapeSources();
  const metrics = {
    registry,
    ...requestMetrics(registers),
    ...eventMetrics(registers),
    ...mailMetrics(registers),
    ...stateMetrics(registers),
    ...dependencyMetrics(registers),
    ...databaseMetrics(registers),
    /** For what is measured when somebody asks; returns how to end that. */
    onScrape: (source: ScrapeSource): (() => void) => sources.add(source),
    /**
     * The exposition, with everything measured anew. Never rejects for a source that can't be measured. Metric by metric,
     * so that no request waits for all of them, which are 10 ms of work.
     */
    async expose(): Promise<string> {
      await sources.refresh();
      const texts: string[] = [];
      for (const { name } of registry.getMetricsAsArray()) {
        texts.push(await registry.getSingleMetricAsString(name));
        await setImmediate();
      }
      return `${texts.join("\n\n")}\n`;
    },
  };
  // A gauge without labels starts at 0, which a process without an outbox would report as if it were measured.
  metrics.outboxPending.remove();
  metrics.outboxOldestAge.remove();
  metrics.breakGlassKeys.remove();
  metrics.mailLookupConnections.remove();
  return metrics;
}
