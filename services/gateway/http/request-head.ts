/** What a request's head says beside the correlation, checked: its idempotency key, conditions and query. */
import type { IncomingHttpHeaders } from "node:http";
import { httpHeader, idempotencyKeyCharsMax, idempotencyKeyPattern } from "../../contracts/headers.ts";
import { type HttpProblem, invalidHeader, invalidParameter } from "../problems/problems.ts";
import type { Operation } from "../routes/index.ts";
import type { CallContext, WebRequest } from "./exchange.ts";

/** A string of structured fields (RFC 9651 §3.3.3), which is all that the header's draft takes. */
const quotedString = /^"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;
/** What everybody sends: no space and no quote in front, so that it can't be taken for a broken string. */
const bareKey = /^[\x21\x23-\x7e][\x21-\x7e]*$/;

/**
 * The key of Idempotency-Key (draft-ietf-httpapi-idempotency-key-header §2.1): a quoted string, whose content it is, or
 * bare; `"abc"` and `abc` name the same key. Throws a problem.
 */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | undefined {
  const header = headers[httpHeader.idempotencyKey];
  if (header === undefined) return undefined;
  const text = String(header);
  const quoted = quotedString.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, "$1");
  const key = quoted ?? text;
  if (!idempotencyKeyPattern.test(key) || (quoted === undefined && !bareKey.test(text)))
    throw invalidHeader(
      "Idempotency-Key",
      `must be 1 to ${idempotencyKeyCharsMax} visible ASCII characters, or a quoted string of as many printable ones`,
      "idempotency-key-invalid",
    );
  return key;
}

const malformedIfMatch = (): HttpProblem => invalidHeader("If-Match", 'must be * or tags like "3"');

const entityTag = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/;

/**
 * The versions that If-Match allows; undefined is no condition. Weak tags and tags that we never gave match nothing
 * (RFC 9110 §8.8.3.2), so they only fail to add a version: an empty list refuses every version.
 */
function expectedVersionsOf(headers: IncomingHttpHeaders): number[] | undefined {
  const header = headers[httpHeader.ifMatch];
  if (header === undefined) return headers["if-none-match"]?.trim() === "*" ? [] : undefined;
  const text = header.trim();
  if (text === "*") return undefined;
  // No version holds a comma, so a tag that does is not ours and may fall apart here into malformed parts.
  const tags = text.split(",").map((part) => part.trim());
  const versions: number[] = [];
  for (const tag of tags.filter((part) => part !== "")) {
    const match = entityTag.exec(tag);
    if (match === null) throw malformedIfMatch();
    const version = Number(match[2]);
    if (match[1] === undefined && /^[1-9]\d{0,14}$/.test(match[2] ?? "")) versions.push(version);
  }
  if (tags.every((part) => part === "")) throw malformedIfMatch();
  return versions;
}

/**
 * Query parameters, each known and given once; throws a problem that points to the first that is not, or a URIError,
 * which becomes a 400. A raw `+` in one of `texts` is a space, as forms and URLSearchParams write it. Everything else (an
 * address, a time, an id, a number) can't hold a space, so there the `+` is what it is in a URL, a plus.
 */
function queryOf(
  query: string,
  known: Readonly<Record<string, unknown>>,
  texts: readonly string[] = [],
): Record<string, string> {
  const parameters: Record<string, string> = {};
  if (query === "") return parameters;
  for (const pair of query.split("&").filter((part) => part !== "")) {
    const [rawName = "", ...rawValue] = pair.split("=");
    const name = decodeURIComponent(rawName);
    const raw = rawValue.join("=");
    const value = decodeURIComponent(texts.includes(name) ? raw.replaceAll("+", " ") : raw);
    if (!Object.hasOwn(known, name)) throw invalidParameter(name, "is not a known query parameter");
    if (Object.hasOwn(parameters, name)) throw invalidParameter(name, "must be given once");
    if (/\p{Cc}/u.test(value)) throw invalidParameter(name, "must not contain control characters");
    parameters[name] = value;
  }
  return parameters;
}

/** What the row takes of the head. Throws a problem. */
export function readHead({ exchange, headers, $ctx }: WebRequest, operation: Operation): void {
  const key = operation.write ? idempotencyKeyOf(headers) : undefined;
  if (key !== undefined) $ctx.meta.idempotencyKey = key;
  exchange.queryParams = queryOf(exchange.query, operation.query ?? {}, operation.texts);
  exchange.expectedVersions = operation.conditional ? expectedVersionsOf(headers) : undefined;
}

/** moleculer-web's `onBeforeCall`, once the alias is known: what is no part of anybody's rights. */
export function beforeCall(ctx: CallContext, _route: unknown, req: WebRequest): void {
  const { exchange } = req;
  ctx.requestID = exchange.correlation.correlationId;
  exchange.pathParams = (req.$params as { params?: Record<string, string> }).params ?? {};
}
