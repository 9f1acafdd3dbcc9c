/**
 * The table of operations as moleculer-web's routes: one for each path, with an alias for each of its methods. In the
 * order in which a request meets them: `rootCallOptions` (http/exchange.ts), `use` (http/method-guard.ts), `onBeforeCall`
 * (http/request-head.ts), `authenticate`, `authorize` (access/), the head and the body (http/body.ts), the action,
 * `sendResponse` (answers/success.ts); an error anywhere ends in `onError` (answers/failure.ts).
 *
 * What moleculer-web does otherwise than HTTP wants, and what answers it, is in ADR 0027.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Service } from "moleculer";
import { type Access, accessHooks } from "./access/index.ts";
import type { Refusals } from "./access/refusals.ts";
import { answerError } from "./answers/failure.ts";
import { sendResponse } from "./answers/success.ts";
import { requestReader } from "./http/body.ts";
import { type Gate, type Middleware, openExchange, type WebRequest } from "./http/exchange.ts";
import { guard, type PathRows, strayGuard } from "./http/method-guard.ts";
import { beforeCall } from "./http/request-head.ts";
import type { LocalAnswer } from "./own-answers.ts";
import { HttpProblem } from "./problems/problems.ts";
import type { Operation } from "./routes/index.ts";
import type { LocalHandler } from "./routes/operation.ts";

/** moleculer-web's service as the code here uses it. */
export interface WebService extends Service {
  httpHandler(req: IncomingMessage, res: ServerResponse): Promise<void>;
  sendError(req: IncomingMessage, res: ServerResponse, error: unknown): void;
}

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

type Handler = string | Middleware | (Middleware | string)[];

function handlerOf(gate: Gate, local: Record<LocalHandler, LocalAnswer>, operation: Operation): Handler {
  const { target } = operation;
  if ("action" in target) return [requestReader(gate, operation), target.action];
  // A promise that rejects here is nobody's: moleculer-web takes what `next` is given.
  const answer: Middleware = async (req, res, next) => {
    try {
      await local[target.local](req, res);
    } catch (error) {
      next(error);
    }
  };
  return operation.body === undefined ? answer : [requestReader(gate, operation), answer];
}

/** The bare path, last, brings every other method to the guard. */
function aliasesOf(gate: Gate, local: Record<LocalHandler, LocalAnswer>, { pattern, methods }: PathRows) {
  const aliases: Record<string, Handler> = {};
  for (const [method, operation] of methods)
    aliases[`${method} ${pattern}`] = handlerOf(gate, local, operation);
  aliases[pattern] = (_req, _res, next) => next();
  return aliases;
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
export function webSettings(
  gate: Gate,
  local: Record<LocalHandler, LocalAnswer>,
  table: readonly Operation[],
) {
  const paths = pathsOf(table);
  const everyMethod = new Set(paths.flatMap(({ methods }) => [...methods.keys()]));
  return {
    server: false,
    path: "/",
    optimizeOrder: false,
    logRequest: null,
    logRequestParams: null,
    logResponse: null,
    logRouteRegistration: null,
    rootCallOptions: openExchange(gate),
    onError: answerError(gate),
    routes: [
      // Without an alias it matches nothing, and so gets what matches nothing else.
      { ...common(gate), name: "stray", aliases: {}, use: [strayGuard(gate, everyMethod)] },
      ...paths.map((rows) => ({
        ...common(gate),
        name: rows.pattern,
        aliases: aliasesOf(gate, local, rows),
        use: [guard(gate, rows)],
        onBeforeCall: beforeCall,
        authentication: true,
        authorization: true,
      })),
    ],
  };
}

type Hooks = ReturnType<typeof accessHooks>;

/**
 * The error, or the refusal that goes before it: moleculer-web looks for a service that has the action before it asks who
 * calls, and whoever may not is told that, not what is there and what is away.
 */
async function refusalOr(error: unknown, req: WebRequest, { authenticate, authorize }: Hooks) {
  const { exchange, $ctx: ctx } = req;
  const isJudged = error instanceof HttpProblem || exchange.operation === undefined;
  if (isJudged || ctx.meta.user !== undefined) return error;
  try {
    ctx.meta.user = (await authenticate(ctx, undefined, req)) ?? null;
    authorize(ctx, undefined, req);
    return error;
  } catch (refusal) {
    return refusal;
  }
}

/** Methods of the service that moleculer-web calls. */
export function webMethods(gate: Gate, access: Access, refusals: Refusals) {
  const hooks = accessHooks(access, refusals, gate.platform.metrics);
  return {
    ...hooks,
    sendResponse: sendResponse(gate),
    /** moleculer-web would log stack and data of whatever is no 4xx; `onError` logs what an operator must know. */
    async errorHandler(
      this: WebService,
      req: WebRequest,
      res: ServerResponse,
      error: unknown,
    ): Promise<void> {
      this.sendError(req, res, await refusalOr(error, req, hooks));
    },
  };
}
