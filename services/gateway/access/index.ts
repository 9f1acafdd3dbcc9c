/**
 * Who asks, and whether they may: moleculer-web's `authenticate` and `authorize`, before a byte of the body is read and
 * before anything else of the request is judged. What an object's domain allows is decided in its service.
 */
import { isActor } from "../../../mixins/context/correlation.ts";
import type { Metrics } from "../../../mixins/metrics/metrics.ts";
import type { Config } from "../../config/index.ts";
import { localPrincipal, type Principal, permits, type Scope } from "../../contracts/access.ts";
import { httpHeader } from "../../contracts/headers.ts";
import { consoleHeader } from "../../contracts/session.ts";
import type { CallContext, Exchange, WebRequest } from "../http/exchange.ts";
import { type AuthFailure, forbidden, HttpProblem, invalidHeader } from "../problems/problems.ts";
import type { Operation } from "../routes/operation.ts";
import { byToken, type TokenVerifiers } from "./bearer.ts";
import { type ProtectedResource, protectedResource } from "./protected-resource.ts";
import { byProxy } from "./proxy.ts";
import type { Refusals } from "./refusals.ts";

export interface Access {
  /** Throws, or rejects with, a problem: 401, or 503 when nobody can tell at the moment. */
  readonly principalOf: (req: WebRequest) => Principal | Promise<Principal>;
  /** Whether the documents are shown to whoever can reach them. */
  readonly documentsArePublic: boolean;
  /** undefined: nobody is asked for a token. */
  readonly resource?: ProtectedResource | undefined;
}

/** People at the console (sessions/). */
export interface Browsers {
  /** With AUTH=none: whoever sits there, of what the console asks; undefined: `local`, as everybody. */
  readonly local: (req: WebRequest) => Principal | undefined;
  /** Whether the request comes with the session of a browser. */
  readonly isIn: (req: WebRequest) => boolean;
  readonly principalOf: Access["principalOf"];
}

/** Requests of the console have the name of who sits there; any other program is `local`, as ever. */
const isOfConsole = ({ headers }: WebRequest): boolean => headers[consoleHeader] !== undefined;

/** The access control that the configuration asks for (`AUTH`). A token says more than the cookie beside it. */
export function accessOf(config: Config, verifiers: TokenVerifiers, browsers: Browsers): Access {
  const documentsArePublic = config.auth === "none" || config.isLoopback;
  if (config.auth === "none")
    return {
      documentsArePublic,
      principalOf: (req) => (isOfConsole(req) ? browsers.local(req) : undefined) ?? localPrincipal,
    };
  const byBearer = byToken(verifiers);
  const principalOf: Access["principalOf"] =
    config.auth === "proxy"
      ? byProxy(config)
      : (req) =>
          req.headers.authorization === undefined && browsers.isIn(req)
            ? browsers.principalOf(req)
            : byBearer(req);
  return { documentsArePublic, principalOf, resource: protectedResource(config) };
}

const isOpen = (scope: Operation["scope"], access: Access): boolean =>
  scope === "public" || (scope === "documents" && access.documentsArePublic);

/** Whom the caller says to act for; an audit entry must not have a wrong name. Throws a problem. */
function onBehalfOf(user: Principal, { headers }: WebRequest): string | undefined {
  const asserted = headers[httpHeader.actor];
  if (asserted === undefined || user.via === "proxy") return undefined;
  if (!isActor(asserted)) throw invalidHeader("X-Actor", "must be 1 to 128 visible ASCII characters");
  return permits(user, "actor:assert") ? asserted : undefined;
}

/** From here on the request is this one's: for the audit log, the log lines and the scope of Idempotency-Key. */
function setCaller(ctx: CallContext, req: WebRequest, user: Principal): Principal {
  const { exchange } = req;
  ctx.meta.actor = user.id;
  exchange.correlation = { ...exchange.correlation, actor: user.id };
  const other = onBehalfOf(user, req);
  if (other !== undefined) ctx.meta.onBehalfOf = other;
  return user;
}

/** Every scope that this request needs. */
function scopesOf(
  { scope, alsoScopes = [], queryScopes, streams }: Operation,
  { query, stream }: Exchange,
): Scope[] {
  const own = scope === "public" || scope === "documents" ? [] : [scope, ...alsoScopes];
  if (streams !== undefined && stream !== undefined) own.push(streams.scope);
  if (queryScopes === undefined || query === "") return own;
  const names = new URLSearchParams(query);
  return [
    ...own,
    ...Object.entries(queryScopes).flatMap(([name, needed]) => (names.has(name) ? needed : [])),
  ];
}

/** Counts whoever was not let in, and puts them on record. */
export const noteFailure = (
  error: unknown,
  req: WebRequest,
  refusals: Refusals,
  { authFailures }: Metrics,
): void => {
  const { operation } = req.exchange;
  const reason = failureOf(error);
  if (reason === undefined || operation === undefined) return;
  authFailures.inc({ reason });
  refusals.unauthenticated(req, operation, reason);
};

/** Why nobody is believed to have sent the request; undefined: it is not known whether they are to be believed. */
const failureOf = (error: unknown): AuthFailure | undefined =>
  error instanceof HttpProblem ? error.reason : undefined;

/** A challenge tells where one finds out whose tokens are taken (RFC 9728 §5.1). */
function pointed(error: unknown, req: WebRequest, { resource }: Access): unknown {
  if (!(error instanceof HttpProblem) || resource === undefined) return error;
  const challenge = error.headers["WWW-Authenticate"];
  if (challenge === undefined) return error;
  const { slug, message, reason, headers } = error;
  const told = `${challenge}, resource_metadata="${resource.urlFor(req)}"`;
  return new HttpProblem(slug, message, { headers: { ...headers, "WWW-Authenticate": told }, reason });
}

/** The two hooks of moleculer-web, of one gateway. */
export const accessHooks = (access: Access, refusals: Refusals, metrics: Metrics) => ({
  /** The caller, as `ctx.meta.user`; undefined where nobody is asked for. Throws a problem. */
  async authenticate(ctx: CallContext, _route: unknown, req: WebRequest): Promise<Principal | undefined> {
    const { operation } = req.exchange;
    if (operation === undefined || isOpen(operation.scope, access)) return undefined;
    try {
      return setCaller(ctx, req, await access.principalOf(req));
    } catch (error) {
      noteFailure(error, req, refusals, metrics);
      throw pointed(error, req, access);
    }
  },
  /** Throws a problem that names the first scope that is missing. */
  authorize(ctx: CallContext, _route: unknown, req: WebRequest): void {
    const { operation } = req.exchange;
    const { user } = ctx.meta;
    if (operation === undefined || user === undefined || user === null) return;
    const missing = scopesOf(operation, req.exchange).find((scope) => !permits(user, scope));
    if (missing === undefined) return;
    refusals.forbidden(req, operation, user, missing);
    throw pointed(forbidden(missing, user.because), req, access);
  },
});
