/** moleculer-web's settings out of the route table: it matches the alias, calls the action and sends its answer. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context } from "moleculer";
import type { CallMeta } from "../contracts/actions.ts";
import { answerProblem, exchangeOf } from "./exchange.ts";
import type { LocalAnswer } from "./local.ts";
import type { Gate } from "./pipeline.ts";
import { type LocalHandler, type Operation, operations } from "./routes.ts";

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

type Alias = string | ((req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void);

function aliases(local: Record<LocalHandler, LocalAnswer>): Record<string, Alias> {
  const aliasOf = ({ target }: Operation): Alias =>
    "action" in target
      ? target.action
      : (req, res, next) =>
          void Promise.resolve()
            .then(() => local[target.local](req, res))
            .catch(next);
  return Object.fromEntries(
    operations.flatMap((operation) => {
      const methods = operation.method === "GET" ? ["GET", "HEAD"] : [operation.method];
      return methods.map((method) => [`${method} ${operation.path}`, aliasOf(operation)] as const);
    }),
  );
}

/** No server, body parser, CORS, log line or ETag of its own. */
export const webSettings = (gate: Gate, local: Record<LocalHandler, LocalAnswer>) => ({
  server: false,
  path: "/",
  logRequest: null,
  logRequestParams: null,
  logResponse: null,
  logRouteRegistration: null,
  rootCallOptions: (options: { requestID?: string; meta?: CallMeta }, req: IncomingMessage) => {
    const { correlation, meta } = exchangeOf(req);
    options.requestID = correlation.correlationId;
    options.meta = { ...meta };
  },
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
      aliases: aliases(local),
      onBeforeCall: (
        _ctx: Context,
        _route: unknown,
        req: IncomingMessage & { $params?: unknown },
        res: ServerResponse,
      ) => {
        req.$params = exchangeOf(req).params;
        res.removeHeader("X-Request-ID");
      },
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
