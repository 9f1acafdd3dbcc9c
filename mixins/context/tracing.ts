/**
 * Promise: whoever records spans (an OpenTelemetry SDK, registered by services/runtime or from outside) sees every
 * request, call, publication and handled event as one trace; when nobody does, no span is made and nothing is spent on it.
 *
 * The way of the context is the correlation's `traceparent` (W3C Trace Context), recorded or not: a span only takes its
 * place in it. Names and attributes follow OpenTelemetry's semantic conventions; none holds personal data, so what the
 * conventions want of a URL's path is left out for the route. `tracestate` is not passed on: it belongs to vendors, and
 * the specification leaves it to whoever does not know its entries.
 */
import {
  type Attributes,
  context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Context as CallContext, Middleware, ServiceBroker } from "moleculer";
import { actions, type CallMeta } from "../../services/contracts/actions.ts";
import { Refusal } from "../../services/contracts/errors.ts";
import { currentCorrelation, withCorrelation } from "./correlation.ts";

export { SpanKind } from "@opentelemetry/api";

const scope = "mailroster";

export interface SpanSpec {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes;
}

/** How a span ended; `fault` is the kind of the error, never its message. */
export interface SpanEnd {
  readonly name?: string;
  readonly attributes?: Attributes;
  readonly fault?: string | undefined;
}

export interface OpenSpan {
  /** What goes on from here belongs under it. */
  readonly traceparent: string;
  /** Runs `fn` where instrumentations of others find the span. */
  run<T>(fn: () => T): T;
  end(end?: SpanEnd): void;
}

/** undefined: nobody records. Asked for each span, so that an SDK may come at any time. */
function recorder(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(scope)
    : provider.getTracer(scope);
}

function contextOf(traceparent: string | undefined) {
  const [, traceId, spanId, flags] = traceparent?.split("-") ?? [];
  if (traceId === undefined || spanId === undefined) return ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags ?? "00", 16);
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** Opens a span below `parent`; undefined when nobody records. */
export function openSpan(spec: () => SpanSpec, parent: string | undefined): OpenSpan | undefined {
  const tracer = recorder();
  if (tracer === undefined) return undefined;
  const { name, kind, attributes } = spec();
  const parentContext = contextOf(parent);
  const span = tracer.startSpan(name, { kind, attributes }, parentContext);
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
    run: (fn) => context.with(trace.setSpan(parentContext, span), fn),
    end({ name: finalName, attributes: more, fault } = {}) {
      if (finalName !== undefined) span.updateName(finalName);
      if (more !== undefined) span.setAttributes(more);
      if (fault !== undefined) {
        span.setAttribute("error.type", fault);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

const kindOf = (error: unknown): string => (error instanceof Error ? error.name : typeof error);

type Call = CallContext<unknown, CallMeta>;
type Next = (ctx: Call) => Promise<unknown>;

/** A refusal is an answer, so only the other errors are faults of the callee. */
async function traced(span: OpenSpan, work: () => Promise<unknown>): Promise<unknown> {
  try {
    const result = await span.run(work);
    span.end();
    return result;
  } catch (error) {
    if (error instanceof Refusal) span.end({ attributes: { "error.type": error.type } });
    else span.end({ fault: kindOf(error) });
    throw error;
  }
}

/** Neither Moleculer's own actions (the gateway's would repeat the request) nor the health checks of every few seconds. */
const isTold = (name: string): boolean => Object.hasOwn(actions, name) && !name.endsWith(".health");

/** Spans of Moleculer's calls: client and server of a remote one, a single internal one in the same process. */
export function callTracing(): Middleware {
  let broker: ServiceBroker | undefined;
  const spec = (name: string, kind: SpanKind) => (): SpanSpec => ({
    name,
    kind,
    attributes: { "rpc.system.name": "moleculer", "rpc.method": name },
  });
  return {
    name: "Tracing",
    created(created: ServiceBroker) {
      broker = created;
    },
    remoteAction(next: Next, { name }: { name: string }): Next {
      if (!isTold(name)) return next;
      return (ctx) => {
        if (recorder() === undefined) return next(ctx);
        const span = openSpan(spec(name, SpanKind.CLIENT), ctx.meta.traceparent);
        if (span === undefined) return next(ctx);
        ctx.meta.traceparent = span.traceparent;
        return traced(span, () => next(ctx));
      };
    },
    localAction(next: Next, { name }: { name: string }): Next {
      if (!isTold(name)) return next;
      return (ctx) => {
        // Before anything is looked up for a span: this is the way of every call when nobody records.
        if (recorder() === undefined) return next(ctx);
        const correlation = currentCorrelation();
        const isLocal = ctx.nodeID === null || ctx.nodeID === broker?.nodeID;
        const kind = isLocal ? SpanKind.INTERNAL : SpanKind.SERVER;
        const span = openSpan(spec(name, kind), correlation?.traceparent);
        if (span === undefined || correlation === undefined) return next(ctx);
        const { traceparent } = span;
        ctx.meta.traceparent = traceparent;
        return withCorrelation({ ...correlation, traceparent }, () => traced(span, () => next(ctx)));
      };
    },
  } as unknown as Middleware;
}

interface Message {
  readonly id: string;
  readonly type: string;
  readonly correlationId: string;
}

const messaging = (
  kind: SpanKind,
  operation: "send" | "process",
  destination: string,
  { id, type, correlationId }: Message,
  system: string,
): SpanSpec => ({
  name: `${operation} ${destination}`,
  kind,
  attributes: {
    "messaging.system.name": system,
    "messaging.operation.name": operation,
    "messaging.operation.type": operation,
    "messaging.destination.name": destination,
    "messaging.rabbitmq.destination.routing_key": type,
    "messaging.message.id": id,
    "messaging.message.conversation_id": correlationId,
  },
});

/** A publication of the relay. */
export const producerSpan = (
  exchange: string,
  message: Message,
  system: string,
  parent: () => string | undefined,
): OpenSpan | undefined =>
  recorder() === undefined
    ? undefined
    : openSpan(() => messaging(SpanKind.PRODUCER, "send", exchange, message, system), parent());

/** An event in the hands of a consumer. */
export const consumerSpan = (
  queue: string,
  message: Message,
  system: string,
  parent: string | undefined,
): OpenSpan | undefined =>
  openSpan(() => messaging(SpanKind.CONSUMER, "process", queue, message, system), parent);
