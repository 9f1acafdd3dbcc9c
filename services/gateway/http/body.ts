/**
 * Promise: a JSON object of at most so many bytes, or a problem that says what is wrong with the body.
 *
 * Not moleculer-web's body parser: that decodes invalid UTF-8 to replacement characters, takes any media type for
 * no body, and its errors lose their kind on the way through the middlewares.
 */
import type { IncomingMessage } from "node:http";
import { HttpProblem, invalidField, problemFor } from "../problems/problems.ts";
import { type Operation, paramsOf } from "../routes/index.ts";
import { readBytes } from "./body-bytes.ts";
import { enterFlight, type Gate, type Middleware } from "./exchange.ts";
import { structureFault } from "./json-structure.ts";
import { readHead } from "./request-head.ts";

/** A user nests two levels; some thousands would overflow the stack of what serializes the call to the next service. */
const nestingLevelsMax = 16;
/** As much of a repeated member's name is told. */
const memberCharsMax = 64;

const hasBody = (req: IncomingMessage): boolean =>
  req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;

interface MediaType {
  readonly type: string;
  readonly charset: string;
}

function mediaTypeOf(header: string | undefined): MediaType | undefined {
  const [type = "", ...parameters] = (header ?? "").split(";").map((part) => part.trim());
  if (!/^[^\s/]+\/[^\s/]+$/.test(type)) return undefined;
  const charset = parameters
    .map((parameter) => /^charset="?([^"]*)"?$/i.exec(parameter)?.[1])
    .find((value) => value !== undefined);
  return { type: type.toLowerCase(), charset: (charset ?? "utf-8").toLowerCase() };
}

function requireMediaType(req: IncomingMessage, accepted: readonly string[]): void {
  const refuse = (detail: string, headers: Record<string, string> = {}) =>
    new HttpProblem("unsupported-media-type", detail, { headers });
  const media = mediaTypeOf(req.headers["content-type"]);
  if (media === undefined || !accepted.includes(media.type))
    throw refuse(
      `The body must be ${accepted.join(" or ")}`,
      req.method === "PATCH" ? { "Accept-Patch": accepted.join(", ") } : {},
    );
  if (media.charset !== "utf-8" && media.charset !== "utf8") throw refuse("The body's charset must be utf-8");
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity")
    throw refuse("The body must not be compressed", { "Accept-Encoding": "identity" });
}

function parse(bytes: Buffer): { readonly text: string; readonly value: unknown } {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch (error) {
    const detail = error instanceof SyntaxError ? "is not valid JSON" : "is not valid UTF-8";
    throw new HttpProblem("malformed-json", `The body ${detail}`);
  }
}

function requireStructure(text: string): void {
  const fault = structureFault(text, nestingLevelsMax);
  if (fault?.kind === "repeated")
    throw new HttpProblem(
      "malformed-json",
      `The body has an object with the member ${JSON.stringify(fault.member.slice(0, memberCharsMax))} twice`,
    );
  if (fault?.kind === "too-deep")
    throw new HttpProblem("invalid-fields", "The body nests too deep", {
      errors: [{ pointer: "#", detail: `must nest at most ${nestingLevelsMax} levels deep` }],
    });
}

/** Reads the request's body. No object in it has a member twice, so there is one way to read it. */
async function readJsonObject(
  req: IncomingMessage,
  { mediaTypes, optional }: NonNullable<Operation["body"]>,
  { addresses, config, limits }: Gate,
): Promise<Record<string, unknown>> {
  if (!hasBody(req)) {
    if (optional === true) return {};
    throw new HttpProblem("malformed-json", "The body is empty");
  }
  requireMediaType(req, mediaTypes);
  const { text, value } = parse(
    await readBytes(req, { bytesMax: config.bodyBytesMax, graceMs: limits.bodyGraceMs, addresses }),
  );
  requireStructure(text);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new HttpProblem("invalid-fields", "The body must be a JSON object", {
      errors: [{ pointer: "#", detail: "must be an object" }],
    });
  // zod passes over this one key, and Deno keeps it as a member like any other.
  if (Object.hasOwn(value, "__proto__")) throw invalidField("__proto__", "is not a known member");
  return value as Record<string, unknown>;
}

/**
 * The last step before the action: nobody who may not is told what is wrong with a request, is made to send a body, or
 * has a byte of it read. What only waits for its client is not in hand yet, so that no client takes what all need by
 * being slow.
 */
export const requestReader =
  (gate: Gate, operation: Operation): Middleware =>
  (req, _, next) => {
    const { exchange } = req;
    const { user } = req.$ctx.meta;
    try {
      if (user) gate.callers.enter(user, operation, exchange, gate.platform.now().getTime());
      readHead(req, operation);
      if (operation.body === undefined) {
        req.$params = paramsOf(operation, exchange, {});
        enterFlight(gate, exchange);
      }
    } catch (error) {
      // moleculer-web makes any other error of a middleware a new one, which has lost what it was.
      next(problemFor(error, (fault) => fault));
      return;
    }
    if (operation.body === undefined) {
      next();
      return;
    }
    readJsonObject(req, operation.body, gate)
      .then((members) => {
        req.$params = paramsOf(operation, exchange, members);
        enterFlight(gate, exchange);
      })
      .then(() => next(), next);
  };
