/** moleculer-web behind the route table: it calls the action of a row and sends its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Context, type Service } from "moleculer";
import type { CallMeta } from "../contracts/actions.ts";
import { answerProblem, answerWith, type Exchange, exchangeOf } from "./exchange.ts";
import type { LocalAnswer } from "./local.ts";
import { isPaged, type LocalHandler } from "./operation.ts";
import type { Dispatch, Gate } from "./pipeline.ts";

/** Whether If-None-Match names the tag; weak comparison (RFC 9110 §13.1.2). */
function isKnown(req: IncomingMessage, tag: string): boolean {
  const header = req.headers["if-none-match"];
  if (header === undefined || (req.method !== "GET" && req.method !== "HEAD")) return false;
  return header.trim() === "*" || header.split(",").some((part) => part.trim().replace(/^W\//, "") === tag);
}

type CallContext = Context<unknown, CallMeta>;

/** The next page of a list (RFC 8288): the same request with the cursor of that page, as a path, as `Location` is. */
function linkToNext({ path, query }: Exchange, nextCursor: string): string {
  const parameters = new URLSearchParams(query);
  parameters.set("cursor", nextCursor);
  return `<${path.replaceAll(/[<>"]/g, encodeURIComponent)}?${parameters}>; rel="next"`;
}

/** Sends what the action answered, with the status and the headers of the row. */
function send({ outages }: Gate, req: WebRequest, res: ServerResponse, data: unknown): void {
  outages.done(req.$alias.action);
  const exchange = exchangeOf(req);
  const { operation } = exchange;
  if (operation === undefined) throw new Error("Cannot answer: the request has no row");
  let status: number = operation.status;
  const headers: string[] = [];
  if (operation.write && req.$ctx.meta.idempotentReplayed === true)
    headers.push("Idempotent-Replayed", "true");
  if (operation.tagged) {
    const { id, version } = data as { id: string; version: number };
    const tag = `"${version}"`;
    headers.push("ETag", tag);
    if (status === 201) headers.push("Location", `/users/${id}`);
    if (isKnown(req, tag)) status = 304;
  }
  if (isPaged(operation)) {
    const { nextCursor } = data as { nextCursor?: string | null };
    if (typeof nextCursor === "string") headers.push("Link", linkToNext(exchange, nextCursor));
  }
  const content = status === 204 || status === 304 ? undefined : JSON.stringify(data);
  answerWith(req, res, { status, headers, content });
}

/** What moleculer-web keeps on a request. */
interface WebRequest extends IncomingMessage {
  $service: WebService;
  $route: unknown;
  $ctx: CallContext;
  $alias: { readonly action: string };
  $params: unknown;
}

/** moleculer-web's service as the code here uses it. */
export interface WebService extends Service {
  readonly routes: readonly unknown[];
  aliasHandler(
    req: IncomingMessage,
    res: ServerResponse,
    alias: { readonly action: string },
  ): Promise<unknown>;
  sendError(req: IncomingMessage, res: ServerResponse, error: unknown): void;
}

/**
 * Answers by the row that the pipeline has found. A row's action is called by moleculer-web, which is entered where it
 * has found route and alias: on its own way there it calls an action of its own through every middleware, and matches
 * the path once more, a fifth of the CPU of a read.
 */
export const dispatcher =
  (service: WebService, local: Record<LocalHandler, LocalAnswer>): Dispatch =>
  (req, res) => {
    const { operation, correlation, meta, params } = exchangeOf(req);
    if (operation === undefined) throw new Error("Cannot answer: the request has no row");
    const { target } = operation;
    if ("local" in target) return local[target.local](req, res);
    const request = req as WebRequest;
    request.$service = service;
    request.$route = service.routes[0];
    request.$ctx = Context.create(
      service.broker,
      null as never,
      {},
      {
        requestID: correlation.correlationId,
        meta,
      },
    ) as CallContext;
    request.$alias = target;
    request.$params = params;
    return service.aliasHandler(request, res, target);
  };

/** What of moleculer-web is done here: it sets header by header, and judges what it sends once more. */
export const webMethods = (gate: Gate) => ({
  sendResponse: (req: WebRequest, res: ServerResponse, data: unknown) => send(gate, req, res, data),
  errorHandler(this: WebService, req: IncomingMessage, res: ServerResponse, error: unknown) {
    this.sendError(req, res, error);
  },
});

/** No server, body parser, CORS, log line, ETag or routing of its own. */
export const webSettings = (gate: Gate) => ({
  server: false,
  path: "/",
  logRequest: null,
  logRequestParams: null,
  logResponse: null,
  logRouteRegistration: null,
  onError: (req: IncomingMessage, res: ServerResponse, error: unknown) =>
    answerProblem(gate, req, res, error),
  routes: [
    {
      path: "/",
      mappingPolicy: "restrict",
      mergeParams: false,
      bodyParsers: false,
      etag: false,
      logging: false,
      callOptions: { timeout: gate.limits.callTimeoutMs },
      aliases: {},
    },
  ],
});
