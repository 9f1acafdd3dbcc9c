/**
 * One request and its answer: everything that happens around the call of the action.
 *
 * Promise: every answer to a request that could be parsed, also one given before routing, carries the request's
 * correlation id and the security headers, is counted once in the metrics, and leaves one line in the log, without a
 * value of the query in it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import helmet from "helmet";
import type { Context } from "moleculer";
import type { ActivityLog } from "../../../mixins/activity-log.ts";
import type { Occupancy } from "../../../mixins/basics/occupancy.ts";
import {
  anonymous,
  type Correlation,
  continueTrace,
  isCorrelationId,
  newCorrelationId,
  validTraceparent,
  withCorrelation,
} from "../../../mixins/context/correlation.ts";
import { type OpenSpan, openSpan, SpanKind } from "../../../mixins/context/tracing.ts";
import {
  type GuardedRequest,
  type GuardRefusal,
  targetOf,
  unreservedDecoded,
} from "../../../mixins/http/host-guard.ts";
import type { Platform } from "../../../mixins/platform.ts";
import type { Config } from "../../config/index.ts";
import type { CallMeta } from "../../contracts/actions.ts";
import { httpHeader } from "../../contracts/headers.ts";
import type { Outages } from "../problems/outages.ts";
import type { Operation, ScimHead, StreamFormat } from "../routes/operation.ts";
import type { AddressLimits } from "./addresses.ts";
import type { CallerLimits } from "./callers.ts";
import type { GatewayLimits } from "./limits.ts";
import type { Throttles } from "./throttle.ts";

/** What all requests of one gateway share. */
export interface Gate {
  readonly platform: Platform;
  readonly config: Config;
  readonly limits: GatewayLimits;
  readonly addresses: AddressLimits;
  readonly callers: CallerLimits;
  readonly guard: (request: GuardedRequest) => GuardRefusal | undefined;
  readonly outages: Outages;
  /** A call has ended with this error. */
  readonly failed: (req: WebRequest, operation: Operation, error: unknown) => void;
  readonly throttles: Throttles;
  /** Requests that are there as a whole and have no answer yet (body.ts). */
  inFlight: number;
  /** Streams under way, by caller. */
  readonly streams: Occupancy;
  /** Rejects with Unavailable when it is not on record. */
  readonly record: ActivityLog["write"];
}

/** What is known of a request, filled in on its way. */
export interface Exchange {
  /** Its actor is known once the caller is. */
  correlation: Correlation;
  readonly path: string;
  /** The path by which the route is found, beginning with a slash. */
  readonly route: string;
  readonly query: string;
  /** Why this installation is not meant, or not by this sender; judged by the request line as it came. */
  readonly refusal: GuardRefusal | undefined;
  /** The route's pattern, once it is found. */
  pattern: string;
  operation: Operation | undefined;
  /** The whole list is asked for in this form, instead of a page of it. */
  stream: StreamFormat | undefined;
  /** Of a stream: when its head was sent, by `performance.now()`. */
  begunAtMs: number | undefined;
  pathParams: Readonly<Record<string, string>>;
  queryParams: Readonly<Record<string, string>>;
  expectedVersions: readonly number[] | undefined;
  /** Of a request of SCIM. */
  scim: ScimHead | undefined;
  readonly meta: CallMeta;
  /** What the answer says of limits: name, value, name, value … */
  limitHeaders: readonly string[];
  /** A session that goes on: name, value. */
  sessionHeaders: readonly string[];
  /** The answer is there, or nobody waits for it any more: gives back what the request holds. */
  readonly leaves: (() => void)[];
}

export type CallContext = Context<unknown, CallMeta>;

/** A request, with what is kept on it. */
export interface WebRequest extends IncomingMessage {
  /** A WeakMap with an entry for each request is walked, and grown anew, by every collection of garbage. */
  exchange: Exchange;
  /** moleculer-web's (its changelog, 0.6.0 and 0.8.0). */
  readonly $ctx: CallContext;
  $params: unknown;
}

export type Next = (error?: unknown) => void;
/** A middleware of moleculer-web's. */
export type Middleware = (req: WebRequest, res: ServerResponse, next: Next) => void;

const unauthenticated = 401;
/** The status of a log line when the client went away before the answer was complete. */
const clientGone = 499;
const json = "application/json; charset=utf-8";

// No HSTS and no upgrade of plain HTTP: the gateway speaks HTTP, the proxy that adds TLS decides on those.
const helmetHeaders = helmet({
  strictTransportSecurity: false,
  contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
});

/** helmet builds the same headers for every answer; once is enough. Name, value, name, value … as `writeHead` takes them. */
function headersOfHelmet(): string[] {
  const headers: string[] = [];
  const res = {
    setHeader: (name: string, value: string) => headers.push(name, value),
    removeHeader() {},
  };
  helmetHeaders({} as IncomingMessage, res as unknown as ServerResponse, () => {});
  return headers;
}
const securityHeaders = headersOfHelmet();

/** Asked for every few seconds by whoever watches; `path` may be a pattern. */
export const isHealth = (path: string): boolean => path === "/health" || path.startsWith("/health/");

export const scimPath = "/scim/v2";
/** Whether what is asked is to be answered as SCIM does, its errors too. */
export const isScim = (route: string): boolean => route === scimPath || route.startsWith(`${scimPath}/`);

/** One slash more at the end is what base URLs of identity providers, and of people, are often written with. */
function routeOf(path: string): string {
  const route = path.startsWith("/") ? unreservedDecoded(path) : `/${path}`;
  return route.endsWith("/") && (isScim(route) || route === "/console/") ? route.slice(0, -1) : route;
}

/** Takes what the caller sent where it is usable and makes the id if not; never fails, so every answer can carry it. */
function correlationOf({ headers }: IncomingMessage): Correlation {
  const given = headers[httpHeader.correlationId];
  return {
    correlationId: isCorrelationId(given) ? given : newCorrelationId(),
    traceparent: validTraceparent(headers[httpHeader.traceparent]),
    actor: anonymous,
  };
}

/** The path is left out: it may hold an address. Health is asked for every few seconds and would hide the rest. */
const serverSpan = (req: IncomingMessage, path: string, parent: string | undefined): OpenSpan | undefined =>
  isHealth(path)
    ? undefined
    : openSpan(
        () => ({
          name: req.method ?? "",
          kind: SpanKind.SERVER,
          attributes: { "http.request.method": req.method ?? "", "url.scheme": "http" },
        }),
        parent,
      );

/** Gives back what the request holds; a second time there is nothing left. */
function leave({ leaves }: Exchange): void {
  for (const each of leaves.splice(0)) each();
}

/** Once the request is over, however that came, it is counted and logged. */
function observe(gate: Gate, span: OpenSpan | undefined, req: WebRequest, res: ServerResponse): void {
  const { metrics, log } = gate.platform;
  const { exchange, method = "" } = req;
  const startedAt = performance.now();
  res.once("close", () => {
    leave(exchange);
    const ms = performance.now() - startedAt;
    const status = res.writableFinished ? res.statusCode : clientGone;
    const route = exchange.pattern;
    if (status === unauthenticated) gate.addresses.failed(req, gate.platform.now().getTime());
    // How long a stream takes is its reader's affair.
    const madeInMs = (exchange.begunAtMs ?? startedAt + ms) - startedAt;
    metrics.httpDuration.observe({ method, route, status: String(status) }, madeInMs / 1_000);
    span?.end({
      name: `${method} ${route}`,
      attributes: { "http.route": route, "http.response.status_code": status },
      fault: status >= 500 ? String(status) : undefined,
    });
    if (!log.isLevelEnabled("info")) return;
    withCorrelation(exchange.correlation, () =>
      log.info({ method, route, status, ms: Math.round(ms * 10) / 10 }, "request answered"),
    );
  });
}

/** Puts the exchange on the request. */
function begin(gate: Gate, req: WebRequest, res: ServerResponse): Exchange {
  const refusal = gate.guard(req);
  const { path, query } = targetOf(req.url ?? "/");
  const given = correlationOf(req);
  const span = serverSpan(req, path, given.traceparent);
  const correlation = { ...given, traceparent: span?.traceparent ?? continueTrace(given.traceparent) };
  const { correlationId, traceparent } = correlation;
  req.exchange = {
    correlation,
    path,
    route: routeOf(path),
    query,
    refusal,
    meta: { correlationId, traceparent },
    pattern: "unmatched",
    operation: undefined,
    stream: undefined,
    begunAtMs: undefined,
    pathParams: {},
    queryParams: {},
    expectedVersions: undefined,
    scim: undefined,
    limitHeaders: [],
    sessionHeaders: [],
    leaves: [],
  };
  observe(gate, span, req, res);
  return req.exchange;
}

/**
 * moleculer-web's `rootCallOptions`, the first thing that happens to a request: its exchange begins, and moleculer-web
 * gets its path alone.
 */
export const openExchange =
  (gate: Gate) =>
  (options: Record<string, unknown>, req: WebRequest, res: ServerResponse): void => {
    const { meta, route } = begin(gate, req, res);
    options.meta = meta;
    // Else moleculer-web answers with an X-Request-ID, the client's own unchecked.
    options.requestID = "";
    // Answers under way are waited for by the server's drain.
    options.tracking = false;
    // moleculer-web cuts one slash off; with none to spare, /users/ would be /users.
    req.url = `${route}/`;
  };

/** Of every answer: name, value, name, value … */
const headOf = (
  { correlation, limitHeaders, sessionHeaders }: Exchange,
  cacheControl = "no-store",
  security: readonly string[] = securityHeaders,
): string[] => [
  ...security,
  "X-Correlation-ID",
  correlation.correlationId,
  "Cache-Control",
  cacheControl,
  ...limitHeaders,
  ...sessionHeaders,
];

/** Sends the head of an answer whose lines follow, and gives back what the request holds. */
export function beginAnswer(req: WebRequest, res: ServerResponse, headers: readonly string[]): void {
  leave(req.exchange);
  req.exchange.begunAtMs = performance.now();
  res.writeHead(200, [...headOf(req.exchange), ...headers]);
}

export interface Answer {
  readonly status: number;
  /** Beside those that every answer has: name, value, name, value … */
  readonly headers?: readonly string[];
  readonly cacheControl?: string;
  /** Instead of helmet's. */
  readonly securityHeaders?: readonly string[];
  readonly contentType?: string;
  /** Absent: no body. */
  readonly content?: string | Buffer;
}

/**
 * Sends the whole answer, its head at once: set one by one, each of twenty headers is looked up, stored and copied. On
 * HEAD Node sends the body's length alone.
 */
export function answerWith(req: WebRequest, res: ServerResponse, answer: Answer): void {
  const {
    status,
    headers = [],
    cacheControl,
    contentType = json,
    content,
    securityHeaders: security,
  } = answer;
  const head = [...headOf(req.exchange, cacheControl, security), ...headers];
  if (content !== undefined)
    head.push("Content-Type", contentType, "Content-Length", String(Buffer.byteLength(content)));
  // Who takes an answer slowly must not count as work that is still to be done.
  leave(req.exchange);
  res.writeHead(status, head);
  res.end(content);
}
