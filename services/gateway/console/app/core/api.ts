/**
 * The gateway, asked as any other client asks it: the same paths, the same problems.
 *
 * Promise: whatever goes wrong comes as a ProblemAnswer within 30 s, which says what to do next. A write carries the key
 * of its intent, so that a repeat of it is answered and not done again.
 */
import type { FieldError } from "../../../../contracts/errors.ts";

/** As `application/problem+json` tells it (RFC 9457). */
export interface ProblemBody {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly correlationId?: string;
  readonly errors?: readonly (FieldError & { readonly parameter?: string })[];
}

const passing: readonly number[] = [0, 429, 502, 503, 504];

/** Status 0: no answer came, or not all of one. */
export class ProblemAnswer extends Error {
  readonly status: number;
  readonly body: ProblemBody;
  readonly retryAfterS: number | undefined;
  constructor(status: number, body: ProblemBody, retryAfterS?: number) {
    super(body.detail ?? body.title ?? `Status ${status}`);
    this.name = "ProblemAnswer";
    this.status = status;
    this.body = body;
    this.retryAfterS = retryAfterS;
  }
  get slug(): string {
    return this.body.type?.split("/").at(-1) ?? "";
  }
  /** The same request may succeed later: nobody answered, a proxy for nobody, or it is too early. */
  get mayPass(): boolean {
    return passing.includes(this.status) || this.slug === "idempotency-key-in-use";
  }
}

export interface Answer<T> {
  readonly status: number;
  readonly data: T;
  readonly etag: string | null;
  readonly correlationId: string | null;
}

export interface Request {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly ifMatch?: string | null | undefined;
  readonly ifNoneMatch?: string | null | undefined;
  /** Idempotency-Key of a write. */
  readonly key?: string;
  readonly signal?: AbortSignal;
  /** Nobody is at the keyboard for this one: it does not keep the session from ending. */
  readonly isPoll?: boolean;
}

/** The gateway answers within seconds; a longer silence is of the way to it. */
const answerMsMax = 30_000;
const keyBytes = 18;
/** Of one intent. `crypto.randomUUID` is there in a secure context only. */
export const newIntent = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(keyBytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

function headersOf({ body, ifMatch, ifNoneMatch, key, isPoll }: Request): Headers {
  const headers = new Headers({ accept: "application/json, application/problem+json" });
  headers.set("x-mailroster-console", isPoll === true ? "poll" : "1");
  if (body !== undefined) headers.set("content-type", "application/json");
  if (key !== undefined) headers.set("idempotency-key", key);
  if (typeof ifMatch === "string") headers.set("if-match", ifMatch);
  if (typeof ifNoneMatch === "string") headers.set("if-none-match", ifNoneMatch);
  return headers;
}

async function problemOf(response: Response): Promise<ProblemAnswer> {
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterS = Number.isFinite(seconds) ? Math.max(1, seconds) : undefined;
  const correlationId = response.headers.get("x-correlation-id");
  const fallback: ProblemBody = {
    title: response.statusText || `Status ${response.status}`,
    ...(correlationId === null ? {} : { correlationId }),
  };
  const body = await response.json().catch(() => ({}));
  return new ProblemAnswer(response.status, { ...fallback, ...(body as ProblemBody) }, retryAfterS);
}

const isOffline = (): boolean => "onLine" in navigator && navigator.onLine === false;

const unanswered = (): ProblemAnswer =>
  new ProblemAnswer(0, {
    title: "No answer",
    detail: isOffline()
      ? "This device is offline"
      : "The gateway did not answer: it is stopped, restarting, or the way to it is cut",
  });

/** What is promised as JSON and is none was cut, or is a page of something in between: in either case no answer. */
async function dataOf(response: Response, signal: AbortSignal | undefined): Promise<unknown> {
  try {
    return await response.json();
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw unanswered();
  }
}

/** Rejects with a ProblemAnswer, or with the AbortError of whoever does not want the answer any more. */
export async function ask<T>(path: string, request: Request = {}): Promise<Answer<T>> {
  const { method = "GET", body, signal } = request;
  const late = AbortSignal.timeout(answerMsMax);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: headersOf(request),
      credentials: "same-origin",
      redirect: "error",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw unanswered();
  }
  const { status, headers } = response;
  if (status !== 304 && !response.ok) throw await problemOf(response);
  const isEmpty = status === 204 || status === 304;
  const data = (isEmpty ? undefined : await dataOf(response, signal)) as T;
  return { status, data, etag: headers.get("etag"), correlationId: headers.get("x-correlation-id") };
}

/** Of what went wrong outside of a request, a defect of ours among it. */
export const asProblem = (error: unknown): ProblemAnswer =>
  error instanceof ProblemAnswer
    ? error
    : new ProblemAnswer(-1, {
        title: "The console failed",
        detail: error instanceof Error ? error.message : "",
      });

export const isAbort = (error: unknown): boolean =>
  error instanceof DOMException && error.name === "AbortError";
