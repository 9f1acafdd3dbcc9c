/**
 * The bytes of a body, read as fast as they come and no slower than a client may be.
 *
 * Promise: at most so many bytes are kept. A body of which the end has not come with its head takes one of the places
 * that there are for such (addresses.ts), and gives it back by its time at the latest: `bodyGraceMs` and a second for
 * every 16 KB that have come. Who sends head and body at once needs none, and so is served whatever others do.
 */
import type { IncomingMessage } from "node:http";
import { HttpProblem, retryAfter } from "../problems/problems.ts";
import type { AddressLimits } from "./addresses.ts";
import { tooManyRequests } from "./quota.ts";

/** Too large a body is read on, and thrown away, up to this, so that the client can hear why; then it is cut off. */
const discardedBytesMax = 8 * 1024 * 1024;
/** A client that is no faster than this in the end is cut off. */
const bytesPerSecondMin = 16 * 1024;

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
export function readBytes(req: IncomingMessage, options: BodyOptions): Promise<Buffer> {
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
