/**
 * What is checked of a request before anybody is asked who sent it: whom it means, how much the client has asked, the
 * path's methods.
 */
import type { ServerResponse } from "node:http";
import { Unavailable } from "../../contracts/errors.ts";
import { HttpProblem, problemFor } from "../problems/problems.ts";
import type { Operation } from "../routes/operation.ts";
import { streamWanted } from "./accept.ts";
import { answerWith, type Gate, type Middleware, type WebRequest } from "./exchange.ts";
import { addressPolicy, tooManyRequests } from "./quota.ts";

/** The rows of one path. */
export interface PathRows {
  /** As metrics and log lines name it. */
  readonly pattern: string;
  readonly methods: ReadonlyMap<string, Operation>;
}

/** The value of Allow. */
const allowValue = (methods: Iterable<string>): string => [...methods, "OPTIONS"].join(", ");

/** Throws what the service itself would, without having asked it. */
function throttle({ throttles, platform }: Gate, { target }: Operation): void {
  if (!("action" in target)) return;
  const { action } = target;
  const retryAfterMs = throttles.refusedForMs(action, performance.now());
  if (retryAfterMs === undefined) return;
  platform.metrics.admissionRefused.inc({ work: action });
  const [service = ""] = action.split(".");
  throw new Unavailable(service, "More is asked for than can be done in time", {
    retryAfterMs,
    isOverload: true,
  });
}

/** What the client's address has left; health costs as much as anything. Throws a problem. */
function admit({ addresses, config, platform }: Gate, req: WebRequest): void {
  const nowMs = platform.now().getTime();
  const { failureWaitMs, grant } = addresses.admit(req, nowMs);
  if (failureWaitMs > 0)
    throw tooManyRequests("Too many requests of this address did not say who sends them", failureWaitMs);
  if (grant === undefined) return;
  req.exchange.limitHeaders = addressPolicy.headers(config.requestsPerMinuteMax, grant);
  if (grant.waitMs > 0) throw tooManyRequests("This client has used up its requests for now", grant.waitMs);
}

/** Whether the request means this installation, and asks for nothing that HTTP lets no server do. */
function requireOwn(req: WebRequest): void {
  const { refusal } = req.exchange;
  if (refusal !== undefined) throw new HttpProblem(refusal.slug, refusal.detail);
  if (req.headers.expect !== undefined && req.headers.expect.toLowerCase() !== "100-continue")
    throw new HttpProblem("expectation-failed", "The only expectation that can be met is 100-continue");
}

const answerOptions = (req: WebRequest, res: ServerResponse, methods: Iterable<string>): void =>
  answerWith(req, res, { status: 204, headers: ["Allow", allowValue(methods)] });

/** Throws a problem; false: it has answered. */
function letThrough(gate: Gate, rows: PathRows, req: WebRequest, res: ServerResponse): boolean {
  const { exchange, method = "" } = req;
  requireOwn(req);
  exchange.pattern = rows.pattern;
  admit(gate, req);
  if (method === "OPTIONS") {
    answerOptions(req, res, rows.methods.keys());
    return false;
  }
  const operation = rows.methods.get(method);
  if (operation === undefined) {
    const allow = allowValue(rows.methods.keys());
    throw new HttpProblem("method-not-allowed", `This path takes ${allow}`, { headers: { Allow: allow } });
  }
  exchange.operation = operation;
  if (operation.streams !== undefined) exchange.stream = streamWanted(operation.streams, req.headers.accept);
  throttle(gate, operation);
  return true;
}

/** A path that no row has; `OPTIONS *` asks for what there is at all. Throws a problem or a URIError, or has answered. */
function refuseStray(gate: Gate, everyMethod: Iterable<string>, req: WebRequest, res: ServerResponse): false {
  const { path } = req.exchange;
  requireOwn(req);
  admit(gate, req);
  if (req.method === "OPTIONS" && path === "*") {
    answerOptions(req, res, everyMethod);
    return false;
  }
  decodeURIComponent(path);
  throw new HttpProblem("not-found", "Nothing lives at this path");
}

const middlewareOf =
  (passes: (req: WebRequest, res: ServerResponse) => boolean): Middleware =>
  (req, res, next) => {
    try {
      if (passes(req, res)) next();
    } catch (error) {
      // moleculer-web makes any other error of a middleware a new one, which has lost what it was.
      next(problemFor(error, (fault) => fault));
    }
  };

/** Runs before the alias is known to moleculer-web's middlewares; the path's rows are known by the route. */
export const guard = (gate: Gate, rows: PathRows): Middleware =>
  middlewareOf((req, res) => letThrough(gate, rows, req, res));

/** Of the route that gets what no other takes. */
export const strayGuard = (gate: Gate, everyMethod: Iterable<string>): Middleware =>
  middlewareOf((req, res) => refuseStray(gate, everyMethod, req, res));
