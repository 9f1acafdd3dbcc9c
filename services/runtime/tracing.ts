/**
 * The exporter of spans: registered when OTEL_EXPORTER_OTLP_ENDPOINT is set, and loaded only then.
 *
 * Promise: a collector that is slow or away costs the process nothing but the spans: they wait in a bounded queue, are
 * dropped beyond it, and hold up a stop for no longer than `flushMs`.
 */
import { within } from "../../mixins/basics/pause.ts";
import type { Logger } from "../../mixins/log/logging.ts";
import type { Config } from "../config/index.ts";

const batchDelayMs = 1_000;
const exportMs = 3_000;
const queueSpansMax = 8_192;
const batchSpansMax = 512;
const flushMs = 3_000;
const reasonCharsMax = 300;

/** The OTLP/HTTP path of traces, relative to the endpoint (OTLP specification, "Endpoint URLs for OTLP/HTTP"). */
const tracesUrl = (endpoint: string): string => `${endpoint.replace(/(?<!\/)\/+$/, "")}/v1/traces`;

export interface Tracing {
  /** Sends what is left. Never rejects. */
  stop(): Promise<void>;
}

/** Registers the SDK for the whole process; undefined when nothing is to be exported. */
export async function startTracing(
  config: Pick<Config, "otlpEndpoint" | "nodeId" | "services">,
  log: Logger,
): Promise<Tracing | undefined> {
  const { otlpEndpoint } = config;
  if (otlpEndpoint === undefined) return undefined;
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const own = log.child({ service: "tracing" });
  const tell = (message: string): void =>
    own.warn({ reason: message.slice(0, reasonCharsMax) }, "spans can't be exported");
  const silent = (): void => {};
  api.diag.setLogger(
    { error: tell, warn: silent, info: silent, debug: silent, verbose: silent },
    { logLevel: api.DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      "service.name": "mailroster",
      "service.instance.id": config.nodeId,
      "mailroster.services": config.services.join(","),
    }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new OTLPTraceExporter({ url: tracesUrl(otlpEndpoint), timeoutMillis: exportMs }),
        scheduledDelayMillis: batchDelayMs,
        exportTimeoutMillis: exportMs,
        maxQueueSize: queueSpansMax,
        maxExportBatchSize: batchSpansMax,
      }),
    ],
  });
  api.trace.setGlobalTracerProvider(provider);
  own.info("spans are exported over OTLP/HTTP");
  return {
    async stop() {
      api.trace.disable();
      const flushed = provider.shutdown().catch((error: unknown) => tell(String(error)));
      await within(flushMs, "too late", flushed).catch(() => {});
    },
  };
}
