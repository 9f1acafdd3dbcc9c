/** An OpenTelemetry collector as small as can be: takes OTLP/HTTP JSON (traces) and keeps the spans. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** SpanKind of the OTLP protocol, by number. */
const kinds = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: (typeof kinds)[number];
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
  /** service.instance.id of the process that made it. */
  readonly instance: unknown;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind: number;
        readonly attributes: readonly Attribute[];
        readonly status?: { readonly code?: number };
      }[];
    }[];
  }[];
}

export interface Collector {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** Everything that was sent, as it came. */
  text(): string;
  close(): Promise<void>;
}

const flat = (attributes: readonly Attribute[]): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

const spansOf = ({ resourceSpans }: Export): CollectedSpan[] =>
  resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId, name, kind, attributes, status }) => ({
        traceId,
        spanId,
        parentSpanId: parentSpanId || undefined,
        name,
        kind: kinds[kind] ?? "unspecified",
        attributes: flat(attributes),
        failed: status?.code === 2,
        instance: flat(resource.attributes)["service.instance.id"],
      })),
    ),
  );

export async function otlpCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  let text = "";
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += chunk;
    text += body;
    if (req.url === "/v1/traces" && req.headers["content-type"] === "application/json")
      spans.push(...spansOf(JSON.parse(body)));
    res.setHeader("content-type", "application/json");
    res.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    text: () => text,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
