/** One write over HTTP, repeated under its Idempotency-Key until it has a definite answer. */
import { setTimeout as delay } from "node:timers/promises";
import { lightRequest } from "../support/light-request.ts";
import type { Journal, Operation, UserAnswer } from "./journal.ts";

/** Longer than the gateway ever takes for an answer when it runs. */
const attemptTimeoutMs = 4_000;
const pauseMinMs = 100;
const pauseMaxMs = 1_000;

export interface Wire {
  readonly url: string;
  readonly journal: Journal;
  readonly elapsedMs: () => number;
  /** When aborted, an operation that has no definite answer stays open. */
  readonly giveUp: AbortSignal;
  /** Whoever is told to come back later does (as soon as the pause is over). */
  readonly keepsRetryAfter?: boolean;
  /** How long an operation is repeated (without a bound of its own). */
  readonly patienceMs?: number;
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs?: number | undefined;
}

function callOf({ kind, userId, request: body }: Operation): Call {
  switch (kind) {
    case "create":
      return { method: "POST", path: "/users", body };
    case "remove":
      return { method: "DELETE", path: `/users/${userId}` };
    case "restore":
      return { method: "POST", path: `/users/${userId}/restore` };
    case "rename":
    case "move":
    case "trim":
      return { method: "PATCH", path: `/users/${userId}`, body };
  }
}

async function attempt(wire: Wire, operation: Operation): Promise<Answer> {
  const { method, path, body } = callOf(operation);
  const headers = { "idempotency-key": operation.id, "x-correlation-id": operation.id };
  try {
    return await lightRequest(`${wire.url}${path}`, { method, body, headers, timeoutMs: attemptTimeoutMs });
  } catch (error) {
    return { status: 0, text: (error as Error).message };
  }
}

const problemOf = (text: string): string => {
  try {
    return (JSON.parse(text) as { type?: string }).type?.replace("/problems/", "") ?? "";
  } catch {
    return "";
  }
};

/** Takes the answer into the operation; false when it has to be repeated. */
function settle(operation: Operation, { status, text }: Answer): boolean {
  operation.status = status;
  if (status >= 200 && status < 300) {
    operation.outcome = "acknowledged";
    if (text !== "") operation.answer = JSON.parse(text) as UserAnswer;
    return true;
  }
  const problem = problemOf(text);
  const passing = status === 0 || status >= 500 || status === 408 || problem === "idempotency-key-in-use";
  if (passing) {
    operation.ambiguous = true;
    return false;
  }
  operation.outcome = "refused";
  operation.problem = problem;
  return true;
}

/** Resolves when there is a definite answer, or when the wire gives up. Never rejects. */
export async function perform(wire: Wire, operation: Operation): Promise<void> {
  const { journal, elapsedMs, giveUp, keepsRetryAfter, patienceMs = Number.POSITIVE_INFINITY } = wire;
  journal.begin(operation);
  for (;;) {
    operation.attempts += 1;
    const startedMs = elapsedMs();
    const answer = await attempt(wire, operation);
    const { status, text, retryAfterMs = 0 } = answer;
    const atMs = elapsedMs();
    journal.attempted({ operation: operation.id, atMs, tookMs: atMs - startedMs, status, text });
    if (settle(operation, answer) || giveUp.aborted || atMs - operation.startedMs > patienceMs) break;
    const pauseMs = Math.min(pauseMaxMs, pauseMinMs * 2 ** Math.min(operation.attempts - 1, 4));
    const toldMs = keepsRetryAfter === true ? retryAfterMs : 0;
    await delay(Math.max(pauseMs, toldMs), undefined, { signal: giveUp }).catch(() => {});
  }
  journal.ended(operation, elapsedMs());
}
