/**
 * Every problem the gateway answers with (RFC 9457), and how an error becomes one.
 *
 * Promise: a refusal says what to change, a 503 when to come back, and a 500 nothing about our insides.
 */
import { Errors } from "moleculer";
import * as z from "zod";
import { type FieldError, Refusal, Unavailable } from "../../contracts/errors.ts";
import type { ScimType } from "../../contracts/scim.ts";
import { FieldConflict } from "../../contracts/user.ts";
import { type ProblemSlug, problemTypes } from "./problem-types.ts";

export const Problem = z
  .object({
    type: z.string().meta({ description: "URI reference of the problem's description, /problems/<slug>" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional().meta({ description: "The path of the request" }),
    correlationId: z.string(),
    errors: z
      .array(
        z.object({
          detail: z.string().meta({ description: "What is wrong, in words that complete its name" }),
          pointer: z.string().optional().meta({
            description: "A member of the body: JSON pointer as a URI fragment (RFC 6901 §6)",
          }),
          parameter: z
            .string()
            .optional()
            .meta({ description: "A parameter of the query or the path, by its name" }),
          header: z.string().optional().meta({ description: "A header of the request, by its name" }),
          conflict: FieldConflict.optional().meta({
            description:
              "Of address-taken, external-id-taken and user-name-taken: what stands against the value, and who has it",
          }),
        }),
      )
      .optional()
      .meta({ description: "Each fault, with one of pointer, parameter and header" }),
  })
  .meta({ id: "Problem", description: "RFC 9457" });
export type Problem = z.infer<typeof Problem>;

export const problemContentType = "application/problem+json";

/** One fault and where it is: in the body, among the parameters of query and path, or in a header. */
export type Fault = { readonly detail: string; readonly conflict?: FieldConflict } & (
  | { readonly pointer: string }
  | { readonly parameter: string }
  | { readonly header: string }
);

interface ProblemOptions {
  readonly errors?: readonly Fault[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
  /** Of a 401: why nobody could be told, as auth_failures_total counts it. */
  readonly reason?: AuthFailure | undefined;
  /** As the service `scim` says it. */
  readonly scimType?: ScimType | undefined;
}

/**
 * Why it can't be told who asks: no token; one that is none, of nobody, over, revoked; one of an identity provider that
 * is not for us, not one to ask us with, or not signed by who it says; or anything else about it.
 */
export const authFailures = [
  "missing",
  "malformed",
  "unknown",
  "expired",
  "revoked",
  "audience",
  "issuer",
  "type",
  "algorithm",
  "signature",
  "invalid",
] as const;
export type AuthFailure = (typeof authFailures)[number];

/**
 * An answer that is a problem; thrown anywhere on a request's way. A MoleculerError, because moleculer-web makes any
 * other error of a middleware a new one of that class.
 */
export class HttpProblem extends Errors.MoleculerError {
  readonly slug: ProblemSlug;
  readonly errors: readonly Fault[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly reason: AuthFailure | undefined;
  readonly scimType: ScimType | undefined;
  constructor(slug: ProblemSlug, detail: string, options: ProblemOptions = {}) {
    super(detail, problemTypes[slug].status, slug);
    if (options.cause !== undefined) this.cause = options.cause;
    this.slug = slug;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
    this.reason = options.reason;
    this.scimType = options.scimType;
  }
  get status(): number {
    return problemTypes[this.slug].status;
  }
}

const invalid = (fault: Fault): HttpProblem =>
  new HttpProblem("invalid-fields", "The request has invalid fields", { errors: [fault] });

/** 422 for one parameter of the query or the path. */
export const invalidParameter = (parameter: string, detail: string): HttpProblem =>
  invalid({ parameter, detail });

/** 400 for one header. */
export const invalidHeader = (
  header: string,
  detail: string,
  slug: "invalid-header" | "idempotency-key-invalid" = "invalid-header",
): HttpProblem => new HttpProblem(slug, `${header} ${detail}`, { errors: [{ header, detail }] });

/** The challenge of RFC 6750 §3. */
const challenge = (parameters: string): Record<string, string> => ({
  "WWW-Authenticate": `Bearer realm="mailroster"${parameters}`,
});

/** 401; `why` completes "The token …", and is absent when there is none. */
export const unauthenticated = (why?: string, reason: AuthFailure = "invalid"): HttpProblem =>
  why === undefined
    ? new HttpProblem("unauthenticated", "The request has no token: send Authorization: Bearer <token>", {
        headers: challenge(""),
        reason: "missing",
      })
    : new HttpProblem("unauthenticated", `The token ${why}`, {
        headers: challenge(', error="invalid_token"'),
        reason,
      });

/** 401 of somebody who had signed in; `why` completes "The session …". */
export const sessionOver = (why: string, reason: AuthFailure): HttpProblem =>
  new HttpProblem("unauthenticated", `The session ${why}: sign in again`, {
    headers: challenge(', error="invalid_token"'),
    reason,
  });

/** 403 for whoever lacks a scope; `because` says why, where it is known. */
export const forbidden = (scope: string, because?: string): HttpProblem =>
  new HttpProblem(
    "forbidden",
    `This needs the scope ${scope}, which you do not have${because === undefined ? "" : `, because ${because}`}`,
    { headers: challenge(`, error="insufficient_scope", scope="${scope}"`) },
  );

/** 422 for one member of the body. */
export const invalidField = (name: string, detail: string): HttpProblem =>
  invalid({ pointer: `#/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}`, detail });

/** Moleculer's ways to say that a call can't be served now; compared by name because classes are lost on the wire. */
const unavailableNames = new Set([
  "ServiceNotFoundError",
  "ServiceNotAvailableError",
  "ServiceUnavailableError",
  "BrokerDisconnectedError",
  "RequestTimeoutError",
  "RequestRejectedError",
  "RequestSkippedError",
  "QueueIsFullError",
]);

const retryAfterDefaultMs = 1_000;

export const retryAfter = (ms: number = retryAfterDefaultMs): Record<string, string> => ({
  "Retry-After": String(Math.max(1, Math.ceil(ms / 1_000))),
});

/** Its detail becomes what is missing, and since when, where that is known (outages.ts). */
const unavailableProblem = (ms: number | undefined, cause: unknown): HttpProblem =>
  new HttpProblem("unavailable", "The request can't be served at the moment, repeat it later", {
    headers: retryAfter(ms),
    cause,
  });

const isProblemSlug = (type: unknown): type is ProblemSlug =>
  typeof type === "string" && Object.hasOwn(problemTypes, type);

/** Where of the request a fault is that an action tells by its own parameters. */
export type Locate = (fault: FieldError) => Fault;

/** Refusals that the same request may not meet a moment later. */
const isWorthRepeating = (slug: ProblemSlug): boolean =>
  slug === "idempotency-key-in-use" || slug === "idempotency-keys-used-up" || slug === "search-too-slow";

function refusalProblem(error: Refusal, locate: Locate): HttpProblem {
  if (!isProblemSlug(error.type)) return internalProblem(error);
  const { errors, scimType } = error.data ?? {};
  return new HttpProblem(error.type, error.message, {
    ...(errors === undefined ? {} : { errors: errors.map(locate) }),
    ...(scimType === undefined ? {} : { scimType: scimType as ScimType }),
    ...(isWorthRepeating(error.type) ? { headers: retryAfter() } : {}),
  });
}

const internalProblem = (cause: unknown): HttpProblem =>
  new HttpProblem("internal", "The request failed; the correlation id leads to the cause in the logs", {
    cause,
  });

/** moleculer-web's, of a path that has matched. */
const undecodableParam = "UNABLE_DECODE_PARAM";
const typeOf = (error: unknown): unknown => (error as { type?: unknown } | null)?.type;

/** Never throws, whatever was thrown. */
export function problemFor(error: unknown, locate: Locate): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof Refusal) return refusalProblem(error, locate);
  if (error instanceof Unavailable) return unavailableProblem(error.data?.retryAfterMs, error);
  if (error instanceof URIError || typeOf(error) === undecodableParam)
    return new HttpProblem("malformed-request", "The path has a malformed percent-encoding");
  if (error instanceof Error && unavailableNames.has(error.name)) return unavailableProblem(undefined, error);
  return internalProblem(error);
}

/** The body of the answer. */
export function problemBody(
  problem: HttpProblem,
  request: { readonly instance?: string; readonly correlationId: string },
): Problem {
  const { status, title } = problemTypes[problem.slug];
  return {
    type: `/problems/${problem.slug}`,
    title,
    status,
    detail: problem.message,
    ...(request.instance === undefined ? {} : { instance: request.instance }),
    correlationId: request.correlationId,
    ...(problem.errors === undefined ? {} : { errors: [...problem.errors] }),
  };
}
