/** moleculer-web behind the route table: it calls the action of a row and sends its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Context, type Service } from "moleculer";
import type { CallMeta } from "../contracts/actions.ts";
import { answerProblem, exchangeOf } from "./exchange.ts";
import type { LocalAnswer } from "./local.ts";
import type { Dispatch, Gate } from "./pipeline.ts";
import type { LocalHandler } from "./routes.ts";

/** Whether If-None-Match names the tag; weak comparison (RFC 9110 §13.1.2). */
function isKnown(req: IncomingMessage, tag: string): boolean {
  const header = req.headers["if-none-match"];
  if (header === undefined || (req.method !== "GET" && req.method !== "HEAD")) return false;
  return header.trim() === "*" || header.split(",").some((part) => part.trim().replace(/^W\//, "") === tag);
}

/** Puts the row's status and headers on the answer that the action gave, and says what its body is. */
function present(
  ctx: Context<unknown, CallMeta & { $location?: string }>,
  req: IncomingMessage,
  res: ServerResponse,
  data: unknown,
): unknown {
  const { operation } = exchangeOf(req);
  if (operation === undefined) return data;
  res.statusCode = operation.status;
  if (ctx.meta.idempotentReplayed === true && operation.write) res.setHeader("Idempotent-Replayed", "true");
  if (!operation.tagged) return operation.status === 204 ? null : data;
  const { id, version } = data as { id: string; version: number };
  const tag = `"${version}"`;
  res.setHeader("ETag", tag);
  if (operation.status === 201) ctx.meta.$location = `/users/${id}`;
  if (!isKnown(req, tag)) return data;
  res.statusCode = 304;
  return null;
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
 * Answers by the row that the pipeline has found. A row's action is called, and its answer sent, by moleculer-web, which
 * is entered where it has found route and alias: on its own way there it calls an action of its own through every
 * middleware, and matches the path once more, a fifth of the CPU of a read.
 */
export const dispatcher =
  (service: WebService, local: Record<LocalHandler, LocalAnswer>): Dispatch =>
  async (req, res) => {
    const { operation, correlation, meta, params } = exchangeOf(req);
    if (operation === undefined) throw new Error("Cannot answer: the request has no row");
    const { target } = operation;
    if ("local" in target) return local[target.local](req, res);
    const options = { requestID: correlation.correlationId, meta: { ...meta } };
    const ctx = Context.create(service.broker, null as never, {}, options);
    const alias = { action: target.action };
    Object.assign(req, {
      $service: service,
      $route: service.routes[0],
      $ctx: ctx,
      $alias: alias,
      $params: params,
    });
    Object.assign(res, { $ctx: ctx });
    await service.aliasHandler(req, res, alias);
  };

/** No server, body parser, CORS, log line, ETag or routing of its own. */
export const webSettings = (gate: Gate) => ({
  server: false,
  path: "/",
  logRequest: null,
  logRequestParams: null,
  logResponse: null,
  logRouteRegistration: null,
  onError: (req: IncomingMessage, res: ServerResponse, error: unknown) =>
    answerProblem(gate.platform, req, res, error),
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
      onAfterCall: (
        ctx: Context<unknown, CallMeta>,
        _route: unknown,
        req: IncomingMessage,
        res: ServerResponse,
        data: unknown,
      ) => {
        const body = present(ctx, req, res, data);
        // moleculer-web would judge it once more, and take the no-cache that fetch adds for a reason not to.
        delete req.headers["if-none-match"];
        return body;
      },
    },
  ],
});
