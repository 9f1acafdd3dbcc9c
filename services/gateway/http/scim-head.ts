/**
 * What a request of SCIM says in its head: its conditions, its query, and under which address it came.
 *
 * Promise: what SCIM does not know is ignored (RFC 7644 has no error for it), which REST refuses.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Config } from "../../config/index.ts";
import { httpHeader } from "../../contracts/headers.ts";
import { invalidParameter } from "../problems/problems.ts";
import type { Operation } from "../routes/index.ts";
import { originsBy } from "./addresses.ts";
import { scimPath, type WebRequest } from "./exchange.ts";
import { idempotencyKeyOf } from "./request-head.ts";

/** More of them, or longer ones, name no version of ours. */
const tagsMax = 100;
const tagCharsMax = 128;

/** As they were sent, weak ones too (RFC 7644 §3.14); undefined: no condition. */
function expectedOf(headers: IncomingHttpHeaders): string[] | undefined {
  const header = headers[httpHeader.ifMatch];
  if (header === undefined) return headers["if-none-match"]?.trim() === "*" ? [] : undefined;
  if (header.trim() === "*") return undefined;
  const tags = header.split(",").map((tag) => tag.trim());
  return tags.filter((tag) => tag !== "" && tag.length <= tagCharsMax).slice(0, tagsMax);
}

/**
 * A sender writes spaces in one way. One that writes them as %20 means a plus by `+`, as in `userName eq "a+b@example.com"`;
 * of a form (`application/x-www-form-urlencoded`) it is a space. Throws a URIError.
 */
const decodedValue = (raw: string): string =>
  decodeURIComponent(raw.includes("%20") ? raw : raw.replaceAll("+", " "));

/** The parameters that the row knows, each given once. Throws a problem or a URIError. */
function queryOf(query: string, known: Readonly<Record<string, unknown>>): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const pair of query.split("&")) {
    const [rawName = "", ...rawValue] = pair.split("=");
    const name = decodeURIComponent(rawName);
    if (!Object.hasOwn(known, name)) continue;
    if (Object.hasOwn(parameters, name)) throw invalidParameter(name, "must be given once");
    parameters[name] = decodedValue(rawValue.join("="));
  }
  return parameters;
}

/** Throws a problem. Locations begin with SCIM_BASE_URL, else as the client called us. */
export function scimHeadReader(config: Config): (req: WebRequest, operation: Operation) => void {
  const originOf = originsBy(config);
  return (req, operation) => {
    const { exchange, headers, $ctx } = req;
    const key = operation.write ? idempotencyKeyOf(headers) : undefined;
    if (key !== undefined) $ctx.meta.idempotencyKey = key;
    exchange.queryParams = queryOf(exchange.query, operation.query ?? {});
    exchange.scim = {
      baseUrl: config.scimBaseUrl ?? `${originOf(req)}${scimPath}`,
      expected: operation.conditional ? expectedOf(headers) : undefined,
    };
  };
}
