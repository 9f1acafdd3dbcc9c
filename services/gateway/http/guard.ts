/**
 * What is checked of a request before anybody is asked who sent it and before a byte of its body is read: whom it
 * means, how much the client has asked, the path's methods, the headers and the query.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { GuardedRequest, GuardRefusal } from "../../../mixins/http/http-guard.ts";
import type { Platform } from "../../../mixins/platform.ts";
import type { Config } from "../../config/index.ts";
import type { Outages } from "../answers/outages.ts";
import { HttpProblem, retryAfter } from "../answers/problems.ts";
import type { Operation } from "../routes/index.ts";
import { answerWith, type Exchange, exchangeOf, isHealth } from "./exchange.ts";
import { clientOf, type GatewayLimits, type RateLimiter } from "./limits.ts";
import { expectedVersionsOf, idempotencyKeyOf, queryOf } from "./request.ts";

/** What all requests of one gateway share. */
export interface Gate {
  readonly platform: Platform;
  readonly config: Config;
  readonly limits: GatewayLimits;
  readonly limiter: RateLimiter;
  readonly guard: (request: GuardedRequest) => GuardRefusal | undefined;
  readonly outages: Outages;
  inFlight: number;
}

/** The rows of one path. */
export interface PathRows {
  /** As metrics and log lines name it. */
  readonly pattern: string;
  readonly methods: ReadonlyMap<string, Operation>;
}

/** The value of Allow. */
export const allowed = (methods: Iterable<string>): string => [...methods, "OPTIONS"].join(", ");

/** Health is asked for by orchestrators and must not be refused because others ask too much. */
function admit(gate: Gate, req: IncomingMessage): void {
  const waitMs = gate.limiter.take(clientOf(req.socket.remoteAddress ?? ""), gate.platform.now().getTime());
  if (waitMs > 0)
    throw new HttpProblem("too-many-requests", "This client has used up its requests for now", {
      headers: retryAfter(waitMs),
    });
  if (gate.inFlight > gate.limits.requestsInFlightMax)
    throw new HttpProblem("unavailable", "Cannot serve the request: the gateway has too many in hand", {
      headers: retryAfter(),
    });
}

/** Whether the request means this installation, and asks for nothing that HTTP lets no server do. */
function requireOwn(req: IncomingMessage): void {
  const { refusal } = exchangeOf(req);
  if (refusal !== undefined) throw new HttpProblem(refusal.slug, refusal.detail);
  if (req.headers.expect !== undefined && req.headers.expect.toLowerCase() !== "100-continue")
    throw new HttpProblem("expectation-failed", "The only expectation that can be met is 100-continue");
}

function readHead(exchange: Exchange, operation: Operation, req: IncomingMessage): void {
  exchange.operation = operation;
  if (!("action" in operation.target)) return;
  exchange.idempotencyKey = operation.write ? idempotencyKeyOf(req.headers) : undefined;
  exchange.queryParams = queryOf(exchange.query, operation.query ?? {}, operation.texts);
  exchange.expectedVersions = operation.conditional ? expectedVersionsOf(req.headers) : undefined;
}

const answerOptions = (req: IncomingMessage, res: ServerResponse, methods: Iterable<string>): void =>
  answerWith(req, res, { status: 204, headers: ["Allow", allowed(methods)] });

/** Throws a problem; false: it has answered. */
export function letThrough(gate: Gate, rows: PathRows, req: IncomingMessage, res: ServerResponse): boolean {
  const exchange = exchangeOf(req);
  const method = req.method ?? "";
  requireOwn(req);
  exchange.pattern = rows.pattern;
  if (!isHealth(rows.pattern)) admit(gate, req);
  if (method === "OPTIONS") {
    answerOptions(req, res, rows.methods.keys());
    return false;
  }
  const operation = rows.methods.get(method);
  if (operation === undefined) {
    const allow = allowed(rows.methods.keys());
    throw new HttpProblem("method-not-allowed", `This path takes ${allow}`, { headers: { Allow: allow } });
  }
  readHead(exchange, operation, req);
  return true;
}

/** A path that no row has; `OPTIONS *` asks for what there is at all. Throws a problem or a URIError, or has answered. */
export function refuseStrayed(
  gate: Gate,
  everyMethod: Iterable<string>,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const { path } = exchangeOf(req);
  requireOwn(req);
  if (req.method === "OPTIONS" && path === "*") {
    answerOptions(req, res, everyMethod);
    return;
  }
  admit(gate, req);
  decodeURIComponent(path);
  throw new HttpProblem("not-found", "Nothing lives at this path");
}
