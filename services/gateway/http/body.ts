/**
 * Promise: a JSON object of at most so many bytes, or a problem that says what is wrong with the body. It is read as fast
 * as it comes and no slower than a client may be: one of which the end has not come with its head takes one of the places
 * that there are for such (addresses.ts), and gives it back by its time at the latest, a grace and a second for every
 * 16 KB that have come. Who sends head and body at once needs none, and so is served whatever others do.
 *
 * Not moleculer-web's body parser: that decodes invalid UTF-8 to replacement characters, takes any media type for
 * no body, and its errors lose their kind on the way through the middlewares.
 */
import type { IncomingMessage } from "node:http";
import { HttpProblem, invalidField, problemFor, retryAfter } from "../problems/problems.ts";
import { type Operation, paramsOf } from "../routes/index.ts";
import type { AddressLimits } from "./addresses.ts";
import type { Exchange, Gate, Middleware } from "./exchange.ts";
import { structureFault } from "./json-structure.ts";
import { bytesPerSecondMin } from "./limits.ts";
import { tooManyRequests } from "./quota.ts";
import { readHead } from "./request-head.ts";
import { scimHeadReader } from "./scim-head.ts";
import { enterStream } from "./stream-places.ts";

/** A user nests two levels; some thousands would overflow the stack of what serializes the call to the next service. */
const nestingLevelsMax = 16;
/** As much of a repeated member's name is told. */
const memberCharsMax = 64;

/** Too large a body is read on, and thrown away, up to this, so that the client can hear why; then it is cut off. */
const discardedBytesMax = 8 * 1024 * 1024;

interface BodyOptions {
  readonly bytesMax: number;
  readonly graceMs: number;
  readonly addresses: AddressLimits;
}

const hangUp = { Connection: "close" };

const tooLarge = (bytesMax: number, headers: Record<string, string>): HttpProblem =>
  new HttpProblem("body-too-large", `The body must have at most ${bytesMax} bytes`, { headers });

/** Returns how to leave; throws a problem. The rest of a body that is refused is not waited for. */
function enter(req: IncomingMessage, addresses: AddressLimits): () => void {
  const leave = addresses.body(req);
  if (typeof leave === "function") return leave;
  const { headers, slug, message } =
    leave === "address"
      ? tooManyRequests("This client is sending too many bodies at once", 1_000)
      : new HttpProblem("unavailable", "Cannot read the body: too many are on their way", {
          headers: retryAfter(),
        });
  throw new HttpProblem(slug, message, { headers: { ...headers, ...hangUp } });
}

interface Reading {
  /** Bytes that have come by now. */
  readonly bytes: () => number;
  readonly fail: (problem: unknown) => void;
}

/** Takes a place once this turn is over, and looks at the time; returns how to end both. */
function pacing(req: IncomingMessage, options: BodyOptions, { bytes, fail }: Reading): () => void {
  const startedAtMs = performance.now();
  let leave: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    const allowedMs = options.graceMs + (bytes() / bytesPerSecondMin) * 1_000;
    const leftMs = startedAtMs + allowedMs - performance.now();
    if (leftMs > 0) timer = setTimeout(look, Math.ceil(leftMs));
    else
      fail(
        new HttpProblem("request-timeout", "The body did not arrive completely in time", { headers: hangUp }),
      );
  };
  const begin = setImmediate(() => {
    try {
      leave = enter(req, options.addresses);
      look();
    } catch (error) {
      fail(error);
    }
  });
  return () => {
    clearImmediate(begin);
    clearTimeout(timer);
    leave?.();
  };
}

/** Rejects with a problem. A client that waits for 100-continue has been told nothing yet, so it can be refused at once. */
function readBytes(req: IncomingMessage, options: BodyOptions): Promise<Buffer> {
  const { bytesMax } = options;
  const declared = Number(req.headers["content-length"] ?? 0);
  if (declared > bytesMax && (req.headers.expect !== undefined || declared > discardedBytesMax))
    return Promise.reject(tooLarge(bytesMax, hangUp));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= bytesMax) chunks.push(chunk);
      else chunks.length = 0;
      if (bytes > discardedBytesMax) fail(tooLarge(bytesMax, hangUp));
    };
    const end = (): void => {
      if (bytes > bytesMax) fail(tooLarge(bytesMax, {}));
      else {
        over();
        resolve(Buffer.concat(chunks, bytes));
      }
    };
    const cut = (): void => {
      if (!req.complete) fail(new HttpProblem("malformed-request", "The body ended before its end"));
    };
    const fail = (problem: unknown): void => {
      over();
      chunks.length = 0;
      req.resume();
      reject(problem as Error);
    };
    const endPacing = pacing(req, options, { bytes: () => bytes, fail });
    const over = (): void => {
      endPacing();
      req.off("data", take).off("end", end);
    };
    req.on("data", take).once("end", end);
    req.once("error", cut).once("close", cut);
  });
}

/**
 * From here until its answer is there the request counts as one in hand: it has come as a whole, or has no body. Throws a
 * problem when there are too many.
 */
function enterFlight(gate: Gate, { leaves }: Exchange): void {
  if (gate.inFlight >= gate.limits.requestsInFlightMax)
    throw new HttpProblem("unavailable", "Cannot serve the request: the gateway has too many in hand", {
      headers: retryAfter(),
    });
  gate.inFlight += 1;
  leaves.push(() => {
    gate.inFlight -= 1;
  });
}

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
  { mediaTypes, optional, bytesMax }: NonNullable<Operation["body"]>,
  { addresses, config, limits }: Gate,
): Promise<Record<string, unknown>> {
  if (!hasBody(req)) {
    if (optional === true) return {};
    throw new HttpProblem("malformed-json", "The body is empty");
  }
  requireMediaType(req, mediaTypes);
  const { text, value } = parse(
    await readBytes(req, {
      bytesMax: bytesMax ?? config.bodyBytesMax,
      graceMs: limits.bodyGraceMs,
      addresses,
    }),
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
export const requestReader = (gate: Gate, operation: Operation): Middleware => {
  const readHeadOf = operation.protocol === "scim" ? scimHeadReader(gate.config) : readHead;
  return (req, res, next) => {
    const { exchange } = req;
    const { user } = req.$ctx.meta;
    try {
      if (user && user.via !== "none")
        gate.callers.enter(user, operation, exchange, gate.platform.now().getTime());
      readHeadOf(req, operation);
      if (exchange.stream !== undefined) enterStream(gate, req, res);
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
};
