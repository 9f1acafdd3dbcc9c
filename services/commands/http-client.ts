/**
 * Promise: a command that asks a gateway for many things asks as fast as it is let, and no faster. At most
 * `atOnce.max` requests are under way; 429 and 503 make them fewer and are asked again after Retry-After, as is what got
 * lost on the way (so a write should carry its idempotency key). What stays out of reach for `patienceMs`
 * ends as an UnreachableError. Every other answer is the caller's, whatever its status.
 *
 * By node:http and not by `fetch`, which would be 24 lines less: of the client's CPU a GET on loopback took 140 µs one after
 * the other and 123 at 20 callers, with fetch 326 and 278, a PATCH 140 and 446, in the heap of `npm run import` (medians of
 * five rounds of 5,000 in one process, Node 24.21, 2 cores); with a heap of the usual size 1.5 to 2.2 times as much.
 */
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request as plainRequest } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { backoffMs, pause, TimeoutError } from "../../mixins/basics/pause.ts";
import { UnreachableError } from "../contracts/exits.ts";
import { httpHeader } from "../contracts/headers.ts";
import { reasonOf } from "../runtime/reasons.ts";

/**
 * A gateway lets a caller have 20, one that imports 40 (gateway/http/callers.ts): whoever has 20 is told so by a 429 now
 * and then. The more are under way, the more of them share a transaction.
 */
const atOnce = { first: 16, max: 32 } as const;
const requestTimeoutMs = 30_000;
/** Since something was answered last. */
const patienceMs = 120_000;
const pauseMs = { min: 200, max: 10_000 } as const;
/** Of a wait that is told, so much more by chance: what was refused together does not come again together. */
const spread = 0.2;
/** A longer wait is no advice that a command could follow. */
const retryAfterMaxMs = 60_000;
/** What a proxy in front of a gateway says while the gateway is away. */
const passing: readonly number[] = [429, 502, 503, 504];

export interface GatewayRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query, percent-encoded. */
  readonly path: string;
  readonly body?: unknown;
  readonly mediaType?: string;
  readonly correlationId?: string;
  readonly idempotencyKey?: string;
  /** As If-Match has it: the version that the user must have. */
  readonly version?: number;
  /** These are answers, too, though they could be asked again: by the slug of their problem. */
  readonly finalProblems?: readonly string[];
}

export interface GatewayAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** How often it was asked: of more than one, an earlier answer may have been lost. */
  readonly attempts: number;
  /** undefined: there is none, or none in JSON. */
  readonly body: unknown;
}

/** The body of an answer that is no success (RFC 9457). */
export interface ProblemBody {
  readonly type?: string;
  readonly title?: string;
  readonly detail?: string;
  readonly errors?: readonly {
    readonly detail: string;
    readonly pointer?: string;
    readonly conflict?: { readonly address: string; readonly status: string; readonly userId: string | null };
  }[];
}

export interface GatewayClient {
  readonly url: string;
  request(asked: GatewayRequest): Promise<GatewayAnswer>;
  /** How many requests were asked again, because the gateway wanted them later. */
  readonly delayed: number;
  close(): void;
}

export interface ClientOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token?: string | undefined;
  /** What can't be done without it, as in `Cannot import`. */
  readonly doing: string;
}

/** `domain-not-accepted` of `/problems/domain-not-accepted`. */
export const slugOf = ({ body }: GatewayAnswer): string | undefined =>
  (body as ProblemBody | undefined)?.type?.split("/").at(-1);

function headersOf(asked: GatewayRequest, token: string | undefined, content: Buffer | undefined) {
  const { correlationId, idempotencyKey, version, mediaType = "application/json" } = asked;
  return {
    accept: "application/json, application/problem+json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(content === undefined ? {} : { "content-type": mediaType, "content-length": content.length }),
    ...(correlationId === undefined ? {} : { [httpHeader.correlationId]: correlationId }),
    ...(idempotencyKey === undefined ? {} : { [httpHeader.idempotencyKey]: idempotencyKey }),
    ...(version === undefined ? {} : { [httpHeader.ifMatch]: `"${version}"` }),
  };
}

function jsonOf(chunks: readonly Buffer[]): unknown {
  try {
    return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return undefined;
  }
}

function answerOf(message: IncomingMessage): Promise<GatewayAnswer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("error", reject);
    message.on("aborted", () => reject(new TimeoutError("the answer broke off")));
    message.on("end", () =>
      resolve({
        status: message.statusCode ?? 0,
        headers: message.headers,
        attempts: 1,
        body: jsonOf(chunks),
      }),
    );
  });
}

/** One attempt; rejects when there is no answer. */
function sender(url: string, token: string | undefined) {
  const isTls = url.startsWith("https:");
  const agentOptions = { keepAlive: true, maxSockets: atOnce.max };
  const agent = isTls ? new TlsAgent(agentOptions) : new Agent(agentOptions);
  const open = isTls ? tlsRequest : plainRequest;
  const { hostname, port, pathname } = new URL(url);
  // As http takes them, without parsing the URL for each request; an IPv6 address comes without its brackets.
  const host = { host: hostname.replace(/^\[|\]$/g, ""), port: port || undefined };
  const folder = pathname.replace(/\/$/, "");
  const send = (asked: GatewayRequest): Promise<GatewayAnswer> => {
    const content = asked.body === undefined ? undefined : Buffer.from(JSON.stringify(asked.body));
    return new Promise((resolve, reject) => {
      const headers = headersOf(asked, token, content);
      const options = { ...host, path: `${folder}${asked.path}`, method: asked.method, agent, headers };
      const sent = open({ ...options, timeout: requestTimeoutMs }, (message) =>
        answerOf(message).then(resolve, reject),
      );
      sent.on("timeout", () => sent.destroy(new TimeoutError("no answer")));
      sent.on("error", reject);
      sent.end(content);
    });
  };
  return { send, close: () => agent.destroy() };
}

/** How many requests may be under way: one more for each round that went well, half of them after one that did not. */
function lane() {
  const waiting: (() => void)[] = [];
  let active = 0;
  let room: number = atOnce.first;
  return {
    async enter(): Promise<void> {
      // Who has waited has been given a place.
      if (active >= Math.floor(room)) await new Promise<void>((resolve) => waiting.push(resolve));
      else active += 1;
    },
    leave(wentWell: boolean): void {
      active -= 1;
      room = wentWell ? Math.min(atOnce.max, room + 1 / room) : Math.max(1, room / 2);
      for (let next: (() => void) | undefined; active < Math.floor(room); active += 1) {
        next = waiting.shift();
        if (next === undefined) break;
        next();
      }
    },
  };
}

function retryAfterMs({ headers }: GatewayAnswer): number | undefined {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) ? Math.min(retryAfterMaxMs, seconds * 1_000) : undefined;
}

const isPassing = (answer: GatewayAnswer, { finalProblems = [] }: GatewayRequest): boolean =>
  passing.includes(answer.status) && !finalProblems.includes(slugOf(answer) ?? "");

export function gatewayClient({ url, token, doing }: ClientOptions): GatewayClient {
  const { send, close } = sender(url, token);
  const { enter, leave } = lane();
  const closed = new AbortController();
  let heardAtMs = performance.now();
  let unanswered = 0;
  let delayed = 0;

  const outOfReach = (why: string, cause?: unknown): UnreachableError =>
    new UnreachableError(`Cannot ${doing}: ${url} ${why}`, { cause });

  /** undefined: once more, after the pause that it has made. */
  async function attempt(asked: GatewayRequest, failures: number): Promise<GatewayAnswer | undefined> {
    await enter();
    let waitMs = backoffMs(failures, pauseMs.min, pauseMs.max);
    let why: string | undefined;
    let failure: unknown;
    try {
      const answer = await send(asked);
      if (!isPassing(answer, asked)) {
        heardAtMs = performance.now();
        leave(true);
        return answer;
      }
      // Who limits us is there; who has nothing to say but that is out of reach after a while.
      if (answer.status === 429) heardAtMs = performance.now();
      // Whoever tells when to come knows it; a doubled wait would leave unused what is granted by then.
      const told = retryAfterMs(answer);
      if (told !== undefined) waitMs = Math.max(pauseMs.min, told) * (1 + spread * Math.random());
      why = `answers ${answer.status}: ${(answer.body as ProblemBody | undefined)?.detail ?? "no reason"}`;
    } catch (error) {
      failure = error;
      why = reasonOf(error);
    }
    leave(false);
    delayed += 1;
    if (performance.now() - heardAtMs > patienceMs) throw outOfReach(why, failure);
    await pause(waitMs, closed.signal);
    if (closed.signal.aborted) throw outOfReach(why, failure);
    return undefined;
  }

  return {
    url,
    get delayed() {
      return delayed;
    },
    async request(asked) {
      // While nothing was asked nobody can have answered.
      if (unanswered === 0) heardAtMs = performance.now();
      unanswered += 1;
      try {
        for (let failures = 0; ; failures += 1) {
          const answer = await attempt(asked, failures);
          if (answer !== undefined) return { ...answer, attempts: failures + 1 };
        }
      } finally {
        unanswered -= 1;
      }
    },
    close() {
      closed.abort();
      close();
    },
  };
}
