/**
 * A request's way up to the call of its action: guard → limits → route → headers, query and body → moleculer-web. Every
 * error on it ends in `answerProblem`.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { newCorrelationId, withCorrelation } from "../../mixins/correlation.ts";
import type { GuardedRequest, GuardRefusal } from "../../mixins/http-guard.ts";
import type { Platform } from "../../mixins/platform.ts";
import type { Config } from "../config/index.ts";
import { hasBody, readJsonObject } from "./body.ts";
import { answerProblem, answerWith, begin, type Exchange, exchangeOf, isHealth } from "./exchange.ts";
import { clientOf, type GatewayLimits, type RateLimiter } from "./limits.ts";
import type { Outages } from "./outages.ts";
import { HttpProblem, problemBody, problemContentType, retryAfter } from "./problems.ts";
import { expectedVersionsOf, idempotencyKeyOf, queryOf, requireActor } from "./request.ts";
import { allowed, everyMethod, findRoute, operationOf } from "./router.ts";
import type { Operation } from "./routes.ts";

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

/** Calls the action of the row that `answer` found, and sends its answer; it may have to be awaited. */
export type Dispatch = (req: IncomingMessage, res: ServerResponse) => unknown;

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

/** Reads and checks what the operation takes of the request; a promise only where there is a body to wait for. */
function prepare(
  gate: Gate,
  exchange: Exchange,
  operation: Operation,
  req: IncomingMessage,
): Promise<void> | undefined {
  const { target } = operation;
  if (!("action" in target)) return undefined;
  requireActor(req.headers);
  if (operation.write) {
    const idempotencyKey = idempotencyKeyOf(req.headers);
    if (idempotencyKey !== undefined) exchange.meta = { ...exchange.meta, idempotencyKey };
  }
  const query = queryOf(exchange.query, operation.query ?? {}, operation.texts);
  const expectedVersions = operation.conditional ? expectedVersionsOf(req.headers) : undefined;
  const take = (body: Record<string, unknown>): void => {
    exchange.params = target.params({ path: exchange.pathParams, query, body, expectedVersions });
  };
  if (operation.body === undefined || (operation.body.optional === true && !hasBody(req))) {
    take({});
    return undefined;
  }
  const { bodyBytesMax: bytesMax } = gate.config;
  return readJsonObject(req, { accepted: operation.body.mediaTypes, bytesMax }).then(take);
}

const answerOptions = (req: IncomingMessage, res: ServerResponse, allow: string): void =>
  answerWith(req, res, { status: 204, headers: ["Allow", allow] });

async function answer(
  gate: Gate,
  dispatch: Dispatch,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const exchange = exchangeOf(req);
  const method = req.method ?? "";
  const refused = gate.guard(req);
  if (refused !== undefined) throw new HttpProblem(refused.slug, refused.detail);
  if (req.headers.expect !== undefined && req.headers.expect.toLowerCase() !== "100-continue")
    throw new HttpProblem("expectation-failed", "The only expectation that can be met is 100-continue");
  if (method === "OPTIONS" && exchange.path === "*") return answerOptions(req, res, everyMethod);
  const route = findRoute(exchange.path);
  if (route !== undefined) {
    exchange.pattern = route.pattern;
    exchange.pathParams = route.params;
  }
  if (!isHealth(exchange.pattern)) admit(gate, req);
  if (method === "OPTIONS" && route !== undefined) return answerOptions(req, res, allowed(route));
  const operation = operationOf(route, method);
  exchange.operation = operation;
  const prepared = prepare(gate, exchange, operation, req);
  if (prepared !== undefined) await prepared;
  await dispatch(req, res);
}

/** What the server calls for every request. */
export function onRequest(
  gate: Gate,
  dispatch: Dispatch,
): (req: IncomingMessage, res: ServerResponse) => void {
  const ended = () => {
    gate.inFlight -= 1;
  };
  const work = async (req: IncomingMessage, res: ServerResponse) => {
    try {
      await answer(gate, dispatch, req, res);
    } catch (error) {
      answerProblem(gate, req, res, error);
    }
  };
  return (req, res) => {
    gate.inFlight += 1;
    const exchange = begin(gate.platform, req, res, ended);
    void withCorrelation(exchange.correlation, () => work(req, res));
  };
}

/** Answers a request that the parser gave up on; there is no request to take a correlation id from. */
export function onMalformed(problem: HttpProblem, socket: Duplex, res: ServerResponse | undefined): void {
  if (res?.headersSent) {
    socket.destroy();
    return;
  }
  const correlationId = newCorrelationId();
  const body = JSON.stringify(problemBody(problem, { correlationId }));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${problemBody(problem, { correlationId }).title}`,
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
