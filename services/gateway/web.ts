/**
 * The table of operations as moleculer-web's routes: one for each path, with an alias for each of its methods. In the
 * order in which a request meets them: `rootCallOptions` (the exchange begins), `use` (the guard), `onBeforeCall` (what
 * the action gets), `authenticate`, `authorize`, the body, the action, `sendResponse`; an error anywhere ends in
 * `onError`.
 *
 * What moleculer-web does otherwise than HTTP wants, and what answers it, is in ADR 0027.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Context, Service } from "moleculer";
import type { CallMeta } from "../contracts/actions.ts";
import { problemFor } from "./answers/problems.ts";
import { hasBody, readJsonObject } from "./http/body.ts";
import { answerProblem, begin, type Exchange, exchangeOf } from "./http/exchange.ts";
import { type Gate, letThrough, type PathRows, refuseStrayed } from "./http/guard.ts";
import { present } from "./http/present.ts";
import { requireActor } from "./http/request.ts";
import type { LocalAnswer } from "./local.ts";
import { type Operation, operations } from "./routes/index.ts";
import type { LocalHandler } from "./routes/operation.ts";

type CallContext = Context<unknown, CallMeta & { user?: { readonly id: string } | null }>;

/** What moleculer-web keeps on a request (its changelog, 0.6.0 and 0.8.0). */
interface WebRequest extends IncomingMessage {
  readonly $ctx: CallContext;
  $params: unknown;
}

/** moleculer-web's service as the code here uses it. */
export interface WebService extends Service {
  httpHandler(req: IncomingMessage, res: ServerResponse): Promise<void>;
  sendError(req: IncomingMessage, res: ServerResponse, error: unknown): void;
}

type Next = (error?: unknown) => void;
type Step = (req: IncomingMessage, res: ServerResponse, next: Next) => void;

/** The rows by path, in the order of the table; a GET answers HEAD too. */
function pathsOf(table: readonly Operation[]): PathRows[] {
  const paths = new Map<string, Map<string, Operation>>();
  for (const operation of table) {
    const methods = paths.get(operation.path) ?? new Map<string, Operation>();
    paths.set(operation.path, methods);
    methods.set(operation.method, operation);
    if (operation.method === "GET") methods.set("HEAD", operation);
  }
  return [...paths].map(([pattern, methods]) => ({ pattern, methods }));
}

/** moleculer-web makes any other error of a middleware a new one, which has lost what it was. */
const asProblem = (error: unknown) => problemFor(error, (fault) => fault);

/** The parameters of the row's action; throws a problem. */
function paramsOf({ operation, ...exchange }: Exchange, body: Record<string, unknown>): unknown {
  if (operation === undefined || !("action" in operation.target)) return {};
  const { pathParams: path, queryParams: query, expectedVersions } = exchange;
  return operation.target.params({ path, query, body, expectedVersions });
}

const takesBody = ({ body }: Operation, req: IncomingMessage): boolean =>
  body !== undefined && (body.optional !== true || hasBody(req));

/** The last step before the action: nobody who may not is made to send a body, and none of theirs is read. */
const bodyReader =
  (gate: Gate, operation: Operation): Step =>
  (req, _, next) => {
    if (!takesBody(operation, req)) return next();
    const { bodyBytesMax: bytesMax } = gate.config;
    readJsonObject(req, { accepted: operation.body?.mediaTypes ?? [], bytesMax })
      .then((body) => {
        (req as WebRequest).$params = paramsOf(exchangeOf(req), body);
      })
      .then(() => next(), next);
  };

type Handler = string | Step | (Step | string)[];

function handlerOf(gate: Gate, local: Record<LocalHandler, LocalAnswer>, operation: Operation): Handler {
  const { target } = operation;
  if ("action" in target)
    return operation.body === undefined ? target.action : [bodyReader(gate, operation), target.action];
  // A promise that rejects here is nobody's: moleculer-web takes what `next` is given.
  return async (req, res, next) => {
    try {
      await local[target.local](req, res);
    } catch (error) {
      next(error);
    }
  };
}

/** The bare path, last, brings every other method to the guard. */
function aliasesOf(gate: Gate, local: Record<LocalHandler, LocalAnswer>, { pattern, methods }: PathRows) {
  const aliases: Record<string, Handler> = {};
  for (const [method, operation] of methods)
    aliases[`${method} ${pattern}`] = handlerOf(gate, local, operation);
  aliases[pattern] = (_req, _res, next) => next();
  return aliases;
}

/** Runs before the alias is known to moleculer-web's middlewares; the path's rows are known by the route. */
const guarding =
  (check: (req: IncomingMessage, res: ServerResponse) => boolean): Step =>
  (req, res, next) => {
    try {
      if (check(req, res)) next();
    } catch (error) {
      next(asProblem(error));
    }
  };

function beforeCall(ctx: CallContext, _route: unknown, req: WebRequest): void {
  const exchange = exchangeOf(req);
  ctx.requestID = exchange.correlation.correlationId;
  exchange.pathParams = (req.$params as { params?: Record<string, string> }).params ?? {};
  if (exchange.idempotencyKey !== undefined) ctx.meta.idempotencyKey = exchange.idempotencyKey;
  const { operation } = exchange;
  if (operation !== undefined && !takesBody(operation, req)) req.$params = paramsOf(exchange, {});
}

const common = (gate: Gate) => ({
  path: "/",
  mappingPolicy: "restrict",
  mergeParams: false,
  bodyParsers: false,
  etag: false,
  logging: false,
  // As written: moleculer-web alone would take /USERS and /users/ for /users.
  pathToRegexpOptions: { sensitive: true, trailing: false },
  callOptions: { timeout: gate.limits.callTimeoutMs },
});

/** The settings of moleculer-web. */
export function webSettings(gate: Gate, local: Record<LocalHandler, LocalAnswer>) {
  const paths = pathsOf(operations);
  const everyMethod = new Set(paths.flatMap(({ methods }) => [...methods.keys()]));
  const ended = (): void => {
    gate.inFlight -= 1;
  };
  const strayed = guarding((req, res) => {
    refuseStrayed(gate, everyMethod, req, res);
    return false;
  });
  return {
    server: false,
    path: "/",
    optimizeOrder: false,
    logRequest: null,
    logRequestParams: null,
    logResponse: null,
    logRouteRegistration: null,
    /** The first thing that happens to a request: its exchange begins, and moleculer-web gets its path alone. */
    rootCallOptions(options: Record<string, unknown>, req: IncomingMessage, res: ServerResponse) {
      gate.inFlight += 1;
      const exchange = begin(gate, req, res, ended);
      options.meta = exchange.meta;
      // Else moleculer-web answers with an X-Request-ID, the client's own unchecked.
      options.requestID = "";
      // Answers under way are waited for by the server's drain.
      options.tracking = false;
      // moleculer-web cuts one slash off; with none to spare, /users/ would be /users.
      req.url = `${exchange.route}/`;
    },
    onError: (req: IncomingMessage, res: ServerResponse, error: unknown) =>
      answerProblem(gate, req, res, error),
    routes: [
      // Without an alias it matches nothing, and so gets what matches nothing else.
      { ...common(gate), name: "strayed", aliases: {}, use: [strayed] },
      ...paths.map((rows) => ({
        ...common(gate),
        name: rows.pattern,
        aliases: aliasesOf(gate, local, rows),
        use: [guarding((req, res) => letThrough(gate, rows, req, res))],
        onBeforeCall: beforeCall,
        authentication: true,
        authorization: true,
      })),
    ],
  };
}

/** Methods of the service that moleculer-web calls. */
export const webMethods = (gate: Gate) => ({
  /** The caller, as `ctx.meta.user`. Throws a problem for a name that nobody can have. */
  authenticate(ctx: CallContext, _route: unknown, req: IncomingMessage): { readonly id: string } {
    requireActor(req.headers);
    return { id: ctx.meta.actor ?? "" };
  },
  /** Everybody may do everything: whoever is in front of the gateway decides who gets here (docs/guarantees.md). */
  authorize(): void {},
  /** moleculer-web would set header by header, which costs a quarter of a read, and answer a POST with 304 (ADR 0027). */
  sendResponse(req: WebRequest, res: ServerResponse, data: unknown): void {
    const { operation } = exchangeOf(req);
    if (operation !== undefined && "action" in operation.target) gate.outages.done(operation.target.action);
    present(req, res, data, req.$ctx.meta.idempotentReplayed === true);
  },
  /** moleculer-web would log stack and data of whatever is no 4xx; `onError` logs what an operator must know. */
  errorHandler(this: WebService, req: IncomingMessage, res: ServerResponse, error: unknown): void {
    this.sendError(req, res, error);
  },
});
