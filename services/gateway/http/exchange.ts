/**
 * One request and its answer: everything that happens around the call of the action.
 *
 * Promise: every answer to a request that could be parsed, also one given before routing, carries the request's
 * correlation id and the security headers, is counted once in the metrics, and leaves one line in the log, without a
 * value of the query in it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import helmet from "helmet";
import {
  type Correlation,
  continueTrace,
  newCorrelationId,
  withCorrelation,
} from "../../../mixins/context/correlation.ts";
import { type OpenSpan, openSpan, SpanKind } from "../../../mixins/context/tracing.ts";
import type { GuardedRequest, GuardRefusal } from "../../../mixins/http/http-guard.ts";
import { targetOf, unreservedDecoded } from "../../../mixins/http/http-target.ts";
import { errorMessage } from "../../../mixins/log/error-text.ts";
import type { Platform } from "../../../mixins/platform.ts";
import type { CallMeta } from "../../contracts/actions.ts";
import type { Outages } from "../answers/outages.ts";
import { type HttpProblem, problemBody, problemContentType, problemFor } from "../answers/problems.ts";
import { locate, type Operation } from "../routes/operation.ts";
import { correlationOf } from "./request.ts";

/** What an exchange needs of its gateway. */
interface Around {
  readonly platform: Platform;
  readonly outages: Outages;
  readonly guard: (request: GuardedRequest) => GuardRefusal | undefined;
}

/** What is known of a request, filled in on its way. */
export interface Exchange {
  readonly correlation: Correlation;
  readonly path: string;
  /** The path by which the route is found, beginning with a slash. */
  readonly route: string;
  readonly query: string;
  /** Why this installation is not meant, or not by this sender; judged by the request line as it came. */
  readonly refusal: GuardRefusal | undefined;
  /** The route's pattern, once it is found. */
  pattern: string;
  operation: Operation | undefined;
  pathParams: Readonly<Record<string, string>>;
  queryParams: Readonly<Record<string, string>>;
  expectedVersions: readonly number[] | undefined;
  idempotencyKey: string | undefined;
  readonly meta: CallMeta;
}

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

/** On the request itself: a WeakMap with an entry for each request is walked, and grown anew, by every collection. */
const key = Symbol("exchange");
type Carrier = IncomingMessage & { [key]?: Exchange };

/** The exchange that `begin` opened for this request. */
export function exchangeOf(req: IncomingMessage): Exchange {
  const exchange = (req as Carrier)[key];
  if (exchange === undefined) throw new Error("Cannot find the exchange: the request did not come by begin");
  return exchange;
}

/** Asked for every few seconds by whoever watches; `path` may be a pattern. */
export const isHealth = (path: string): boolean => path === "/health" || path.startsWith("/health/");

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

function observe(
  platform: Platform,
  exchange: Exchange,
  span: OpenSpan | undefined,
  req: IncomingMessage,
  res: ServerResponse,
  ended: () => void,
): void {
  const startedAt = performance.now();
  const method = req.method ?? "";
  res.once("close", () => {
    ended();
    const ms = performance.now() - startedAt;
    const status = res.writableFinished ? res.statusCode : clientGone;
    const route = exchange.pattern;
    platform.metrics.httpDuration.observe({ method, route, status: String(status) }, ms / 1_000);
    span?.end({
      name: `${method} ${route}`,
      attributes: { "http.route": route, "http.response.status_code": status },
      fault: status >= 500 ? String(status) : undefined,
    });
    if (!platform.log.isLevelEnabled("info")) return;
    withCorrelation(exchange.correlation, () =>
      platform.log.info({ method, route, status, ms: Math.round(ms * 10) / 10 }, "request answered"),
    );
  });
}

/** Opens the exchange; `ended` is called once it is over, however that came. */
export function begin(
  { platform, guard }: Around,
  req: IncomingMessage,
  res: ServerResponse,
  ended: () => void,
): Exchange {
  const refusal = guard(req);
  const { path, query } = targetOf(req.url ?? "/");
  const given = correlationOf(req.headers);
  const span = serverSpan(req, path, given.traceparent);
  const correlation = { ...given, traceparent: span?.traceparent ?? continueTrace(given.traceparent) };
  const { correlationId, traceparent, actor } = correlation;
  const meta: CallMeta = { correlationId, actor, traceparent };
  const exchange: Exchange = {
    correlation,
    path,
    route: path.startsWith("/") ? unreservedDecoded(path) : `/${path}`,
    query,
    refusal,
    meta,
    pattern: "unmatched",
    operation: undefined,
    pathParams: {},
    queryParams: {},
    expectedVersions: undefined,
    idempotencyKey: undefined,
  };
  (req as Carrier)[key] = exchange;
  observe(platform, exchange, span, req, res, ended);
  return exchange;
}

export interface Answer {
  readonly status: number;
  /** Beside those that every answer has: name, value, name, value … */
  readonly headers?: readonly string[];
  readonly cacheControl?: string;
  readonly contentType?: string;
  /** Absent: no body. */
  readonly content?: string | Buffer;
}

/**
 * Sends the whole answer, its head at once: set one by one, each of twenty headers is looked up, stored and copied. On
 * HEAD Node sends the body's length alone.
 */
export function answerWith(req: IncomingMessage, res: ServerResponse, answer: Answer): void {
  const { correlationId } = exchangeOf(req).correlation;
  const { status, headers = [], cacheControl = "no-store", contentType = json, content } = answer;
  const head = [
    ...securityHeaders,
    "X-Correlation-ID",
    correlationId,
    "Cache-Control",
    cacheControl,
    ...headers,
  ];
  if (content !== undefined)
    head.push("Content-Type", contentType, "Content-Length", String(Buffer.byteLength(content)));
  res.writeHead(status, head);
  res.end(content);
}

/** Logs what an operator must know of a failure: the cause of a defect, the reason of a refusal to serve. */
function logFailure(platform: Platform, problem: HttpProblem): void {
  if (problem.status === 500) platform.log.error({ err: problem.cause }, "request failed");
  else if (problem.status === 503)
    platform.log.warn(
      problem.cause === undefined ? {} : { reason: errorMessage(problem.cause) },
      "request could not be served",
    );
}

/** Answers a request that the parser gave up on; there is none to take a correlation id from, and none to count. */
export function answerMalformed(problem: HttpProblem, socket: Duplex, res: ServerResponse | undefined): void {
  if (res?.headersSent) {
    socket.destroy();
    return;
  }
  const correlationId = newCorrelationId();
  const content = problemBody(problem, { correlationId });
  const body = JSON.stringify(content);
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${content.title}`,
      `Content-Type: ${problemContentType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Correlation-ID: ${correlationId}`,
      "Cache-Control: no-store",
      "Connection: close",
      "",
      body,
    ].join("\r\n"),
  );
}

/** Answers with the problem that the error is; an answer that has begun can only be cut off. */
export function answerProblem(
  { platform, outages }: Around,
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
): void {
  const { correlation, path, query, operation } = exchangeOf(req);
  const failed = problemFor(error, (fault) => locate(fault, operation, query));
  const problem =
    operation !== undefined && "action" in operation.target
      ? outages.told(failed, operation.target.action, platform.now().getTime())
      : failed;
  withCorrelation(correlation, () => logFailure(platform, problem));
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const body = problemBody(problem, { instance: path, correlationId: correlation.correlationId });
  answerWith(req, res, {
    status: problem.status,
    headers: Object.entries(problem.headers).flat(),
    contentType: problemContentType,
    content: JSON.stringify(body),
  });
}
