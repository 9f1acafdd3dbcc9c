/** An error anywhere on a request's way as its answer, and in the log what an operator must know of it. */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { newCorrelationId, withCorrelation } from "../../../mixins/context/correlation.ts";
import { errorMessage } from "../../../mixins/log/error-text.ts";
import type { Platform } from "../../../mixins/platform.ts";
import { isOverload } from "../../contracts/errors.ts";
import { answerWith, type Exchange, type Gate, isScim, type WebRequest } from "../http/exchange.ts";
import { HttpProblem, problemBody, problemContentType, problemFor } from "../problems/problems.ts";
import { locate } from "../routes/operation.ts";
import { answerScimError } from "./scim.ts";

/**
 * Logs what an operator must know of a failure: the cause of a defect, the reason of a refusal to serve. Too much that is
 * asked for, of a service or of the gateway (whose own 503 has no cause), is counted by a metric, and would be too much of
 * a log, too.
 */
function logFailure(platform: Platform, problem: HttpProblem): void {
  if (problem.status === 500) platform.log.error({ err: problem.cause }, "request failed");
  else if (problem.status === 503 && problem.cause !== undefined && !isOverload(problem.cause))
    platform.log.warn({ reason: errorMessage(problem.cause) }, "request could not be served");
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

/** What the gateway learns from a failure, and the problem that it is. Our own problems are of no call. */
function problemOf(gate: Gate, { operation, query }: Exchange, error: unknown): HttpProblem {
  const { platform, outages, throttles } = gate;
  const problem = problemFor(error, (fault) => locate(fault, operation, query));
  if (operation === undefined || !("action" in operation.target)) return problem;
  const { action } = operation.target;
  if (!(error instanceof HttpProblem)) throttles.ended(action, isOverload(error), performance.now());
  return outages.explain(problem, action, platform.now().getTime());
}

/** Answers with the problem that the error is; an answer that has begun can only be cut off. */
function answerProblem(gate: Gate, req: WebRequest, res: ServerResponse, error: unknown): void {
  const { platform, failed } = gate;
  const { correlation, path, operation } = req.exchange;
  if (operation !== undefined) failed(req, operation, error);
  const problem = problemOf(gate, req.exchange, error);
  withCorrelation(correlation, () => logFailure(platform, problem));
  if (res.headersSent) {
    res.destroy();
    return;
  }
  if (isScim(req.exchange.route)) {
    answerScimError(req, res, problem);
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

/** moleculer-web's `onError`. */
export const answerError =
  (gate: Gate) =>
  (req: WebRequest, res: ServerResponse, error: unknown): void =>
    answerProblem(gate, req, res, error);
